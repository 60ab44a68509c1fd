"""Judges many simulated worlds, drives many sequences, over the compiled models and through the real job, and
prints the numbers.

    .venv/bin/python -m tests.proof.prove --sequences 500 --jobs 40 --worlds 1000 --seed 1

Seeds are counted up, one for every few sequences over the compiled models and for each one through the job,
so that progress can be told, and what fails be run alone.
"""

import argparse
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path

from tests.integration.compiled_world import empty_world
from tests.proof.profiles import drive, drive_job
from tests.proof.shop import opened_shop
from tests.proof.verdicts import ALLOWED, Judge, measured

_AT_ONCE = 20


def main() -> int:
    """Run from the command line.

    Returns:
        0 if nothing differed.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--sequences", type=int, default=500, help="at least how many to drive over the compiled models"
    )
    parser.add_argument("--jobs", type=int, default=40, help="how many to drive through the real job")
    parser.add_argument("--worlds", type=int, default=1000, help="how many worlds' verdicts to judge")
    parser.add_argument("--seed", type=int, default=1, help="the first; each stands for a few sequences")
    options = parser.parse_args()
    is_proved = True
    with tempfile.TemporaryDirectory() as folder:
        compiled = empty_world(Path(folder))
        if options.worlds:
            is_proved = _prove_verdicts(Judge(compiled), options.worlds, options.seed)
        if options.sequences and is_proved:
            is_proved = _prove(
                "over the compiled models",
                options.sequences,
                options.seed,
                lambda seed: drive(compiled, seed, _AT_ONCE),
                "SEQUENCES=1 JOBS=0 WORLDS=0",
            )
        if options.jobs and is_proved:
            with opened_shop(Path(folder) / "job") as shop:
                is_proved = _prove(
                    "through the real job",
                    options.jobs,
                    options.seed,
                    lambda seed: drive_job(compiled, shop, seed),
                    "SEQUENCES=0 JOBS=1 WORLDS=0",
                )
    print(
        f"Repeat with: make prove SEQUENCES={options.sequences} JOBS={options.jobs}"
        f" WORLDS={options.worlds} SEED={options.seed}"
    )
    return 0 if is_proved else 1


def _prove(
    where: str, sequences: int, first_seed: int, run: Callable[[int], Counter[str]], alone: str
) -> bool:
    """Drive sequences, seed by seed, and print what they did."""
    print(f"Sequences {where}")
    tally: Counter[str] = Counter()
    started = time.monotonic()
    for seed in count(first_seed):
        if tally["sequences"] >= sequences:
            break
        try:
            tally += run(seed)
        except Exception:
            traceback.print_exc()
            print(f"\nSeed {seed} fails. Repeat it alone with: make prove SEED={seed} {alone}")
            return False
        except KeyboardInterrupt:
            print(f"\nInterrupted during seed {seed}; what was driven until then:")
            break
        print(
            f"seed {seed}: {tally['sequences']} sequences, {tally['builds']} builds,"
            f" {tally['rows compared']:,} rows compared, 0 differences,"
            f" {time.monotonic() - started:,.0f} s",
            flush=True,
        )
    print()
    for name, number in sorted(tally.items()):
        print(f"{name:45} {number:>12,}")
    print(f"{'differences':45} {0:>12}")
    print(f"{'seconds':45} {time.monotonic() - started:>12,.0f}\n")
    return tally["sequences"] >= sequences


def _prove_verdicts(judge: Judge, worlds: int, seed: int) -> bool:
    """Judge worlds whose truth is known, and print how often that was false."""
    print(f"Verdicts on {worlds:,} worlds of each kind")
    started, is_proved = time.monotonic(), True
    for figure in measured(judge, worlds, seed):
        is_kept = figure.name not in ALLOWED or ALLOWED[figure.name](figure.value)
        is_proved = is_proved and is_kept
        print(f"{figure.told:75} {figure.value:>10.4f}{'' if is_kept else '  (not as promised)'}", flush=True)
    print(f"{'seconds':75} {time.monotonic() - started:>10,.0f}\n")
    return is_proved


if __name__ == "__main__":
    sys.exit(main())
