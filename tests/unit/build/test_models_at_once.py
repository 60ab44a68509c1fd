"""Models are built one at a time where two would share a memory that does not hold them."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import duckdb
import pytest

from orchestration import dbt_child
from orchestration.build import Build, BuildRequest
from orchestration.defs.dbt import _run_dbt
from tests.fixtures.release_world import make_settings

ROWS = 3_000_000


@pytest.mark.parametrize(
    ("is_full", "memory_limit", "expected"),
    [
        pytest.param(True, "0.2GB", 1, id="more-rows-than-memory-holds"),
        pytest.param(True, "3GB", 2, id="room-for-just-two-whatever-lies-elsewhere"),
        pytest.param(True, "2.999GB", 1, id="not-quite-room-for-two"),
        pytest.param(True, "2900MiB", 2, id="in-another-unit"),
        pytest.param(True, "16GB", 4, id="room-for-all"),
        pytest.param(False, "0.2GB", 4, id="an-increment-computes-few"),
    ],
)
def test_models_at_once(tmp_path: Path, is_full: bool, memory_limit: str, expected: int) -> None:
    settings = replace(make_settings(tmp_path), memory_limit=memory_limit, threads=4)
    build = Build(settings, BuildRequest())
    try:
        build.begin().is_full_refresh = is_full
        with duckdb.connect(str(settings.build_db)) as database:
            database.execute("create schema raw_leadproof; create schema raw_switched_off")
            database.execute(f"create table raw_leadproof.touches as select range as id from range({ROWS})")
            for other in ("main", "raw_switched_off"):
                database.execute(f"create table {other}.others as select range as id from range({ROWS})")
        assert build.models_at_once() == expected
    finally:
        build.close()


def test_dbt_runs_as_many_as_the_build_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Asked(Exception):
        """What dbt would have been run with."""

    def cli(args: list[str], **_: Any) -> None:
        raise Asked(args)

    monkeypatch.setenv("LEADPROOF_BUILD_ID", "")
    monkeypatch.setenv(dbt_child.PARENT, "")
    build = SimpleNamespace(
        begin=lambda: SimpleNamespace(build_id="b1"),
        choose_start=lambda is_in_part: True,
        phase=lambda name: nullcontext(),
        settings=replace(make_settings(tmp_path), threads=3),
        models_at_once=lambda: 1,
    )
    context, dbt, session = (
        SimpleNamespace(**each) for each in ({"is_subset": True}, {"cli": cli}, {"build": build})
    )
    with pytest.raises(Asked) as asked:
        list(_run_dbt(cast(Any, context), cast(Any, dbt), cast(Any, session)))
    (args,) = asked.value.args
    assert args[args.index("--threads") + 1] == "1"
