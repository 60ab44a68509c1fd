"""The reports on direction, money, credit and constraint say what an independent computation says.

Nothing here is taken from the models: weights are fractions, amounts are decimals, intervals come from
statsmodels or from the formulas as published, and each row of a world is looked at by itself.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import copysign, isclose, sqrt
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from tests.integration.compiled_world import AS_OF, CompiledWorld
from tests.integration.harness import fetch
from tests.integration.money_world import (
    MATURITY,
    SYSTEM,
    Bench,
    MoneyWorld,
    Row,
    draw_world,
    money_bench,
    month_of,
    scoped,
)

pytestmark = pytest.mark.slow

SEEDS = (1, 2, 3)
Z = 1.959963984540054


@pytest.fixture(scope="module")
def bench(empty_compiled_world: CompiledWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with money_bench(empty_compiled_world, tmp_path_factory.mktemp("money")) as made:
        yield made


@pytest.fixture(scope="module", params=SEEDS)
def drawn(request: pytest.FixtureRequest, bench: Bench) -> MoneyWorld:
    world = draw_world(request.param, people=250, deals=120)
    bench.run(world)
    return world


def near(one: float | None, other: float | None, tolerance: float = 2e-6) -> bool:
    if one is None or other is None:
        return one is other
    return isclose(one, other, rel_tol=1e-9, abs_tol=tolerance)


def is_in_time(reached: Row | None, since: datetime) -> bool:
    """Whether a stage was reached within the window that everybody is given."""
    return reached is not None and reached["entered_at"] <= since + MATURITY


# -- spend -------------------------------------------------------------------------------------------

RATES: dict[str, list[tuple[datetime, Decimal]]] = {
    "USD": [(datetime(2000, 1, 1), Decimal(1))],
    "EUR": [(datetime(2025, 1, 1), Decimal("1.10")), (datetime(2024, 1, 1), Decimal("1.08"))],
    "GBP": [(datetime(2025, 1, 1), Decimal("1.28")), (datetime(2023, 1, 1), Decimal("1.25"))],
}
"""The shipped rates for the years in which worlds are drawn, newest first."""


def converted(amount: float, currency: str, day: datetime) -> Decimal | None:
    rate = next((rate for since, rate in RATES.get(currency, ()) if since <= day), None)
    if rate is None or abs(amount) * max(float(rate), 1) >= 1e12:
        return None
    return (Decimal(str(amount)) * rate).quantize(Decimal("0.01"), ROUND_HALF_UP)


def accepted_spend(world: MoneyWorld) -> list[Row]:
    return [row for row in world.spend if row["verdict"] == "accepted"]


def spent(world: MoneyWorld) -> dict[tuple[str, Any], Decimal]:
    """What each campaign spent in each month."""
    found: dict[tuple[str, Any], Decimal] = defaultdict(Decimal)
    for row in accepted_spend(world):
        amount = converted(row["amount"], row["currency"], row["spend_date"])
        found[scoped(row["campaign_id"]), month_of(row["spend_date"])] += amount or Decimal()
    return dict(found)


def test_spend_is_converted_row_by_row(bench: Bench, drawn: MoneyWorld) -> None:
    expected: dict[tuple[Any, ...], list[Any]] = defaultdict(lambda: [0, 0, Decimal(), Decimal()])
    for row in accepted_spend(drawn):
        tally = expected[month_of(row["spend_date"]), scoped(row["campaign_id"]), row["currency"]]
        amount = converted(row["amount"], row["currency"], row["spend_date"])
        is_large = abs(row["amount"]) >= 1e12
        original = (
            Decimal() if is_large else Decimal(str(row["amount"])).quantize(Decimal("0.01"), ROUND_HALF_UP)
        )
        tally[0] += 1
        tally[1] += amount is None
        tally[2] += original
        tally[3] += amount or Decimal()
    found = {
        (row["spend_month"], row["scoped_campaign_id"], row["currency"]): [
            row["spend_rows"],
            row["unconverted_rows"],
            row["original_amount"],
            row["spend_amount"],
        ]
        for row in bench.mart("campaign_spend")
    }
    assert found == dict(expected)
    assert any(tally[1] for tally in expected.values()), "without spend that has no rate this proves little"


def test_unconverted_spend_is_named_in_its_own_currency(bench: Bench, drawn: MoneyWorld) -> None:
    rows = bench.mart("campaign_spend")
    assert {row["reporting_currency"] for row in rows} == {"USD"}
    for row in rows:
        if row["currency"] == "JPY":
            assert row["spend_amount"] == 0
            assert row["unconverted_amount"] == row["original_amount"]
            assert row["unconverted_rows"] == row["spend_rows"]


def dealt(cents: int, weights: dict[Any, int]) -> dict[Any, int]:
    """Hamilton's method: whole parts first, then one cent each to the largest remainders."""
    total = sum(weights.values())
    exact = {key: Fraction(abs(cents) * weight, total) for key, weight in weights.items()}
    parts = {key: int(value) for key, value in exact.items()}
    left = abs(cents) - sum(parts.values())
    for key in sorted(weights, key=lambda key: (parts[key] - exact[key], key))[:left]:
        parts[key] += 1
    return {key: part * (1 if cents >= 0 else -1) for key, part in parts.items()}


def assert_spend_is_dealt(bench: Bench, drawn: MoneyWorld, zone: ZoneInfo) -> None:
    """Compare each share of spend; touches are those of a month in the reporting time zone."""
    sources = {
        row["person_id"]: row["acquisition_source"] or "unknown"
        for row in drawn.people
        if not row["is_excluded"]
    }
    touched: dict[str, Counter[tuple[Any, ...]]] = defaultdict(Counter)
    for touch in drawn.touches:
        if touch["campaign_id"] and touch["person_id"] in sources:
            cell = (
                touch["direction"],
                touch["person_segment"] or "none",
                touch["channel"],
                sources[touch["person_id"]],
            )
            touched[scoped(touch["campaign_id"])][local_month(touch["occurred_at"], zone), *cell] += 1
    expected: dict[tuple[Any, ...], Decimal] = {}
    bases = Counter[str]()
    for (campaign, month), amount in spent(drawn).items():
        weights: Counter[tuple[Any, ...]] = Counter()
        for place, count in touched[campaign].items():
            if place[0] == month:
                weights[place[1:]] += count
        bases["month" if weights else "ever" if touched[campaign] else "nobody"] += 1
        if not weights:
            for place, count in touched[campaign].items():
                weights[place[1:]] += count
        nobody = Counter({("unattributed",) * 4: 1})
        for part, cents in dealt(int(amount * 100), weights or nobody).items():
            expected[month, campaign, *part] = Decimal(cents) / 100
    found = {
        (
            row["spend_month"],
            row["scoped_campaign_id"],
            row["direction"],
            row["segment"],
            row["channel"],
            row["acquisition_source"],
        ): row["spend_amount"]
        for row in bench.rows("select * from intermediate.int_spend_allocated")
    }
    assert found == expected
    assert bases["month"] and bases["nobody"]


def local_month(moment: datetime, zone: ZoneInfo) -> date:
    return month_of(moment.replace(tzinfo=UTC).astimezone(zone))


def test_spend_is_dealt_to_whom_the_campaign_touched(bench: Bench, drawn: MoneyWorld) -> None:
    assert_spend_is_dealt(bench, drawn, ZoneInfo("UTC"))


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu"])
def test_months_of_touches_are_local(bench: Bench, zone: str) -> None:
    drawn = draw_world(9, people=250)
    moved = [
        touch
        for touch in drawn.touches
        if local_month(touch["occurred_at"], ZoneInfo(zone)) != month_of(touch["occurred_at"])
    ]
    assert moved, "without touches at the turn of a month this proves nothing"
    with reporting_in(bench, zone):
        bench.run(drawn)
    assert_spend_is_dealt(bench, drawn, ZoneInfo(zone))


def test_a_deal_is_converted_at_the_rate_of_its_local_day(bench: Bench) -> None:
    """The rate of the euro changes with 2025, which has begun on Kiritimati while it is still 2024 in UTC."""
    deal = {
        "source_system": SYSTEM,
        "source_deal_id": "d1",
        "occurred_at": datetime(2024, 12, 31, 20),
        "status": "won",
        "amount": 100.0,
        "currency": "EUR",
        "verdict": "accepted",
    }
    found = {}
    for zone in ("UTC", "Pacific/Kiritimati"):
        with reporting_in(bench, zone):
            bench.run(MoneyWorld(deals=[deal]))
        (row,) = bench.mart("closed_loop")
        found[zone] = (row["opened_month"], row["won_amount"])
    assert found == {
        "UTC": (date(2024, 12, 1), Decimal("108.00")),
        "Pacific/Kiritimati": (date(2025, 1, 1), Decimal("110.00")),
    }


@contextmanager
def reporting_in(bench: Bench, zone: str) -> Iterator[None]:
    bench.set_policy("reporting", [f"set value = '{zone}' where key = 'time_zone'"])
    try:
        yield
    finally:
        bench.set_policy("reporting", ["set value = 'UTC' where key = 'time_zone'"])


CUTS = {
    "all": (),
    "month": ("calendar_month",),
    "direction": ("direction",),
    "segment": ("segment",),
    "campaign": ("scoped_campaign_id",),
    "channel": ("channel",),
    "acquisition_source": ("acquisition_source",),
    "month × direction": ("calendar_month", "direction"),
    "direction × segment": ("direction", "segment"),
    "month × campaign": ("calendar_month", "scoped_campaign_id"),
    "month × direction × campaign": ("calendar_month", "direction", "scoped_campaign_id"),
}


def value_of(row: Row, name: str) -> Any:
    """What a spend cell or an entry has in a dimension of the costs."""
    if name != "calendar_month":
        return row[name]
    return (row.get("spend_month") or row["entry_month"]).strftime("%Y-%m")


def test_every_cut_of_the_costs_adds_up(bench: Bench, drawn: MoneyWorld) -> None:
    """In each cut spend is what was spent, and entries are those of the stages: nobody counts twice."""
    total = sum(spent(drawn).values(), Decimal())
    assert {row["cut"] for row in bench.mart("cost_per_stage")} == set(CUTS)
    for cut in CUTS:
        rows = bench.mart("cost_per_stage", cut)
        assert sum(row["spend_amount"] for row in rows) == total, cut
        for stage in ("suspect", "prospect", "mql", "sql"):
            assert sum(row[f"{stage}s"] for row in rows) == len(drawn.of_stage(stage)), (cut, stage)


def test_costs_are_spend_by_entries(bench: Bench, drawn: MoneyWorld) -> None:
    cells = bench.rows("select * from intermediate.int_spend_allocated")
    is_converted: dict[tuple[str, Any], list[bool]] = defaultdict(list)
    for row in accepted_spend(drawn):
        amount = converted(row["amount"], row["currency"], row["spend_date"])
        is_converted[scoped(row["campaign_id"]), month_of(row["spend_date"])].append(amount is not None)
    seen = Counter[tuple[str, bool]]()
    for cut, dimensions in CUTS.items():
        for row in bench.mart("cost_per_stage", cut):
            here = [cell for cell in cells if all(value_of(cell, name) == row[name] for name in dimensions)]
            amount = sum((cell["spend_amount"] for cell in here), Decimal())
            assert row["spend_amount"] == amount
            known = [
                each
                for cell in here
                for each in is_converted[cell["scoped_campaign_id"], cell["spend_month"]]
            ]
            status = "not_recorded" if not known else "recorded" if all(known) else "rate_missing"
            seen[status, any(known)] += 1
            assert row["spend_status"] == status
            for stage in ("suspect", "prospect", "mql", "sql"):
                entries = sum(
                    all(value_of(entry, name) == row[name] for name in dimensions)
                    for entry in drawn.of_stage(stage)
                )
                assert row[f"{stage}s"] == entries
                cost = row[f"cost_per_{stage}"]
                assert (cost is None) == (not entries or not any(known))
                if cost is not None:
                    assert abs(cost - amount / entries) <= Decimal("0.005")
    assert seen["rate_missing", False] and seen["rate_missing", True] and seen["recorded", True], seen


# -- credit ------------------------------------------------------------------------------------------

MODELS: dict[str, Callable[[int, int], Fraction]] = {
    "first_touch": lambda place, total: Fraction(place == 0),
    "last_touch": lambda place, total: Fraction(place == total - 1),
    "linear": lambda place, total: Fraction(1, total),
    "position_based": lambda place, total: (
        Fraction(1, total)
        if total <= 2
        else Fraction(2, 5)
        if place in (0, total - 1)
        else Fraction(1, 5) / (total - 2)
    ),
}


def is_on_the_way(world: MoneyWorld, touch: Row, entry: Row) -> bool:
    """Whether a touch came after the end of the cycle before, and not after the entry.

    A cycle that ends by dormancy may end at the instant at which the next one opens.
    """
    if touch["person_id"] != entry["person_id"] or touch["occurred_at"] > entry["entered_at"]:
        return False
    earlier = world.entry(entry["person_id"], entry["cycle_number"] - 1, "suspect")
    return (
        earlier is None
        or touch["occurred_at"] > earlier["left_at"]
        or touch["cycle_number"] == entry["cycle_number"]
    )


def taking_part(world: MoneyWorld, entry: Row) -> list[Row]:
    """The touches with a campaign on the way, what was done to the person once for each campaign."""
    touches = sorted(
        (touch for touch in world.touches if is_on_the_way(world, touch, entry) and touch["campaign_id"]),
        key=lambda touch: (touch["occurred_at"], touch["source_system"], touch["touch_id"]),
    )
    seen, kept = set(), []
    for touch in touches:
        if touch["is_response"] or touch["campaign_id"] not in seen:
            kept.append(touch)
        if not touch["is_response"]:
            seen.add(touch["campaign_id"])
    return kept


def test_credit_is_shared_as_each_model_says(bench: Bench, drawn: MoneyWorld) -> None:
    expected: dict[tuple[Any, ...], dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    touches_of: Counter[tuple[Any, ...]] = Counter()
    for entry in [*drawn.of_stage("mql"), *drawn.of_stage("sql")]:
        kept: list[Row] = taking_part(drawn, entry)
        for place, touch in enumerate(kept or [{}]):
            key = (
                entry["stage"],
                entry["entry_month"],
                touch.get("direction", "unattributed"),
                entry["segment"],
                scoped(touch["campaign_id"]) if touch else "unattributed",
                touch.get("channel", "unattributed"),
                entry["acquisition_source"],
            )
            touches_of[key] += 1
            for model, credit in MODELS.items():
                expected[key][model] += credit(place, len(kept or [{}]))
    rows = bench.mart("attribution")
    names = (
        "stage", "entry_month", "direction", "segment", "scoped_campaign_id", "channel", "acquisition_source",
    )  # fmt: skip
    assert {tuple(row[name] for name in names) for row in rows} == set(expected)
    for row in rows:
        key = tuple(row[name] for name in names)
        for model in MODELS:
            # A millionth at most for each touch is dealt to another one, so that whole conversions add up.
            tolerance = Fraction(touches_of[key], 10**6)
            assert abs(Fraction(row[f"{model}_credit"]) - expected[key][model]) <= tolerance
        is_credited = row["direction"] != "unattributed"
        assert row["credited_touches"] == (touches_of[key] if is_credited else 0)


def test_a_conversion_that_no_campaign_touched_is_credited_to_nobody(bench: Bench) -> None:
    drawn = draw_world(9, people=60)
    for touch in drawn.touches:
        touch["campaign_id"] = touch["campaign_source_system"] = None
    bench.run(drawn)
    rows = bench.mart("attribution")
    places = ("direction", "scoped_campaign_id", "campaign_id", "campaign_name", "channel")
    assert {row[place] for row in rows for place in places} == {"unattributed"}
    assert {row["credited_touches"] for row in rows} == {0}
    assert sum(row["position_based_credit"] for row in rows) == len(
        drawn.of_stage("mql") + drawn.of_stage("sql")
    )


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stage", ["mql", "sql"])
def test_credits_sum_to_the_conversions_exactly(
    bench: Bench, drawn: MoneyWorld, stage: str, model: str
) -> None:
    credit = sum(
        (row[f"{model}_credit"] for row in bench.mart("attribution") if row["stage"] == stage), Decimal()
    )
    assert credit == len(drawn.of_stage(stage)) > 0


@pytest.mark.parametrize("total", [1, 2, 3, 4, 5, 7, 9, 13, 64, 999])
def test_the_credits_of_one_conversion_sum_to_one(bench: Bench, total: int) -> None:
    """Also where a fair share is no whole number of millionths."""
    start = AS_OF - timedelta(days=200)
    entry = draw_world(1, people=30).of_stage("mql")[0] | {
        "entered_at": AS_OF,
        "person_id": "p",
        "cycle_number": 1,
    }
    world = MoneyWorld(entries=[entry])
    bench.run(world)
    bench.database.execute(
        """
        insert into marts.touches (
            touch_id, person_id, cycle_number, source_system, occurred_at, direction, channel, campaign_id,
            campaign_source_system, is_response
        )
        select
            'x:' || lpad(place::varchar, 9, '0'), 'p', 1, 'x', ?::timestamp + to_seconds(place), 'inbound',
            'email', 'c' || place, 'x', true
        from range(?) as places (place)
        """,
        [start, total],
    )
    nodes = [node for node in bench.world.models if node["name"] in ("int_conversions_traced", "attribution")]
    bench.world.run_models(bench.database, nodes)
    rows = bench.rows("select * from marts.attribution order by scoped_campaign_id")
    assert len(rows) == total
    for model in MODELS:
        assert sum(row[f"{model}_credit"] for row in rows) == 1
        assert all(row[f"{model}_credit"] >= 0 for row in rows)


def test_journeys_are_told_by_their_touches(bench: Bench, drawn: MoneyWorld) -> None:
    expected: Counter[tuple[Any, ...]] = Counter()
    for entry in drawn.of_stage("sql"):
        touches = sorted(
            (touch["occurred_at"], touch["touch_id"], touch["direction"])
            for touch in drawn.touches
            if is_on_the_way(drawn, touch, entry)
        )
        kinds = [kind for *_, kind in touches if kind != "unclassified"]
        journey = (
            "unclassified_only"
            if not kinds
            else f"{kinds[0]}_only"
            if len(set(kinds)) == 1
            else f"{kinds[0]}_then_{'outbound' if kinds[0] == 'inbound' else 'inbound'}"
        )
        prospect = drawn.entry(entry["person_id"], entry["cycle_number"], "prospect")
        assert prospect
        ever = {
            touch["direction"]
            for touch in drawn.touches
            if touch["person_id"] == entry["person_id"] and touch["occurred_at"] <= entry["entered_at"]
        }
        expected[
            journey,
            prospect["direction"],
            "yes" if "outbound" in ever else "unknown" if "unclassified" in ever else "no",
            entry["entry_month"],
            entry["direction"],
            entry["segment"],
            entry["scoped_campaign_id"],
            entry["channel"],
            entry["acquisition_source"],
        ] += 1
    found = {
        (
            row["journey"],
            row["prospect_direction"],
            row["outbound_ever"],
            row["entry_month"],
            row["direction"],
            row["segment"],
            row["scoped_campaign_id"],
            row["channel"],
            row["acquisition_source"],
        ): row["sqls"]
        for row in bench.mart("journey_mix")
    }
    assert found == dict(expected)
    assert len({journey for journey, *_ in expected}) >= 4
    assert {ever for _, _, ever, *_ in expected} >= {"yes", "unknown"}


@pytest.mark.parametrize("is_mailed", [True, False])
def test_what_brings_somebody_back_is_on_the_way(bench: Bench, is_mailed: bool) -> None:
    """A mail after the end of a cycle carries that cycle's number, and belongs to the next one."""
    day = [AS_OF - timedelta(days=days) for days in range(300, 0, -1)]
    common = {"person_id": "p", "source_system": "x", "campaign_source_system": "x"}
    bought = {
        "segment": "none", "scoped_campaign_id": "none", "channel": "email", "acquisition_source": "unknown",
        "direction": "inbound",
    }  # fmt: skip
    world = MoneyWorld(
        touches=[
            common
            | {
                "touch_id": f"x:{number}",
                "cycle_number": cycle,
                "occurred_at": day[number],
                "direction": direction,
                "channel": "email",
                "campaign_id": f"c{number}",
                "is_response": direction == "inbound",
            }
            for number, cycle, direction in (
                (1, 1, "outbound"),
                (5, 1, "inbound"),
                (9, 1, "outbound"),
                (12, 1, "outbound"),
                (20, 2, "inbound"),
            )
            if number != 12 or is_mailed
        ],
        entries=[
            bought
            | {
                "person_id": "p",
                "cycle_number": cycle,
                "stage": stage,
                "entered_at": day[entered],
                "entry_month": month_of(day[entered]),
                "left_at": day[9] if cycle == 1 else None,
            }
            for cycle, stage, entered in (
                (1, "suspect", 0),
                (1, "prospect", 5),
                (2, "suspect", 20),
                (2, "prospect", 20),
                (2, "mql", 20),
                (2, "sql", 20),
            )
        ],
    )
    bench.run(world)
    (row,) = bench.mart("journey_mix")
    assert row["journey"] == ("outbound_then_inbound" if is_mailed else "inbound_only")
    assert row["outbound_ever"] == "yes"
    credit = {
        row["scoped_campaign_id"]: row["linear_credit"]
        for row in bench.mart("attribution")
        if row["stage"] == "sql"
    }
    half = Decimal("0.5")
    assert credit == ({"x:c12": half, "x:c20": half} if is_mailed else {"x:c20": Decimal(1)})


# -- inbound and outbound ----------------------------------------------------------------------------

STEPS = {
    "suspect_to_prospect": ("suspect", "prospect"),
    "prospect_to_mql": ("prospect", "mql"),
    "mql_to_sql": ("mql", "sql"),
    "prospect_to_sql": ("prospect", "sql"),
}
Table = tuple[int, int, int, int]
"""Converted and all on the left, converted and all on the right."""


def mantel_haenszel(tables: list[Table]) -> tuple[float, float, float] | None:
    """Pooled rates and Sato's variance, as SAS documents them for PROC FREQ (COMMONRISKDIFF)."""
    both = [table for table in tables if table[1] and table[3]]
    if not both:
        return None
    weights = [n1 * n2 / (n1 + n2) for _, n1, _, n2 in both]
    total = sum(weights)
    rate1 = sum(w * x1 / n1 for w, (x1, n1, _, _) in zip(weights, both, strict=True)) / total
    rate2 = sum(w * x2 / n2 for w, (_, _, x2, n2) in zip(weights, both, strict=True)) / total
    p = sum((n1**2 * x2 - n2**2 * x1 + n1 * n2 * (n2 - n1) / 2) / (n1 + n2) ** 2 for x1, n1, x2, n2 in both)
    q = sum((x1 * (n2 - x2) + x2 * (n1 - x1)) / (2 * (n1 + n2)) for x1, n1, x2, n2 in both)
    return rate1, rate2, ((rate1 - rate2) * p + q) / total**2


def cohort(world: MoneyWorld, step: str, direction: str) -> list[tuple[Row, bool]]:
    begin, end = STEPS[step]
    found = []
    for entry in world.of_stage(begin):
        if entry["direction"] == direction and entry["entered_at"] + MATURITY <= AS_OF:
            reached = world.entry(entry["person_id"], entry["cycle_number"], end)
            found.append((entry, is_in_time(reached, entry["entered_at"])))
    return found


def is_immediate(world: MoneyWorld, entry: Row) -> bool:
    """Whether a suspect was a prospect at the very instant, so that nobody had to be won."""
    prospect = world.entry(entry["person_id"], entry["cycle_number"], "prospect")
    return prospect is not None and prospect["entered_at"] == entry["entered_at"]


def stratum(entry: Row) -> tuple[str, str]:
    fit = "fit" if entry["is_icp_fit"] else "unfit" if entry["is_icp_complete"] else "unknown"
    return fit, entry["segment"]


@pytest.mark.parametrize("cut", ["all", "segment", "channel", "acquisition_source"])
def test_directions_are_compared_like_for_like(bench: Bench, drawn: MoneyWorld, cut: str) -> None:
    cohorts = {
        (step, direction): cohort(drawn, step, direction)
        for step in STEPS
        for direction in ("inbound", "outbound")
    }
    compared = immediates = 0
    for row in bench.mart("inbound_vs_outbound", cut):
        step = row["funnel_step"]
        if step not in STEPS:
            assert row["comparison_verdict"] == "not_compared"
            continue
        here = {
            direction: [
                (entry, done)
                for entry, done in cohorts[step, direction]
                if cut == "all" or entry[cut] == row[cut]
            ]
            for direction in ("inbound", "outbound")
        }
        for direction, members in here.items():
            apart = [entry for entry, _ in members if is_immediate(drawn, entry)]
            is_first = step == "suspect_to_prospect"
            assert row[f"{direction}_immediate_prospects"] == (len(apart) if is_first else None)
            if is_first:
                here[direction] = [(entry, done) for entry, done in members if entry not in apart]
                immediates += len(apart)
        if step == "suspect_to_prospect":
            here["inbound"] = []
        for direction, members in here.items():
            n, count = len(members), sum(done for _, done in members)
            is_rated = step != "suspect_to_prospect" or direction == "outbound"
            assert row[f"{direction}_n"] == (n if is_rated else None)
            assert row[f"{direction}_count"] == (count if is_rated else None)
            assert near(row[f"{direction}_rate"], count / n if n else None)
            if n:
                low, high = proportion_confint(count, n, method="wilson")
                assert near(row[f"{direction}_low"], low) and near(row[f"{direction}_high"], high)
        if step == "suspect_to_prospect":
            assert row["comparison_verdict"] == "not_compared"
            continue
        compared += _compare(row, here)
    assert compared or cut != "all"
    assert immediates


def _compare(row: Row, here: dict[str, list[tuple[Row, bool]]]) -> bool:
    counts = [(sum(done for _, done in here[each]), len(here[each])) for each in ("inbound", "outbound")]
    (x1, n1), (x2, n2) = counts
    if n1 and n2:
        low, high = confint_proportions_2indep(x1, n1, x2, n2, method="newcomb", compare="diff")
        assert near(row["crude_difference"], x1 / n1 - x2 / n2)
        assert near(row["crude_difference_low"], low, 5e-6) and near(row["crude_difference_high"], high, 5e-6)
    tables: dict[Any, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for offset, direction in ((0, "inbound"), (2, "outbound")):
        for entry, done in here[direction]:
            tables[stratum(entry)][offset] += done
            tables[stratum(entry)][offset + 1] += 1
    listed: list[Table] = [(t[0], t[1], t[2], t[3]) for t in tables.values()]
    pooled = mantel_haenszel(listed)
    both = [table for table in listed if table[1] and table[3]]
    assert row["compared_strata"] == len(both)
    if pooled is None:
        assert row["adjusted_difference"] is None
        assert row["comparison_verdict"] == "insufficient_data"
        return False
    rate1, rate2, variance = pooled
    assert near(row["inbound_adjusted_rate"], rate1) and near(row["outbound_adjusted_rate"], rate2)
    assert near(row["adjusted_difference"], rate1 - rate2)
    m1, m2 = sum(t[1] for t in both), sum(t[3] for t in both)
    assert (row["inbound_compared_n"], row["outbound_compared_n"]) == (m1, m2)
    x = sum(t[0] + t[2] for t in both)
    if variance > 1e-12:
        half = Z * sqrt(variance)
        low, high = max(rate1 - rate2 - half, -1), min(rate1 - rate2 + half, 1)
        assert near(row["adjusted_difference_low"], low) and near(row["adjusted_difference_high"], high)
    if min(m1, m2) < 30 or min(x, m1 + m2 - x) < 5:
        assert row["comparison_verdict"] == "insufficient_data"
        return False
    verdict = "inbound_better" if low > 0 else "outbound_better" if high < 0 else "no_difference_shown"
    assert row["comparison_verdict"] == verdict
    return True


def test_direction_costs_are_those_of_the_costs_report(bench: Bench, drawn: MoneyWorld) -> None:
    """One question, one figure: whatever page it stands on."""
    costs = {row["direction"]: row for row in bench.mart("cost_per_stage", "direction")}
    for row in bench.mart("inbound_vs_outbound", "all"):
        stage = row["funnel_step"].split("_")[-1]
        for direction in ("inbound", "outbound"):
            cost = costs[direction]
            assert row[f"{direction}_entries"] == cost[f"{stage}s"]
            assert row[f"{direction}_spend_amount"] == cost["spend_amount"]
            assert row[f"{direction}_spend_status"] == cost["spend_status"]
            assert row[f"{direction}_cost_per_entry"] == cost[f"cost_per_{stage}"]


def _compared_world(tables: list[Table]) -> MoneyWorld:
    """Matured prospects of one stratum for each table, converted to MQL or not."""
    world = MoneyWorld()
    start = AS_OF - timedelta(days=200)
    for number, (x1, n1, x2, n2) in enumerate(tables):
        for direction, converted_n, n in (("inbound", x1, n1), ("outbound", x2, n2)):
            for place in range(n):
                world.entries.append(
                    {
                        "person_id": f"{direction}{number}-{place}",
                        "cycle_number": 1,
                        "stage": "prospect",
                        "entered_at": start,
                        "entry_month": month_of(start),
                        "next_stage_at": start if place < converted_n else None,
                        "direction": direction,
                        "segment": f"s{number}",
                        "scoped_campaign_id": "none",
                        "channel": "email",
                        "acquisition_source": "unknown",
                        "is_icp_complete": True,
                        "is_icp_fit": True,
                        "engagement_score": 1.0,
                    }
                )
    return world


def test_a_worked_example_of_mantel_and_haenszel(bench: Bench) -> None:
    """The migraine trial in SAS's documentation of PROC FREQ: 16 of 27, 5 of 25; 12 of 28, 7 of 26.

    By hand: weights 27·25/52 and 28·26/54, differences 53/135 and 29/182.
    """
    bench.run(_compared_world([(16, 27, 5, 25), (12, 28, 7, 26)]))
    weights = Fraction(27 * 25, 52), Fraction(28 * 26, 54)
    by_hand = (weights[0] * Fraction(53, 135) + weights[1] * Fraction(29, 182)) / sum(weights)
    (row,) = [
        row for row in bench.mart("inbound_vs_outbound", "all") if row["funnel_step"] == "prospect_to_mql"
    ]
    assert near(row["adjusted_difference"], float(by_hand))
    assert row["adjusted_difference_low"] > 0
    assert row["comparison_verdict"] == "inbound_better"


def test_a_paradox_is_not_believed(bench: Bench) -> None:
    """Inbound brings the segment that converts, and is worse in each of the two."""
    bench.run(_compared_world([(240, 400, 70, 100), (10, 100, 100, 400)]))
    (row,) = [
        row for row in bench.mart("inbound_vs_outbound", "all") if row["funnel_step"] == "prospect_to_mql"
    ]
    assert row["crude_difference_low"] > 0
    assert row["comparison_verdict"] == "outbound_better"


@pytest.mark.parametrize("sizes", ["large", "sparse"])
def test_the_interval_of_the_difference_covers(sizes: str) -> None:
    """Sato's interval holds 95 %: the formula that the model was held to."""
    rng = np.random.default_rng(7)
    truth, covered, worlds = 0.1, 0, 4_000
    for _ in range(worlds):
        strata = 4 if sizes == "large" else 80
        low, high = (60, 200) if sizes == "large" else (1, 4)
        base = rng.uniform(0.1, 0.4, strata)
        n1, n2 = rng.integers(low, high, strata), rng.integers(low, high, strata)
        x1, x2 = rng.binomial(n1, base + truth), rng.binomial(n2, base)
        pooled = mantel_haenszel(list(zip(x1.tolist(), n1.tolist(), x2.tolist(), n2.tolist(), strict=True)))
        assert pooled
        rate1, rate2, variance = pooled
        covered += abs(rate1 - rate2 - truth) <= Z * sqrt(variance)
    assert 0.94 <= covered / worlds <= 0.96


# -- the constraint ----------------------------------------------------------------------------------

LEVERS = ("traffic_quality", "offer_relevance", "page_conversion", "qualification", "answer_qualification")
PROGRAMS = {
    "all": None,
    "segment": "segment",
    "campaign": "scoped_campaign_id",
    "landing_page": "landing_page",
    "offer": "offer_id",
    "channel": "channel",
    "acquisition_source": "acquisition_source",
}


def lever_members(world: MoneyWorld) -> dict[str, list[Row]]:
    """On whom each lever works, with `passed` and `sql`."""
    people = {row["person_id"]: row for row in world.people}
    touches = {row["touch_id"]: row for row in world.touches}
    members: dict[str, list[Row]] = {lever: [] for lever in LEVERS}
    for entry in world.of_stage("prospect"):
        end = entry["entered_at"] + MATURITY
        if end > AS_OF:
            continue
        person, evidence = people[entry["person_id"]], touches[entry["evidence_touch_id"]]
        sql = world.entry(entry["person_id"], entry["cycle_number"], "sql")
        is_relevant = any(
            touch["person_id"] == entry["person_id"]
            and touch["cycle_number"] == entry["cycle_number"]
            and touch["is_response"]
            and touch["occurred_at"] <= end
            and (touch["response_relevance"] == "relevant" or touch["is_qualifying_response"])
            for touch in world.touches
        )
        who = {
            **{
                name: entry[name]
                for name in ("segment", "scoped_campaign_id", "channel", "acquisition_source")
            },
            "landing_page": evidence.get("landing_page") or "none",
            "offer_id": evidence.get("offer_id") or "none",
            "sql": is_in_time(sql, entry["entered_at"]),
        }
        members["qualification"].append(who | {"passed": who["sql"]})
        if person["is_icp_complete"]:
            members["traffic_quality"].append(who | {"passed": person["is_icp_fit"]})
        if person["is_icp_fit"]:
            members["offer_relevance"].append(who | {"passed": is_relevant})
            if is_relevant:
                members["answer_qualification"].append(who | {"passed": who["sql"]})
    for person_id, person in people.items():
        visits = sorted(
            (touch["occurred_at"], touch["touch_id"])
            for touch in world.touches
            if touch["person_id"] == person_id and touch["is_response"] and touch.get("landing_page")
        )
        if not visits or person["is_excluded"]:
            continue
        first = touches[visits[0][1]]
        end = first["occurred_at"] + MATURITY
        keys = [
            row["first_appeared_at"]
            for row in world.identities
            if row["person_id"] == person_id and row["kind_rank"] < 3
        ]
        if end > AS_OF or (keys and min(keys) < first["occurred_at"]):
            continue
        passed = bool(keys) and person["first_known_at"] is not None and min(keys) <= end
        sqls = [row["entered_at"] for row in world.of_stage("sql") if row["person_id"] == person_id]
        members["page_conversion"].append(
            {
                "scoped_campaign_id": scoped(first["campaign_id"]),
                "landing_page": first["landing_page"],
                "offer_id": first["offer_id"] or "none",
                "channel": first["channel"],
                "passed": passed,
                "sql": passed and bool(sqls) and min(sqls) <= end,
            }
        )
    return members


JOINT = 0.025
"""Error of each of two intervals that hold together in 95 %."""


def newcombe(x1: int, n1: int, x2: int, n2: int) -> tuple[float, float]:
    if not n2:
        low, high = proportion_confint(x1, n1, alpha=JOINT, method="wilson")
        return low, high
    low, high = confint_proportions_2indep(x1, n1, x2, n2, method="newcomb", compare="diff", alpha=JOINT)
    return low, high


Figures = tuple[float, float, float]


def extra_sqls(
    lever: str, counts: tuple[int, int, int, int], target: float, worth: tuple[int, int]
) -> Figures | None:
    """The expected extra SQLs with their interval, if that can be said.

    Args:
        lever: The lever.
        counts: People, those who passed, SQLs of these, SQLs of the others.
        target: The rate it is held to.
        worth: How many passed in the whole, and how many of these are SQLs.
    """
    n, passed, passed_sqls, failed_sqls = counts
    low, high = proportion_confint(passed, n, alpha=JOINT, method="wilson")
    gap, gap_low, gap_high = (max(target - rate, 0) for rate in (passed / n, high, low))
    if lever in ("qualification", "answer_qualification"):
        return n * gap, n * gap_low, n * gap_high
    failed = n - passed
    winners, winners_sqls = (passed, passed_sqls) if passed else worth
    if not winners:
        return None
    gain = winners_sqls / winners - (failed_sqls / failed if failed else 0)
    gain_low, gain_high = newcombe(winners_sqls, winners, failed_sqls, failed)
    gain, gain_low, gain_high = (max(each, 0) for each in (gain, gain_low, gain_high))
    return n * gap * gain, n * gap_low * gain_low, n * gap_high * gain_high


def counts_of(here: list[Row]) -> tuple[int, int, int, int]:
    passed = [row["sql"] for row in here if row["passed"]]
    return len(here), len(passed), sum(passed), sum(row["sql"] for row in here if not row["passed"])


def programs_of(members: dict[str, list[Row]]) -> dict[tuple[str, str, str], list[Row]]:
    """The people on whom a lever works, by cut, lever and program; nobody is of a program called none."""
    groups: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for cut, dimension in PROGRAMS.items():
        for lever in LEVERS:
            for row in members[lever]:
                if dimension is None:
                    groups[cut, lever, "(all)"].append(row)
                elif row.get(dimension, "none") not in ("none", "unknown"):
                    groups[cut, lever, row[dimension]].append(row)
    return groups


def target_of(
    groups: dict[tuple[str, str, str], list[Row]], cut: str, lever: str
) -> tuple[float | None, str, int]:
    """What a lever is held to, where from, and by how many peers."""
    first = 0
    for kind in dict.fromkeys((cut, "channel", "acquisition_source", "segment")):
        rates = [
            sum(each["passed"] for each in here) / len(here)
            for (of, which, _), here in groups.items()
            if (of, which) == (kind, lever) and len(here) >= 30
        ]
        if len(rates) >= 4 and np.quantile(rates, 0.75) > 0:
            return float(np.quantile(rates, 0.75)), "peers" if kind == cut else "whole", len(rates)
        first = first or (len(rates) if kind == cut else 0)
    return None, "none", first


@pytest.mark.parametrize("what", ["rich", "no_sql", "few_of_a_kind"])
def test_constraints_are_judged_by_their_people(bench: Bench, what: str) -> None:
    drawn = draw_world(11, people=900)
    if what == "no_sql":
        drawn.entries = [row for row in drawn.entries if row["stage"] in ("suspect", "prospect")]
    if what != "few_of_a_kind":
        _prospects_of("cold", 60, 45, 0, 0, drawn)
        _prospects_of("lukewarm", 60, 0, 0, 0, drawn)
        _prospects_of("small", 20, 10, 5, 5 if what == "rich" else 0, drawn)
        for name in ("warm", "warmer"):
            _prospects_of(name, 80, 60, 40, 35 if what == "rich" else 0, drawn)
    bench.run(drawn)
    groups = programs_of(lever_members(drawn))
    found = {(row["cut"], row["lever"], _program(row)): row for row in bench.mart("constraint_audit")}
    assert set(found) == set(groups)
    statuses, verdicts, sources = Counter[str](), Counter[str](), Counter[str]()
    expected: dict[tuple[str, str], dict[str, Judged]] = defaultdict(dict)
    for (cut, lever, program), here in groups.items():
        row, n, count = found[cut, lever, program], len(here), sum(each["passed"] for each in here)
        target, source, peers = target_of(groups, cut, lever)
        assert (row["lever_n"], row["lever_count"]) == (n, count)
        assert (row["peers_n"], row["target_source"]) == (peers, source)
        assert near(row["target_rate"], target)
        sources[source] += 1
        status = (
            "insufficient_data"
            if n < 30
            else "no_target"
            if target is None
            else "at_target"
            if count / n >= target
            else "below_target"
        )
        assert row["lever_status"] == status
        statuses[status] += 1
        judged = status in ("at_target", "below_target")
        figures = None
        if judged:
            assert target is not None
            figures = extra_sqls(
                lever, counts_of(here), target, counts_of(groups["all", lever, "(all)"])[1:3]
            )
        names = ("extra_sqls", "extra_sqls_low", "extra_sqls_high")
        for name, figure in zip(names, figures or (None,) * 3, strict=True):
            assert near(row[name], figure, n * 1e-5), (cut, lever, program, name)
        low = proportion_confint(count, n, alpha=JOINT, method="wilson")[0]
        most = figures[2] if figures else n * max(target - low, 0) if judged and target else n - count
        if lever != "qualification":
            expected[cut, program][lever] = Judged(status, figures, most)
    for (cut, _, program), row in found.items():
        verdict = dominant(expected[cut, program])
        assert row["dominant_constraint"] == verdict, (cut, program)
        verdicts[verdict] += 1
    if what == "few_of_a_kind":
        assert statuses["no_target"] and set(statuses) <= {"no_target", "insufficient_data"}
        assert set(verdicts) == {"insufficient_data"}
        return
    assert set(statuses) == {"at_target", "below_target", "no_target", "insufficient_data"}
    assert set(sources) == {"peers", "whole", "none"}
    assert {"undecided", "insufficient_data"} <= set(verdicts)
    assert any(row["lever_status"] == "below_target" and not row["lever_count"] for row in found.values())


def _program(row: Row) -> str:
    dimension = PROGRAMS[row["cut"]]
    return str(row[dimension]) if dimension else "(all)"


@dataclass(frozen=True)
class Judged:
    """A lever of a program.

    Args:
        status: Its status.
        figures: Its extra SQLs with their interval, if they can be said.
        most: What it could yield at most.
    """

    status: str
    figures: Figures | None
    most: float


def dominant(levers: dict[str, Judged]) -> str:
    """The lever that surely yields more than any other could, or why there is none."""
    statuses = {each.status for each in levers.values()}
    if "below_target" not in statuses:
        return "none_below_target" if statuses == {"at_target"} else "insufficient_data"
    for name, lever in levers.items():
        others = [other.most for which, other in levers.items() if which != name]
        if lever.figures and lever.figures[1] > max(others, default=0):
            return name
    return "undecided"


def test_policy_sets_the_target(bench: Bench) -> None:
    drawn = draw_world(12, people=300)
    bench.set_policy("report_policy", ["set value = '0.9' where key = 'qualification_target'"])
    try:
        bench.run(drawn)
        rows = [row for row in bench.mart("constraint_audit") if row["lever"] == "qualification"]
        assert {(row["target_rate"], row["target_source"]) for row in rows} == {(0.9, "policy")}
    finally:
        bench.set_policy("report_policy", ["set value = '0' where key = 'qualification_target'"])


def _prospects_of(channel: str, n: int, fit: int, relevant: int, sqls: int, world: MoneyWorld) -> None:
    """Matured prospects of a channel: so many fit, so many of these answer, so many of those are SQLs."""
    start = AS_OF - timedelta(days=200)
    for place in range(n):
        person, is_sql = f"{channel}{place}", place < sqls
        world.people.append(
            {
                "person_id": person,
                "is_excluded": False,
                "first_known_at": start,
                "acquisition_source": None,
                "is_icp_complete": True,
                "is_icp_fit": place < fit,
            }
        )
        world.touches.append(
            {
                "touch_id": f"x:{person}",
                "person_id": person,
                "cycle_number": 1,
                "source_system": "x",
                "occurred_at": start,
                "direction": "inbound",
                "channel": channel,
                "is_response": True,
                "response_relevance": "relevant" if place < relevant else None,
                "is_qualifying_response": False,
            }
        )
        for stage in ("prospect", *(("mql", "sql") if is_sql else ())):
            world.entries.append(
                {
                    "person_id": person,
                    "cycle_number": 1,
                    "evidence_touch_id": f"x:{person}",
                    "stage": stage,
                    "entered_at": start,
                    "entry_month": month_of(start),
                    "next_stage_at": start if is_sql and stage != "sql" else None,
                    "direction": "inbound",
                    "segment": "none",
                    "scoped_campaign_id": "none",
                    "channel": channel,
                    "acquisition_source": "unknown",
                }
            )


def test_the_dominant_constraint_is_named(bench: Bench) -> None:
    """Four channels work alike; one has poor traffic, one a poor offer, and of one too little is known."""
    world = MoneyWorld()
    for name in ("a", "b", "c", "d"):
        _prospects_of(name, 400, 320, 160, 120, world)
    _prospects_of("poor_traffic", 400, 40, 20, 15, world)
    _prospects_of("poor_offer", 400, 320, 24, 18, world)
    _prospects_of("small", 20, 10, 5, 5, world)
    bench.run(world)
    verdicts = {
        row["channel"]: row["dominant_constraint"] for row in bench.mart("constraint_audit", "channel")
    }
    assert verdicts == {
        **dict.fromkeys("abcd", "none_below_target"),
        "poor_traffic": "traffic_quality",
        "poor_offer": "offer_relevance",
        "small": "insufficient_data",
    }
    (traffic,) = [
        row
        for row in bench.mart("constraint_audit", "channel")
        if row["channel"] == "poor_traffic" and row["lever"] == "traffic_quality"
    ]
    # By hand: 400 people, 0.8 - 0.1 more of whom fit; 15 of 40 who fit are SQLs and none of the others.
    assert near(traffic["extra_sqls"], 400 * 0.7 * 15 / 40)


@pytest.mark.parametrize("n", [30, 80, 300, 2_000])
@pytest.mark.parametrize("rate", [0.05, 0.3, 0.7])
@pytest.mark.parametrize(("gain", "others"), [(0.05, 0.0), (0.3, 0.05), (0.9, 0.0)])
def test_the_interval_of_extra_sqls_covers(n: int, rate: float, gain: float, others: float) -> None:
    """It holds the truth in at least 95 % of the worlds in which the lever is judged."""
    rng = np.random.default_rng(5)
    target = rate + 0.2
    truth, covered, judged = n * 0.2 * (gain - others), 0, 0
    for _ in range(1_500):
        passed = int(rng.binomial(n, rate))
        if not passed:
            continue
        counts = n, passed, int(rng.binomial(passed, gain)), int(rng.binomial(n - passed, others))
        figures = extra_sqls("traffic_quality", counts, target, (0, 0))
        assert figures
        _, low, high = figures
        judged += 1
        covered += low <= truth <= high
    assert covered / judged >= 0.95


# -- deals and scores --------------------------------------------------------------------------------


def band(score: float | None) -> str:
    if score is None:
        return "none"
    return "100+" if score >= 100 else f"{int(score // 10) * 10:02d}-{int(score // 10) * 10 + 9:02d}"


def test_deals_are_set_beside_what_was_proved(bench: Bench, drawn: MoneyWorld) -> None:
    keys = {row["identity_key"]: row["person_id"] for row in drawn.identities}
    order = ("suspect", "prospect", "mql", "sql")
    excluded = {row["person_id"] for row in drawn.people if row["is_excluded"]}
    deals: dict[str, list[Row]] = defaultdict(list)
    for row in drawn.deals:
        if row["verdict"] == "accepted":
            deals[row["source_deal_id"]].append(row)
    expected: dict[tuple[Any, ...], list[Any]] = defaultdict(
        lambda: [0, 0, 0, 0, Decimal(), Decimal(), Decimal(), 0, 0]
    )
    for rows in deals.values():
        rows.sort(key=lambda row: (row["occurred_at"], row["status"] != "opened"))
        opened, status = rows[0]["occurred_at"], rows[-1]["status"]
        person = keys.get(f"contact:{SYSTEM}:{rows[-1]['source_contact_id']}") or keys.get(
            f"email:{(rows[-1]['email'] or '').strip().lower()}"
        )
        entered = [row for row in drawn.entries if row["person_id"] == person and row["entered_at"] <= opened]
        entered.sort(key=lambda row: (row["entered_at"], order.index(row["stage"]), row["cycle_number"]))
        entry = entered[-1] if entered else {}
        stood = entry.get("stage", "none")
        if entry and entry["left_at"] and entry["left_at"] <= opened:
            stood = entry["left_as"]
        if person in excluded:
            stood = "excluded"
        told = [row for row in rows if row["amount"] is not None]
        amount = (
            converted(told[-1]["amount"], told[-1]["currency"], told[-1]["occurred_at"]) if told else None
        )
        tally = expected[
            month_of(opened),
            stood if person else "nobody_known",
            band(entry.get("engagement_score")),
            *(entry.get(name, "none") for name in ("direction", "segment", "scoped_campaign_id", "channel")),
            entry.get("acquisition_source", "unknown"),
        ]
        place = ("opened", "won", "lost").index(status)
        tally[0] += 1
        tally[1 + place] += 1
        tally[4 + place] += amount or Decimal()
        tally[7] += amount is None
        tally[8] += len(rows)
    names = (
        "opened_month", "stage_at_opening", "score_band", "direction", "segment", "scoped_campaign_id",
        "channel", "acquisition_source",
    )  # fmt: skip
    facts = (
        "deals", "open_deals", "won_deals", "lost_deals", "open_amount", "won_amount", "lost_amount",
        "deals_without_amount", "deal_rows",
    )  # fmt: skip
    rows = bench.mart("closed_loop")
    found = {tuple(row[name] for name in names): [row[fact] for fact in facts] for row in rows}
    assert found == dict(expected)
    assert sum(row["deals"] for row in rows) == len(deals)
    assert {"sql", "recycled", "disqualified", "excluded", "nobody_known"} <= {
        stage for _, stage, *_ in found
    }


@pytest.mark.parametrize(
    ("days", "stood"), [(-1, "none"), (0, "prospect"), (9, "prospect"), (10, "recycled"), (11, "recycled")]
)
def test_what_has_ended_stands_no_more(bench: Bench, days: int, stood: str) -> None:
    """A cycle is over from the instant at which it ends, also for whoever buys later."""
    start = AS_OF - timedelta(days=100)
    world = MoneyWorld()
    for person in ("p", "staff"):
        key = f"contact:{SYSTEM}:{person}"
        world.identities.append({"identity_key": key, "kind_rank": 2, "person_id": person})
        world.people.append({"person_id": person, "is_excluded": person == "staff"})
        world.deals.append(
            {
                "source_system": SYSTEM,
                "source_deal_id": person,
                "source_contact_id": person,
                "occurred_at": start + timedelta(days=days),
                "status": "opened",
                "verdict": "accepted",
            }
        )
    world.entries = [
        {
            "person_id": "p",
            "cycle_number": 1,
            "stage": stage,
            "entered_at": start,
            "left_at": start + timedelta(days=10),
            "left_as": "recycled",
        }
        for stage in ("suspect", "prospect")
    ]
    bench.run(world)
    assert sorted(row["stage_at_opening"] for row in bench.mart("closed_loop")) == sorted([stood, "excluded"])


@pytest.mark.parametrize("cut", ["all", "direction", "segment", "campaign", "channel", "acquisition_source"])
def test_scores_are_held_against_what_came_later(bench: Bench, drawn: MoneyWorld, cut: str) -> None:
    dimension = PROGRAMS.get(cut) if cut != "direction" else "direction"
    expected: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for entry in [*drawn.of_stage("prospect"), *drawn.of_stage("mql")]:
        sql = drawn.entry(entry["person_id"], entry["cycle_number"], "sql")
        tally = expected[
            entry["stage"], band(entry["engagement_score"]), entry[dimension] if dimension else "(all)"
        ]
        if sql and sql["entered_at"] == entry["entered_at"]:
            tally[2] += 1
            continue
        if entry["entered_at"] + MATURITY > AS_OF:
            tally[3] += 1
            continue
        tally[0] += 1
        tally[1] += is_in_time(sql, entry["entered_at"])
    found = {}
    for row in bench.mart("score_calibration", cut):
        key = (row["stage"], row["score_band"], row[dimension] if dimension else "(all)")
        found[key] = [row["sql_n"], row["sql_count"], row["immediate_sqls"], row["sql_maturing_count"]]
        if row["sql_n"]:
            low, high = proportion_confint(row["sql_count"], row["sql_n"], method="wilson")
            assert near(row["sql_rate"], row["sql_count"] / row["sql_n"])
            assert near(row["sql_low"], low) and near(row["sql_high"], high)
    assert found == dict(expected)
    assert sum(tally[2] for tally in expected.values()) > 0
    assert sum(tally[3] for tally in expected.values()) > 0


def test_no_zero_has_a_sign(bench: Bench, drawn: MoneyWorld) -> None:
    """A lower bound of none is 0 and not -0.0, which texts and some tools tell apart."""
    zeros = [
        value
        for table in ("inbound_vs_outbound", "constraint_audit", "score_calibration")
        for row in bench.mart(table)
        for value in row.values()
        if isinstance(value, float) and value == 0
    ]
    assert zeros
    assert {copysign(1, zero) for zero in zeros} == {1.0}


# -- worlds in which something is missing ------------------------------------------------------------


def test_an_empty_world_says_that_there_is_nothing(bench: Bench) -> None:
    bench.run(MoneyWorld())
    (row,) = bench.mart("cost_per_stage")
    assert (row["cut"], row["spend_amount"], row["spend_status"], row["sqls"]) == (
        "all",
        0,
        "not_recorded",
        0,
    )
    for table in ("campaign_spend", "attribution", "journey_mix", "closed_loop", "score_calibration"):
        assert bench.mart(table) == []


def test_a_world_of_one_person(bench: Bench) -> None:
    drawn = draw_world(3, people=1, spend=0, deals=0)
    bench.run(drawn)
    (row,) = bench.mart("cost_per_stage", "all")
    assert row["suspects"] == len(drawn.of_stage("suspect"))
    assert {row["comparison_verdict"] for row in bench.mart("inbound_vs_outbound")} <= {
        "insufficient_data",
        "not_compared",
    }
    assert {row["dominant_constraint"] for row in bench.mart("constraint_audit")} <= {"insufficient_data"}


def test_without_outbound_nothing_is_compared(bench: Bench) -> None:
    bench.run(draw_world(4, directions=("inbound",)))
    rows = bench.mart("inbound_vs_outbound")
    assert {row["comparison_verdict"] for row in rows} == {"insufficient_data", "not_compared"}
    assert {row["adjusted_difference"] for row in rows} == {None}
    journeys = {(row["journey"], row["outbound_ever"]) for row in bench.mart("journey_mix")}
    assert journeys == {("inbound_only", "no")}


def test_without_spend_nothing_costs_nothing(bench: Bench) -> None:
    drawn = draw_world(5, spend=0)
    bench.run(drawn)
    rows = bench.mart("cost_per_stage")
    assert {row["spend_status"] for row in rows} == {"not_recorded"}
    assert {row["cost_per_sql"] for row in rows} == {None}
    assert {row["inbound_cost_per_entry"] for row in bench.mart("inbound_vs_outbound")} == {None}
    credit = sum(row["linear_credit"] for row in bench.mart("attribution") if row["stage"] == "sql")
    assert credit == len(drawn.of_stage("sql")) > 0


def test_spend_without_any_rate_is_no_cost_of_nothing(bench: Bench) -> None:
    drawn = draw_world(5)
    for row in drawn.spend:
        row["currency"] = "JPY"
    bench.run(drawn)
    (whole,) = bench.mart("cost_per_stage", "all")
    assert (whole["spend_status"], whole["spend_amount"]) == ("rate_missing", 0)
    assert {row["cost_per_prospect"] for row in bench.mart("cost_per_stage")} == {None}
    compared = bench.mart("inbound_vs_outbound")
    for direction in ("inbound", "outbound"):
        assert {row[f"{direction}_cost_per_entry"] for row in compared} == {None}
        statuses = {row[f"{direction}_spend_status"] for row in compared if row["cut"] == "all"}
        assert statuses == {"rate_missing"}


def test_without_deals_everything_else_stays(bench: Bench) -> None:
    """Nothing but `closed_loop` knows of deals."""
    drawn = draw_world(6)
    others = (
        "cost_per_stage",
        "attribution",
        "journey_mix",
        "inbound_vs_outbound",
        "constraint_audit",
        "score_calibration",
    )
    bench.run(drawn)
    assert bench.mart("closed_loop")
    before = {table: bench.rows(f"select * from marts.{table} order by all") for table in others}
    drawn.deals.clear()
    bench.run(drawn)
    assert bench.mart("closed_loop") == []
    assert {table: bench.rows(f"select * from marts.{table} order by all") for table in others} == before


def test_the_order_of_rows_does_not_matter(bench: Bench) -> None:
    drawn = draw_world(8)
    tables = [table for table in (*MODELS_OF_RUN, "campaign_spend")]
    bench.run(drawn)
    before = {table: bench.rows(f"select * from marts.{table} order by all") for table in tables}
    for name in ("entries", "touches", "people", "spend", "deals", "identities"):
        getattr(drawn, name).reverse()
    bench.run(drawn)
    assert {table: bench.rows(f"select * from marts.{table} order by all") for table in tables} == before


MODELS_OF_RUN = (
    "cost_per_stage",
    "attribution",
    "journey_mix",
    "inbound_vs_outbound",
    "constraint_audit",
    "closed_loop",
    "score_calibration",
)


def test_landed_row_that_tells_two_states_of_a_deal_counts_once(compiled_world: CompiledWorld) -> None:
    [found] = fetch(
        compiled_world.settings,
        """
        select
            (select sum(deal_rows) from marts.closed_loop) as counted,
            (select sum(accepted_rows) from marts.row_reconciliation where entity = 'deals') as accepted,
            (select count(*) from intermediate.int_deals_judged where verdict = 'accepted') as states
        """,
    )
    assert found["counted"] == found["accepted"]
    assert found["states"] > found["counted"]
