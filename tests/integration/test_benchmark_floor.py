"""The benchmark's floor comes to the rows of the marts: one that computes something else measures nothing."""

import re
import shutil
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from benchmarks.floor import MARTS, SCRIPT, landed_files, run_floor
from orchestration.landing import load_landing
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.simulation import simulate
from tests.integration.compiled_world import CompiledWorld
from tests.integration.harness import begin_build, connect, fetch, load_policy, make_warehouse
from tests.reference.comparison import differences

pytestmark = pytest.mark.slow
END = datetime(2026, 11, 1)
SALT = "a secret"

OF_REPORTS = {"touches": ("campaign_source_system", "is_icp_fit", "person_segment")}
"""Columns that only reports read. The floor is a yardstick of the funnel, and makes no reports."""


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated company as typed files, in which some touches came again with other content."""
    folder = tmp_path_factory.mktemp("landing")
    simulate(folder, people=300, touches=6_000, file_format="parquet", end=END)
    original = landed_files(folder, "touches")[-1]
    corrected = folder / "leadproof" / "touches" / "update" / original.name
    corrected.parent.mkdir()
    with duckdb.connect() as database:
        database.execute(
            f"copy (select * replace (occurred_at - interval 3 day as occurred_at, null as email)"
            f" from read_parquet('{original}') limit 40) to '{corrected}' (format parquet)"
        )
    return folder


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory, empty_compiled_world: CompiledWorld, landing: Path
) -> Settings:
    """A warehouse whose models were built on these files."""
    root, compiled = tmp_path_factory.mktemp("built"), empty_compiled_world
    settings = make_warehouse(root / "models", landing, id_salt=SALT)
    shutil.copyfile(compiled.settings.build_db, settings.build_db)
    load_landing(settings, now=END)
    load_policy(settings, PROJECT_ROOT / "seeds")
    begin_build(settings, END)
    with connect(settings) as database:
        compiled.run_models(database)
    return settings


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory, landing: Path) -> Path:
    """The database that the hand-written script made of these files."""
    database = tmp_path_factory.mktemp("floor") / "floor.duckdb"
    run_floor(landing, database, END, id_salt=SALT, memory_limit="2GB", threads=1)
    return database


@pytest.mark.parametrize("mart", MARTS)
def test_floor_agrees_with_the_mart(built: Settings, floor: Path, mart: str) -> None:
    expected = fetch(built, f"select * from marts.{mart}")
    with duckdb.connect(str(floor), read_only=True) as database:
        cursor = database.execute(f"select * from marts.{mart}")
        names = [column[0] for column in cursor.description or ()]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    assert expected, "an empty table proves nothing"
    ignored = OF_REPORTS.get(mart, ())
    assert set(names) == set(expected[0]) - {*ignored}
    assert differences(mart, expected, found, ignored=ignored)[:20] == []


def test_floor_is_the_same_with_its_own_tables_on_disk(floor: Path, landing: Path, tmp_path: Path) -> None:
    on_disk = tmp_path / "on_disk.duckdb"
    run_floor(landing, on_disk, END, id_salt=SALT, memory_limit="2GB", threads=1, is_on_disk=True)
    with duckdb.connect() as database:
        database.execute(f"attach '{floor}' as one (read_only)")
        database.execute(f"attach '{on_disk}' as other (read_only)")
        for mart in MARTS:
            one, other = f"from one.marts.{mart}", f"from other.marts.{mart}"
            apart = f"({one} except all {other}) union all ({other} except all {one})"
            assert database.execute(apart).fetchall() == []
        (own,) = database.execute(
            "select count(*) from duckdb_tables() where database_name = 'other' and schema_name = 'main'"
        ).fetchone() or (0,)
    script = SCRIPT.read_text(encoding="utf-8").lower()
    temporary = re.findall(r"create or replace temp table (\w+)", script)
    dropped = re.findall(r"drop table (\w+)", script)
    assert own == len({*temporary} - {*dropped}), "the script's own tables lie in the database"
    assert len(re.findall(r"\btemp(?:orary)?\s+table\b", script)) == len(temporary), "one is spelt otherwise"
