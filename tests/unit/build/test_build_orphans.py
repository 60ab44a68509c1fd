"""A killed build leaves a dbt behind that still writes; the next build waits for it."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from orchestration import build
from orchestration.build import Build, BuildRequest
from orchestration.settings import load_settings

HOLD = "import duckdb, sys; d = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.readline()"

WAITING = "Waiting for the process that still uses the build database"


def test_build_waits_for_the_process_that_still_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(load_settings(), warehouse=tmp_path)
    settings.build_db.parent.mkdir(parents=True)
    duckdb.connect(str(settings.build_db)).close()
    told: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(settings.build_db)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdout.readline()

        def say(words: str) -> None:
            told.append(words)
            if words == WAITING:
                holder.stdin.close()  # it lets go only once the build is known to wait

        monkeypatch.setattr(build, "say", say)
        made = Build(settings, BuildRequest())
        try:
            made.begin()
        finally:
            made.close()
    assert WAITING in told
    assert made.record is not None
    assert made.record.failure is None
