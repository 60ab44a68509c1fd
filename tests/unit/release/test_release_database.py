"""DuckDB as publication uses it."""

import subprocess
import sys
from datetime import date, datetime

import duckdb
import pytest

from orchestration.release.database import identifier, literal, value, writer
from orchestration.settings import PROJECT_ROOT
from tests.fixtures.release_world import make_settings

STARTS_LIGHT = """
import sys
from pathlib import Path
from orchestration.release import list_releases, open_release, rollback
from tests.fixtures.release_world import make_release, make_settings
settings = make_settings(Path(sys.argv[1]))
make_release(settings, 1)
rollback(settings, list_releases(settings)[0].release_id)
open_release(settings).execute("select count(*) from marts.people").fetchall()
print(sorted({"pandas", "dagster", "great_expectations", "dbt"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    "content",
    [
        None,
        True,
        False,
        0,
        -7,
        0.1,
        1e-300,
        float("inf"),
        'it\'s "quoted"; -- x',
        "",
        "Ü|é",
        date(2026, 2, 1),
    ],
)
def test_value_comes_back_as_it_was(content):
    assert duckdb.sql(f"select {value(content)}").fetchall() == [(content,)]


def test_value_of_a_moment_keeps_microseconds():
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901)
    assert duckdb.sql(f"select {value(moment)}").fetchall() == [(moment,)]


@pytest.mark.parametrize("name", ["plain", 'with "quotes"', "it's", "select", "a b; drop table x"])
def test_identifier_names_exactly_that(name):
    with duckdb.connect() as connection:
        connection.execute(f"create table {identifier(name)} (x integer)")
        found = connection.execute(
            f"select 1 from duckdb_tables() where table_name = {literal(name)}"
        ).fetchall()
    assert found == [(1,)]


@pytest.mark.parametrize(
    "statement",
    [
        "select * from read_text('{outside}')",
        "copy (select 1) to '{outside}'",
        "attach '{outside}.duckdb' as other",
        "set enable_external_access = true",
        "set allowed_directories = ['/']",
    ],
)
def test_writer_reaches_only_its_folders(tmp_path, statement):
    settings = make_settings(tmp_path)
    inside, outside = tmp_path / "inside", tmp_path / "outside.txt"
    inside.mkdir()
    outside.write_text("private", encoding="utf-8")

    with writer(settings, [inside]) as connection:
        connection.execute(f"copy (select 1 as x) to {literal(inside / 'x.parquet')}")
        with pytest.raises(duckdb.Error):
            connection.execute(statement.format(outside=outside)).fetchall()

    assert outside.read_text(encoding="utf-8") == "private"


def test_publishing_and_rolling_back_import_nothing_heavy(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", STARTS_LIGHT, str(tmp_path)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "[]\n"
