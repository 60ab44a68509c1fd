"""Models are built one at a time where two would share a memory that does not hold them."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from orchestration.build import Build, BuildRequest
from orchestration.dbt import dbt_args
from tests.fixtures.release_world import make_settings

ROWS = 3_000_000


@pytest.mark.parametrize(
    ("is_full", "memory_limit", "expected"),
    [
        pytest.param(True, "2GB", 1, id="more-rows-than-memory-holds"),
        pytest.param(True, "2000 MiB", 1, id="in-another-unit"),
        pytest.param(True, "16GB", 2, id="room-for-all"),
        pytest.param(False, "2GB", 2, id="an-increment-computes-few"),
    ],
)
def test_models_at_once(tmp_path: Path, is_full: bool, memory_limit: str, expected: int) -> None:
    settings = replace(make_settings(tmp_path), memory_limit=memory_limit, threads=2)
    build = Build(settings, BuildRequest())
    try:
        build.begin().is_full_refresh = is_full
        with duckdb.connect(str(settings.build_db)) as database:
            database.execute("create schema raw_leadproof")
            database.execute(f"create table raw_leadproof.touches as select range as id from range({ROWS})")
            database.execute(f"create table main.others as select range as id from range({ROWS})")
        assert build.models_at_once() == expected
    finally:
        build.close()


def test_dbt_is_told(tmp_path: Path) -> None:
    settings = replace(make_settings(tmp_path), threads=3)
    for models_at_once, expected in ((None, "3"), (1, "1")):
        args = dbt_args("build", settings, models_at_once=models_at_once, is_overridden=False)
        assert args[args.index("--threads") + 1] == expected
