"""Worlds of messages whose true rates are known, judged every day by the very SQL that judges real ones.

What is proved: of the verdicts `scale` and `stop`, however often one looks, few are false, and messages that
keep more than was promised are found. What the verdicts mean stands in decision 0022.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from orchestration.settings import PROJECT_ROOT
from tests.integration.compiled_world import CompiledWorld

PROMISED = 0.05
MESSAGES = 40
DAYS = 120
AT_ONCE = 25  # worlds that one query judges
SCENARIOS: dict[str, tuple[float, ...]] = {
    "all promises just kept": (0.05,) * MESSAGES,
    "some kept, some not": (0.05,) * 16 + (0.02,) * 4 + (0.035,) * 8 + (0.07,) * 8 + (0.10,) * 4,
}
"""True rates of a world's messages. At exactly what was promised, `scale` and `stop` are both false."""

Counts = NDArray[np.int64]
Marks = NDArray[np.bool_]


@dataclass(frozen=True)
class Looks:
    """What is known of a world's messages each time that somebody looks.

    Args:
        matured: People whose time to answer is over, by world, message and look.
        succeeded: Those of them who succeeded.
    """

    matured: Counts
    succeeded: Counts


@dataclass(frozen=True)
class Verdicts:
    """Verdicts by world, message and look.

    Args:
        scale: Whether the verdict is `scale`.
        stop: Whether it is `stop`.
    """

    scale: Marks
    stop: Marks


@dataclass(frozen=True)
class Falsehood:
    """False verdicts ÷ verdicts, averaged over worlds; a world without a verdict has none that is false.

    Args:
        on_worst_day: Of the verdicts shown on a day, on the day on which it is greatest.
        once_given: Of all verdicts ever given, which somebody may have acted upon.
        verdicts: Verdicts shown on the last day, by world.
    """

    on_worst_day: float
    once_given: float
    verdicts: float


class Judge:
    """The compiled model `int_tests_judged` on counts of a simulation instead of those of a warehouse."""

    def __init__(self, compiled: CompiledWorld) -> None:
        """Take the model's SQL.

        Args:
            compiled: The compiled models.
        """
        node = next(node for node in compiled.models if node["name"] == "int_tests_judged")
        sql = node["compiled_code"].replace(f'"{compiled.settings.build_db.stem}".', "").rstrip()
        last_line = "select * from final"
        assert sql.endswith(last_line)
        # Each CTE does one named thing: what leads to the verdict is computed, no intervals and no words.
        self._sql = sql.removesuffix(last_line) + "select * from decided"
        self._database = duckdb.connect()
        self._database.execute("set threads = 2; set timezone = 'UTC'")
        for schema in ("ops", "policy", "intermediate", "marts"):
            self._database.execute(f"create schema {schema}")
        self._database.execute("create table ops.current_build as select timestamp '2026-06-30' as as_of")
        self._database.execute(
            "create table marts.campaigns (source_system text, campaign_id text, campaign_name text,"
            " valid_to timestamp)"
        )
        for seed in ("report_policy", "reporting"):
            self._database.execute(
                f"create table policy.{seed} as from read_csv(?, all_varchar = true)",
                [str(PROJECT_ROOT / "seeds" / f"{seed}.csv")],
            )
        for name in ("effective_from", "effective_to"):
            self._database.execute(f"alter table policy.report_policy alter {name} type timestamp")

    def decide(self, counts: pd.DataFrame) -> pd.DataFrame:
        """Judge tests.

        Args:
            counts: One test per row: `test_id`, `family` (tests judged together), `promised_rate`, `matured`,
                `succeeded`.

        Returns:
            `test_id`, `evidence_above_log10`, `evidence_below_log10`, `evidence_required_log10`, `verdict`.
        """
        self._database.register("counts", counts)
        self._database.execute(_COUNTED)
        return self._database.execute(self._sql).df()

    def look(self, looks: Looks) -> Verdicts:
        """Judge all messages of all worlds at each look, those of one world and look together.

        Args:
            looks: What is known at each look.

        Returns:
            The verdicts.
        """
        worlds, _, times = looks.matured.shape
        scale, stop = (np.zeros(looks.matured.shape, dtype=bool) for _ in range(2))
        for first in range(0, worlds, AT_ONCE):
            part = slice(first, first + AT_ONCE)
            matured = looks.matured[part]
            place = np.indices(matured.shape)
            decided = self.decide(
                pd.DataFrame(
                    {
                        "test_id": np.arange(matured.size),
                        "family": (place[0] * times + place[2]).ravel(),
                        "promised_rate": PROMISED,
                        "matured": matured.ravel(),
                        "succeeded": looks.succeeded[part].ravel(),
                    }
                )
            )
            order = decided["test_id"].astype(int).to_numpy()
            for marks, verdict in ((scale, "scale"), (stop, "stop")):
                found = np.zeros(matured.size, dtype=bool)
                found[order] = (decided["verdict"] == verdict).to_numpy()
                marks[part] = found.reshape(matured.shape)
        return Verdicts(scale, stop)


_COUNTED = """
    create or replace table intermediate.int_tests_counted as
    select
        cast(test_id as varchar) as test_id, cast(test_id as varchar) as item_id,
        cast(family as varchar) as cut, 'outbound' as direction, '(all)' as scoped_campaign_id,
        'message' as message_name, '(all)' as segment, 'reply rate' as success_metric,
        cast(promised_rate as double) as promised_rate, null::varchar as untestable_because,
        matured as reached_count, matured as matured_count, succeeded as success_count,
        timestamp '2026-01-01' as first_contact_at, timestamp '2026-02-01' as last_contact_at,
        timestamp '2026-03-01' as last_matures_at, timestamp '2026-03-01' as campaigns_end_at,
        'hypothesis' as message_hypothesis, '5 %' as success_threshold,
        0 as grown_count, 0 as grown_from_count
    from counts
"""


def least_contacts() -> int:
    """How many people the shipped policy wants before it speaks of a verdict."""
    with (PROJECT_ROOT / "seeds" / "report_policy.csv").open(encoding="utf-8", newline="") as lines:
        values = {row["key"]: row["value"] for row in csv.DictReader(lines)}
    return int(values["verdict_min_contacts"])


def daily_looks(rng: np.random.Generator, worlds: int, rates: tuple[float, ...]) -> Looks:
    """Let messages begin one after the other and mature by some people every day.

    Args:
        rng: Source of randomness.
        worlds: How many worlds.
        rates: True rates of the messages of each.

    Returns:
        What is known at the end of each day.
    """
    shape = (worlds, len(rates), DAYS)
    begins = rng.integers(0, 61, size=shape[:2])[:, :, None]
    pace = np.exp(rng.normal(np.log(12), 0.6, size=shape[:2]))[:, :, None]
    matured = np.where(np.arange(DAYS) >= begins, rng.poisson(pace, size=shape), 0)
    succeeded = rng.binomial(matured, np.asarray(rates)[None, :, None])
    return Looks(matured.cumsum(axis=2), succeeded.cumsum(axis=2))


def looks_by_contacts(
    rng: np.random.Generator, worlds: int, rates: tuple[float, ...], most: int, step: int
) -> Looks:
    """Look each time that so many more people have had their time to answer, as many of each message."""
    times = most // step
    succeeded = rng.binomial(step, np.asarray(rates)[None, :, None], size=(worlds, len(rates), times))
    matured = np.broadcast_to(np.arange(1, times + 1) * step, succeeded.shape)
    return Looks(matured.astype(np.int64), succeeded.cumsum(axis=2))


def fixed_sample_verdicts(looks: Looks) -> Verdicts:
    """What a one-sided exact binomial test at 5 % says of each message at each look, as if it stood alone.

    Args:
        looks: What is known at each look.

    Returns:
        Its verdicts, from as many people on as the others need.
    """
    is_judged = looks.matured >= least_contacts()
    above = stats.binom.sf(looks.succeeded - 1, looks.matured, PROMISED)
    below = stats.binom.cdf(looks.succeeded, looks.matured, PROMISED)
    return Verdicts(is_judged & (above <= 0.05), is_judged & (below <= 0.05))


def falsehood(verdicts: Verdicts, rates: tuple[float, ...]) -> Falsehood:
    """Compare verdicts with the truth.

    Args:
        verdicts: By world, message and look.
        rates: True rates of the messages.

    Returns:
        How many of them are false.
    """
    true_rates = np.asarray(rates)[None, :, None]
    false_scale, false_stop = (
        verdicts.scale & (true_rates <= PROMISED),
        verdicts.stop & (true_rates >= PROMISED),
    )
    shown = (verdicts.scale.sum(axis=1) + verdicts.stop.sum(axis=1)).astype(float)
    false = (false_scale.sum(axis=1) + false_stop.sum(axis=1)).astype(float)
    given = verdicts.scale.any(axis=2).sum(axis=1) + verdicts.stop.any(axis=2).sum(axis=1)
    false_given = false_scale.any(axis=2).sum(axis=1) + false_stop.any(axis=2).sum(axis=1)
    return Falsehood(
        on_worst_day=float((false / np.maximum(shown, 1)).mean(axis=0).max()),
        once_given=float((false_given / np.maximum(given, 1)).mean()),
        verdicts=float(shown[:, -1].mean()),
    )


@dataclass(frozen=True)
class Power:
    """How surely a message is found that succeeds twice as often as promised.

    Args:
        scaled: Share of them that were `scale` at some look.
        scaled_at_last: Share of them that were so at the last look.
        median_contacts: Half of those that were `scale` were so within so many matured contacts.
    """

    scaled: float
    scaled_at_last: float
    median_contacts: float


MOST_CONTACTS = 1_000
_STEP = 20


def power(judge: Judge, rng: np.random.Generator, worlds: int, good: int) -> Power:
    """Measure how many messages that are truly at 10 % are found within 1,000 matured contacts.

    Args:
        judge: Judges them.
        rng: Source of randomness.
        worlds: How many worlds of 40 messages.
        good: How many messages of each are at 10 %; the others just keep their promise of 5 %.

    Returns:
        How surely, and how fast.
    """
    rates = (0.10,) * good + (PROMISED,) * (MESSAGES - good)
    found = judge.look(looks_by_contacts(rng, worlds, rates, MOST_CONTACTS, _STEP)).scale[:, :good]
    is_found = found.any(axis=2)
    return Power(
        float(is_found.mean()),
        float(found[:, :, -1].mean()),
        float(np.median((found.argmax(axis=2) + 1)[is_found]) * _STEP),
    )


@dataclass(frozen=True)
class Figure:
    """A figure that `make prove` prints.

    Args:
        name: What it is.
        value: The figure.
        of: In which worlds it was measured.
    """

    name: str
    value: float
    of: str

    @property
    def told(self) -> str:
        """Name and worlds in one line."""
        return f"{self.of}: {self.name}"


WORST_DAY = "false on the worst day, daily looks"
FOUND = f"scale within {MOST_CONTACTS:,} matured contacts"
ALLOWED: dict[str, Callable[[float], bool]] = {
    WORST_DAY: lambda share: share <= 0.05,
    FOUND: lambda share: share >= 0.8,
}
"""What is promised of some of the figures."""


def measured(judge: Judge, worlds: int, seed: int) -> Iterator[Figure]:
    """Measure everything that decision 0022 claims.

    Args:
        judge: Judges the messages.
        worlds: How many worlds of each scenario.
        seed: The same seed gives the same figures.

    Yields:
        The figures.
    """
    rng = np.random.default_rng(seed)
    for scenario, rates in SCENARIOS.items():
        looks = daily_looks(rng, worlds, rates)
        found = falsehood(judge.look(looks), rates)
        yield Figure(WORST_DAY, found.on_worst_day, scenario)
        yield Figure("false of all that were ever given", found.once_given, scenario)
        yield Figure("verdicts on the last day", found.verdicts, scenario)
        usual = falsehood(fixed_sample_verdicts(looks), rates)
        yield Figure("the same of a fixed-sample test, worst day", usual.on_worst_day, scenario)
        yield Figure("the same of a fixed-sample test, ever given", usual.once_given, scenario)
        yield Figure("the same of a fixed-sample test, verdicts", usual.verdicts, scenario)
    for good in (1, 8):
        found_by_us = power(judge, rng, max(worlds // 5, 1), good)
        kind = f"{good} of {MESSAGES} truly at 10 %"
        yield Figure(FOUND, found_by_us.scaled, kind)
        yield Figure(f"scale at {MOST_CONTACTS:,}", found_by_us.scaled_at_last, kind)
        yield Figure("contacts that half of them needed", found_by_us.median_contacts, kind)
