"""A loader that is killed again and again still loads every row exactly once."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.settings import PROJECT_ROOT

FILES, ROWS = 12, 3_000
LOAD = """
import sys
from pathlib import Path
from orchestration.landing import load_landing
from orchestration.settings import Settings
landing, warehouse = map(Path, sys.argv[1:])
settings = Settings(landing, warehouse, "", "1GB", 2, (), {}, 3, warehouse)
load_landing(settings, declared={}, progress=lambda text: print(text, flush=True))
"""


@pytest.mark.slow
def test_killed_loads_lose_and_repeat_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "landing" / "crm" / "leads"
    folder.mkdir(parents=True)
    for number in range(FILES):
        rows = "".join(f"{number}-{row},value {row}\n" for row in range(ROWS))
        (folder / f"{number:02}.csv").write_text("id,value\n" + rows)
    command = [sys.executable, "-c", LOAD, str(tmp_path / "landing"), str(tmp_path / "warehouse")]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    for survived in (1, 2, 3):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert process.stdout is not None
        for _ in range(survived):
            process.stdout.readline()
        process.kill()
        process.communicate()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    with duckdb.connect(str(tmp_path / "warehouse" / "build" / "leadproof.duckdb")) as connection:
        counted = connection.execute("select count(*), count(distinct id) from raw_crm.leads").fetchone()
        ledger = connection.execute("select count(*), sum(row_count) from landing.files").fetchone()
    assert counted == (FILES * ROWS, FILES * ROWS)
    assert ledger == (FILES, FILES * ROWS)
