"""dbt ends with the build that started it."""

import signal
import subprocess
import sys
import time

from tests.proof.processes import is_alive

CHILD = """
import os, time
from orchestration import dbt_child
dbt_child.end_with(int(os.environ["P"]))
time.sleep(60)
"""
PARENT = f"""
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], env=os.environ | {{"P": str(os.getpid())}})
print(child.pid, flush=True)
time.sleep(60)
"""
_PATIENCE_SECONDS = 20


def test_a_killed_build_leaves_no_dbt_behind() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    time.sleep(1)
    assert is_alive(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(child)
