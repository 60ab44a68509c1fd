"""Processes by their ids: which are alive, which are children, and how they are killed."""

import contextlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path


def is_alive(process: int) -> bool:
    """Whether a process runs; one that has ended and waits to be asked after does not."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def children_of(process: int) -> list[int]:
    """The processes that a process, with any of its threads, has started and that still run."""
    found = []
    for listed in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in listed.read_text(encoding="utf-8").split()]
    return [child for child in found if is_alive(child)]


def end(processes: Sequence[int]) -> None:
    """Kill processes."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def end_session(leader: int) -> None:
    """Kill a process that leads a session, and all that it started, at once."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
