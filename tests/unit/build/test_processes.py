"""A process is known again, and not taken for another that has its number by now."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from orchestration import processes
from orchestration.processes import is_running, own_mark


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.communicate(b"\n")


def test_own_process_runs() -> None:
    assert own_mark().startswith(f"{os.getpid()}@")
    assert is_running(own_mark())
    assert is_running(str(os.getpid()))


def test_process_that_has_ended_does_not_run() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert is_running(str(process.pid)) is False, "it has ended, and nobody has asked about it"
    assert is_running(str(process.pid)) is False


def test_number_that_is_another_process_by_now(child: subprocess.Popen[bytes]) -> None:
    number, _, started = own_mark().partition("@")
    boot, _, moment = started.partition(":")
    assert is_running(f"{child.pid}@{started}") is False
    assert is_running(f"{number}@{boot}:{int(moment) + 1}") is False
    assert is_running(f"{number}@00000000-0000-0000-0000-000000000000:{moment}") is False


@pytest.mark.parametrize("mark", ["", "x", "-1", "@", "1.5"])
def test_what_is_no_mark(mark: str) -> None:
    assert is_running(mark) is None


def test_system_that_tells_no_more_than_numbers(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    told_more = own_mark()
    monkeypatch.setattr(processes, "_PROC", tmp_path)
    assert own_mark() == str(os.getpid())
    assert is_running(own_mark()) and is_running(told_more)
