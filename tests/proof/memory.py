"""The real job with too little memory, each time with another limit.

What a limit does to one load belongs to ``tests/integration/test_landing_memory.py``.
"""

import random
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tests.integration.workshop import make_workshop
from tests.proof.late_file import (
    BUILD,
    GOLDEN,
    assert_told,
    drop_late_file,
    publish_golden,
    put_back,
    rows_for_readers,
    run,
    undisturbed,
)

_LEAST_MB, _MOST_MB = 20, 400


def prove_memory(folder: Path, points: int, seed: int) -> Counter[str]:
    """Let builds of a late file meet a low memory limit, every second one a build of everything.

    Args:
        folder: Empty folder.
        points: How many builds meet one.
        seed: Of the limits; low ones are drawn more often than high ones.

    Returns:
        How the builds ended.

    Raises:
        AssertionError: If a build neither succeeds nor says that memory was too small, if readers lose what
            they had, or if the build after it, with the usual limit, differs from an undisturbed one.
    """
    workshop = make_workshop(folder, GOLDEN)
    publish_golden(workshop)
    kept = folder / "kept"
    expected = undisturbed(workshop, kept)
    served = rows_for_readers(workshop)
    drawn = random.Random(seed)
    tally: Counter[str] = Counter()
    for point in range(points):
        limit = f"{_LEAST_MB * (_MOST_MB / _LEAST_MB) ** drawn.random():.0f}MB"
        words = (*BUILD, "--full-refresh") if point % 2 else BUILD
        told = f"with {limit} of memory"
        file = drop_late_file(workshop)
        done = replace(workshop, memory_limit=limit).leadproof(*words)
        tally["points"] += 1
        if done.returncode == 0:
            tally["builds that memory was enough for"] += 1
            assert rows_for_readers(workshop) == expected, f"the build {told} differs"
        else:
            assert_told(done, told, ("LEADPROOF_MEMORY_LIMIT",))
            failure = workshop.records()[-1]["failure"]
            assert failure["cause"] == "out_of_memory", f"{told}: {failure}"
            tally[f"out of memory in {failure['phase']}"] += 1
            assert rows_for_readers(workshop) == served, f"readers see something else {told}"
        run(workshop, *BUILD)
        assert rows_for_readers(workshop) == expected, f"the build after one {told} differs"
        tally["builds after it that are like an undisturbed one"] += 1
        file.unlink()
        put_back(kept, workshop.warehouse)
        print(f"point {point + 1}: {limit}, exit {done.returncode}", file=sys.stderr, flush=True)
    return tally
