"""The real job in a closed room: nothing is sent, and a full disk ends it clearly."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestration.settings import PROJECT_ROOT

pytestmark = pytest.mark.slow
_SECONDS = 1200


def confined(kind: str, *words: str) -> dict[str, Any]:
    room = ["unshare", "--map-root-user", kind]
    try:
        is_possible = subprocess.run([*room, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        is_possible = False
    if not is_possible:
        pytest.skip("This machine gives an ordinary account no namespaces of its own (unshare).")
    done = subprocess.run(
        [*room, sys.executable, "-m", "tests.proof.confined", *words],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def test_demo_sends_nothing(tmp_path: Path) -> None:
    assert confined("--net", "network", str(tmp_path / "room")) == {"attempts": 0, "released": True}


@pytest.mark.long
def test_full_disk_ends_a_build_clearly_and_the_next_one_mends_it(tmp_path: Path) -> None:
    told = confined("--mount", "disk", str(tmp_path / "room"), "--points", "3", "--seed", "1")
    assert told["points"] == told["builds after it that are like an undisturbed one"] == 3
    assert any(name.startswith("full in") for name in told)
