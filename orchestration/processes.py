"""Which process a mark means, although its number may be another's by now. What it did belongs to its run."""

import os
from pathlib import Path

_PROC = Path("/proc")
_ENDED = ("Z", "X")  # what a process is that has ended and that nobody has asked about


def own_mark() -> str:
    """Mark this process, so that it can be told from a later one of the same number.

    In a container numbers are small and soon given again, to a process of the container after it.

    Returns:
        Its number and, where the system tells, the boot and the moment of its start.
    """
    number = os.getpid()
    started = _start(number)
    return str(number) if started is None else f"{number}@{started}"


def is_running(mark: str) -> bool | None:
    """Say whether the process of a mark still runs.

    Args:
        mark: What ``own_mark`` gave, or a number alone.

    Returns:
        Whether it does; None if the text is no mark.
    """
    number, _, started = mark.partition("@")
    if not number.isdecimal():
        return None
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # another account's, perhaps because the number is another's
    now = _start(int(number))
    return now is None or (now not in _ENDED and started in ("", now))


def _start(number: int) -> str | None:
    """Boot and moment in which a process began, or that it has ended; None where the system does not tell."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # The name, in parentheses, may hold anything; the state and the start are the 3rd and the 22nd field.
        told = (_PROC / str(number) / "stat").read_bytes().rpartition(b")")[2].split()
        state, moment = told[0].decode("ascii"), told[19].decode("ascii")
    except (OSError, ValueError, IndexError):
        return None
    return state if state in _ENDED else f"{boot}:{moment}"
