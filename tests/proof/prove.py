"""Drives many sequences over the compiled models and prints the numbers.

    .venv/bin/python -m tests.proof.prove --sequences 500 --seed 1

Seeds are counted up, one for every few sequences, so that progress can be told, and what fails be run alone.
"""

import argparse
import sys
import tempfile
import time
import traceback
from collections import Counter
from itertools import count
from pathlib import Path

from tests.integration.compiled_world import empty_world
from tests.proof.profiles import drive

_AT_ONCE = 20


def main() -> int:
    """Run from the command line.

    Returns:
        0 if nothing differed.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sequences", type=int, default=500, help="at least how many to drive")
    parser.add_argument("--seed", type=int, default=1, help=f"the first, one for {_AT_ONCE} sequences")
    options = parser.parse_args()
    tally: Counter[str] = Counter()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        compiled = empty_world(Path(folder))
        for seed in count(options.seed):
            if tally["sequences"] >= options.sequences:
                break
            try:
                tally += drive(compiled, seed, _AT_ONCE)
            except Exception:
                traceback.print_exc()
                print(f"\nSeed {seed} fails. Repeat it alone with: make prove SEED={seed} SEQUENCES=1")
                return 1
            print(
                f"seed {seed}: {tally['sequences']} sequences, {tally['builds']} builds,"
                f" {tally['rows compared']:,} rows compared, 0 differences,"
                f" {time.monotonic() - started:,.0f} s",
                flush=True,
            )
    print()
    for name, number in sorted(tally.items()):
        print(f"{name:30} {number:>12,}")
    print(f"{'differences':30} {0:>12}")
    print(f"{'seconds':30} {time.monotonic() - started:>12,.0f}")
    print(f"Repeat with: make prove SEQUENCES={options.sequences} SEED={options.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
