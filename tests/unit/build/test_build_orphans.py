"""A killed build leaves a dbt behind that still writes; the next build waits for it."""

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from orchestration import build
from orchestration.build import Build, BuildRequest
from orchestration.settings import load_settings

HOLD = "import duckdb, sys, time; d = duckdb.connect(sys.argv[1]); print('held', flush=True); time.sleep(2)"


def test_build_waits_for_the_process_that_still_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(load_settings(), warehouse=tmp_path)
    settings.build_db.parent.mkdir(parents=True)
    duckdb.connect(str(settings.build_db)).close()
    told: list[str] = []
    monkeypatch.setattr(build, "say", told.append)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(settings.build_db)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        started = time.monotonic()
        made = Build(settings, BuildRequest())
        try:
            made.begin()
        finally:
            made.close()
        waited = time.monotonic() - started
    assert waited > 1
    assert "Waiting for the process that still uses the build database" in told
    assert made.record is not None
    assert made.record.failure is None
