"""The real job killed over and over: at the beginning of every phase, and at any moment.

Less happens between two builds than in a sequence (``job_machine``), so there are more kills in less time.
"""

import shutil
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from orchestration.simulation import simulate
from tests.integration.compiled_world import CompiledWorld
from tests.proof.agreement import differing_rows
from tests.proof.job import JobWarehouse
from tests.proof.kills import PHASES, TARGETS, Kill
from tests.proof.shop import Shop

_END = datetime(2026, 3, 1, 12)
_PEOPLE, _DAYS = 100, 120
_AT_MOST_BETWEEN_BUILDS = 5
_AT_BEGIN_EVERY = 3
_SHOWN = 20


def prove_job_kills(compiled: CompiledWorld, shop: Shop, place: Path, seed: int, kills: int) -> Counter[str]:
    """Kill builds, up to five between two that may end; look at what readers see after each.

    Args:
        compiled: The compiled models, for rebuilds.
        shop: Where the job runs.
        place: An empty folder.
        seed: Decides what is delivered, and when and whom the kills hit.
        kills: How many builds to kill. With every third seed, the first among them, ten hit each phase as it
            begins, and with dbt all targets; all others hit any moment.

    Returns:
        What was done, counted.

    Raises:
        AssertionError: If readers see anything but a whole release, or if the next build needs help or comes
            to something else than a rebuild.
    """
    rng, tally = Random(seed), Counter[str]()
    warehouse = JobWarehouse(compiled, place / "warehouse", shop, tally)
    warehouse.share_from(rng.choice((20, 5_000_000)))
    held = _simulated(place / "files", seed)
    as_of = _END
    try:
        for group in _groups(rng, _drawn(rng, kills, is_at_begin=seed % _AT_BEGIN_EVERY == 1)):
            for kill in group:
                _deliver(held, warehouse, rng)
                as_of += timedelta(days=1)
                tally["kills tried"] += 1
                hit = tally["kills"]
                warehouse.build_killed(as_of, kill)
                when = "any moment" if kill.share else "the beginning of a phase"
                tally[f"kills at {when}"] += tally["kills"] - hit
                _hold(warehouse.differences_for_readers(), f"what was published, after {kill}")
            if rng.random() < 0.5:
                warehouse.wait_for_orphans()
            as_of += timedelta(days=1)
            warehouse.build(as_of)
            _hold(warehouse.differences_for_readers(), "what was published")
            marts = warehouse.marts()
            _hold(differing_rows(warehouse.rebuilt_marts(), marts), f"a rebuild, after {group}")
            tally["builds"] += 1
            tally["builds that continued"] += warehouse.is_increment
            tally["rows compared"] += sum(len(rows) for rows in marts.values())
    finally:
        warehouse.close()
    return tally


def _drawn(rng: Random, kills: int, *, is_at_begin: bool) -> list[Kill]:
    """Kills at the beginning of each phase, if asked for, then at any moment; not of what has ended."""
    first: list[Kill] = []
    if is_at_begin:
        first = [Kill(phase, 0, TARGETS[0]) for phase in PHASES]
        first += [Kill("dbt", 0, target) for target in TARGETS[1:]]
        rng.shuffle(first)
    any_moment = [
        Kill(phase, rng.uniform(0.001, 0.95), rng.choice(TARGETS) if phase == "dbt" else TARGETS[0])
        for phase in rng.choices([*PHASES, "dbt", "dbt", "dbt"], k=max(kills - len(first), 0))
    ]
    return [*first[:kills], *any_moment]


def _groups(rng: Random, kills: Sequence[Kill]) -> list[Sequence[Kill]]:
    groups, begin = [], 0
    while begin < len(kills):
        end = begin + rng.randint(1, _AT_MOST_BETWEEN_BUILDS)
        groups.append(kills[begin:end])
        begin = end
    return groups


def _simulated(folder: Path, seed: int) -> list[tuple[Path, Path]]:
    """Files of a company, and where each belongs in the landing folder; touches come last, one by one."""
    simulate(folder, people=_PEOPLE, days=_DAYS, seed=seed, end=_END, dirt=True)
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    paths.sort(key=lambda path: "touches" in path.parts)
    return [(path, path.relative_to(folder)) for path in paths]


def _deliver(held: list[tuple[Path, Path]], warehouse: JobWarehouse, rng: Random) -> None:
    """Drop some of the files that have not come yet: at first the most, then one by one."""
    number = len(held) * 2 // 3 if not warehouse.is_built and len(held) > 3 else rng.randint(0, 1)
    for path, name in held[:number]:
        target = warehouse.settings.landing / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    del held[:number]


def _hold(found: list[str], what: str) -> None:
    assert not found, f"{len(found)} differences from {what}:\n" + "\n".join(found[:_SHOWN])
