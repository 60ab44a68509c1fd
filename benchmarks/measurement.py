"""Runs a command and says what it took: time, processor, memory of the whole process tree.

Which commands are run does not belong here.
"""

import contextlib
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_INTERVAL_SECONDS = 0.25
# Adding up a folder's files is dearer than adding up memory.
_SAMPLES_FOR_EACH_SIZE = 8
Interval = tuple[float, float]
"""From when to when, in seconds since 1970 (UTC)."""
_TOLD_CHARACTERS = 400


@dataclass(frozen=True)
class Sample:
    """What was taken at a moment.

    Args:
        at: Seconds since 1970 (UTC).
        memory_bytes: Sum of RSS over the process tree.
        size_bytes: Disk space, as it was last looked up; 0 where nobody asked.
    """

    at: float
    memory_bytes: int
    size_bytes: int


@dataclass(frozen=True)
class Measured:
    """What a command took.

    Args:
        wall_seconds: From start to end.
        cpu_seconds: User and system time of all its processes.
        peak_bytes: Largest sum of RSS over the process tree, sampled four times a second. What is shared
            counts for each; PSS would not, but takes a tenth of a core to read.
        exit_code: Below zero: ended by that signal; None: stopped at its time limit.
        told: The last line that it printed.
        samples: Memory and disk space over time.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    exit_code: int | None
    told: str
    samples: Sequence[Sample] = field(default=(), repr=False)

    def facts(self) -> dict[str, float | int | str | None]:
        """All but the samples, for a JSON file."""
        return {name: value for name, value in vars(self).items() if name != "samples"}


def peaks_within(samples: Iterable[Sample], intervals: Sequence[Interval]) -> dict[str, int]:
    """Say how much memory and disk was taken at most in parts of the time.

    Args:
        samples: What was sampled.
        intervals: The parts; what begins and ends between two samples was not seen.

    Returns:
        ``memory_bytes`` and ``size_bytes``; empty where nothing was sampled within.
    """
    seen = [each for each in samples if any(since <= each.at <= until for since, until in intervals)]
    if not seen:
        return {}
    return {
        "memory_bytes": max(each.memory_bytes for each in seen),
        "size_bytes": max(each.size_bytes for each in seen),
    }


def measure(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    log: Path,
    limit_bytes: int | None = None,
    limit_seconds: float | None = None,
    size: Callable[[], int] | None = None,
) -> Measured:
    """Run a command to its end.

    Args:
        command: Program and words.
        environment: Its whole environment.
        folder: Its working directory.
        log: File for what it prints.
        limit_bytes: Address space that it may use; None for all there is.
        limit_seconds: Time after which it is stopped; None for none.
        size: Gives the bytes on disk that are to be watched; None watches none.

    Returns:
        What it took.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if limit_bytes is not None:
            resource.prlimit(process.pid, resource.RLIMIT_AS, (limit_bytes, limit_bytes))
        sampler = _Sampler(process.pid, size)
        sampler.start()
        exit_code: int | None
        try:
            exit_code = process.wait(limit_seconds)
        except subprocess.TimeoutExpired:
            exit_code = None
        finally:
            # What it started (dbt, say) must not outlive it, whether it hangs or this process is stopped.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            sampler.stop()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    told = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return Measured(
        wall_seconds=time.monotonic() - begun,
        cpu_seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        peak_bytes=max((each.memory_bytes for each in sampler.samples), default=0),
        exit_code=exit_code,
        told=told[:_TOLD_CHARACTERS],
        samples=sampler.samples,
    )


class _Sampler(threading.Thread):
    """Watches the memory of a process and all below it, and disk space.

    Args:
        pid: The process.
        size: Gives the bytes on disk; None for none.
    """

    def __init__(self, pid: int, size: Callable[[], int] | None) -> None:
        super().__init__(daemon=True)
        self.samples: list[Sample] = []
        self._pid = pid
        self._size = size
        self._ended = threading.Event()

    def run(self) -> None:
        """Sample until stopped."""
        size_bytes = 0
        while not self._ended.wait(_INTERVAL_SECONDS):
            if self._size is not None and len(self.samples) % _SAMPLES_FOR_EACH_SIZE == 0:
                with contextlib.suppress(OSError):  # a file went away between being seen and being measured
                    size_bytes = self._size()
            memory_bytes = sum(_rss(pid) for pid in _tree(self._pid))
            self.samples.append(Sample(time.time(), memory_bytes, size_bytes))

    def stop(self) -> None:
        """Stop sampling."""
        self._ended.set()
        self.join()


def _tree(root: int) -> list[int]:
    """List a process and its descendants; those that end meanwhile are left out."""
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                waiting.extend(int(child) for child in task.read_text().split())
            except OSError:
                continue
    return found


def _rss(pid: int) -> int:
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def machine() -> dict[str, str | int | float]:
    """Describe the machine as far as figures depend on it.

    Returns:
        Cores that may be used, memory in gigabytes, load (processes that run or wait, a minute's mean).
    """
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(pages / 1e9, 1),
        "load": round(os.getloadavg()[0], 1),
    }
