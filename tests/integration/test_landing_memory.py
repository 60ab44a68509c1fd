"""A file larger than the memory allowed is loaded in passing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.settings import PROJECT_ROOT

ROWS = 2_500_000
LOAD = """
import json, resource, sys
from pathlib import Path
from orchestration.landing import load_landing
from orchestration.settings import Settings
landing, warehouse = map(Path, sys.argv[1:])
settings = Settings(landing, warehouse, "", "160MB", 1, (), {}, 3, warehouse)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
report = load_landing(settings, declared={})
print(json.dumps([report.rows, sum(table.rejects for table in report.tables), peak() - before]))
"""


@pytest.mark.slow
def test_large_file_is_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "landing" / "crm" / "touches" / "large.csv"
    path.parent.mkdir(parents=True)
    with path.open("w") as file:
        file.write("id,email,occurred_at,note\n")
        for start in range(0, ROWS, 10_000):
            file.write(
                "".join(
                    f'{number},person{number}@example.com,2026-01-01 00:00:00,"text, number {number}'
                    f' of a note that makes the file longer: {number * 7919 % 1_000_003:040}"\n'
                    for number in range(start, start + 10_000)
                )
            )
        file.write('broken,"line\n')
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path / "landing"), str(tmp_path / "warehouse")],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
    )
    rows, rejects, grown_bytes = json.loads(done.stdout)
    assert (rows, rejects) == (ROWS, 1)
    assert path.stat().st_size > 370_000_000
    assert grown_bytes < 300_000_000
