"""The reports on stages and time against figures computed independently from the stage tables.

Nothing here reads what the reports read in between: entries are put together anew, in Python, from the
published stage tables, touches and people; Wilson's intervals and the survival curves come from statsmodels.
"""

import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import copysign
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy
import pytest
from statsmodels.duration.survfunc import SurvfuncRight
from statsmodels.stats.proportion import proportion_confint

from expectations.suites import REPORT_CUTS
from orchestration.landing import load_landing
from orchestration.settings import PROJECT_ROOT, Settings
from tests.integration.compiled_world import CompiledWorld
from tests.integration.harness import begin_build, connect, fetch, load_policy, make_warehouse
from tests.reference.worlds import SmallWorld, write_world

pytestmark = pytest.mark.slow

STAGES = {"suspect": "suspects", "prospect": "prospects", "mql": "mqls", "sql": "sqls"}
NEXT = {"suspect": "prospect", "prospect": "mql", "mql": "sql"}
DIMENSIONS = ("direction", "segment", "scoped_campaign_id", "channel", "acquisition_source")
CUT_BY = {
    "all": (),
    "direction": ("direction",),
    "segment": ("segment",),
    "campaign": ("scoped_campaign_id",),
    "channel": ("channel",),
    "acquisition_source": ("acquisition_source",),
    "direction × segment × campaign": ("direction", "segment", "scoped_campaign_id"),
}
ZONE = ZoneInfo("America/Sao_Paulo")
Row = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One entry into a stage, as a reader of the stage tables would put it together."""

    person_id: str
    stage: str
    entered_at: datetime
    next_at: datetime | None
    left_at: datetime | None
    left_as: str | None
    dimensions: dict[str, str]

    @property
    def is_immediate(self) -> bool:
        """Whether a suspect was a prospect at the very instant, so that nobody had to be won."""
        return self.stage == "suspect" and self.next_at == self.entered_at


@dataclass(frozen=True)
class Built:
    """A warehouse with reports and what to compare them with."""

    settings: Settings
    as_of: datetime
    entries: list[Entry]
    zone: ZoneInfo
    week_start: str

    def rows(self, table: str) -> list[Row]:
        """A mart's rows."""
        return fetch(self.settings, f"select * from marts.{table}")


def entries_of(settings: Settings) -> list[Entry]:
    people = {row["person_id"]: row for row in fetch(settings, "select * from marts.people")}
    touches = {row["touch_id"]: row for row in fetch(settings, "select * from marts.touches")}
    firsts: dict[str, Row] = {}
    for touch in sorted(
        touches.values(), key=lambda row: (row["occurred_at"], row["source_system"], row["touch_id"])
    ):
        firsts.setdefault(touch["person_id"], touch)
    tables = {stage: fetch(settings, f"select * from marts.{table}") for stage, table in STAGES.items()}
    reached = {
        (stage, row["person_id"], row["cycle_number"]): row[f"became_{stage}_at"]
        for stage, rows in tables.items()
        for row in rows
    }
    entries = []
    for stage, rows in tables.items():
        for row in rows:
            key = (row["person_id"], row["cycle_number"])
            has_left = row["current_stage"] in ("recycled", "disqualified")
            touch = touches.get(row["evidence_touch_id"]) or firsts.get(row["person_id"]) or {}
            campaign = touch.get("campaign_id")
            entries.append(
                Entry(
                    row["person_id"],
                    stage,
                    row[f"became_{stage}_at"],
                    reached.get((NEXT[stage], *key)) if stage in NEXT else None,
                    row["current_stage_since"] if has_left else None,
                    row["current_stage"] if has_left else None,
                    {
                        "direction": touch.get("direction") or "none",
                        "segment": row["person_segment"] or "none",
                        "scoped_campaign_id": f"{touch['campaign_source_system']}:{campaign}"
                        if campaign
                        else "none",
                        "channel": touch.get("channel") or "none",
                        "acquisition_source": people[row["person_id"]]["acquisition_source"] or "unknown",
                    },
                )
            )
    return entries


def build(
    compiled: CompiledWorld, folder: Path, small: SmallWorld, zone: str = "UTC", week_start: str = "monday"
) -> Built:
    seeds = folder / "policy"
    shutil.copytree(small.seeds, seeds)
    reporting = (seeds / "reporting.csv").read_text(encoding="utf-8")
    for shipped, wanted in (
        ("time_zone,UTC,", f"time_zone,{zone},"),
        ("week_start,monday,", f"week_start,{week_start},"),
    ):
        assert shipped in reporting
        reporting = reporting.replace(shipped, wanted)
    (seeds / "reporting.csv").write_text(reporting, encoding="utf-8")
    settings = make_warehouse(folder, small.landing)
    shutil.copyfile(compiled.settings.build_db, settings.build_db)
    load_landing(settings, now=small.loaded_at)
    load_policy(settings, seeds)
    begin_build(settings, small.as_of)
    with connect(settings) as database:
        compiled.run_models(database)
    as_of = small.as_of.replace(tzinfo=None)
    return Built(settings, as_of, entries_of(settings), ZoneInfo(zone), week_start)


@pytest.fixture(
    scope="module",
    params=[(7, "UTC", "monday"), (8, "America/Sao_Paulo", "sunday")],
    ids=["utc_monday", "sao_paulo_sunday"],
)
def built(
    request: pytest.FixtureRequest,
    empty_compiled_world: CompiledWorld,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Built]:
    seed, zone, week_start = request.param
    folder = tmp_path_factory.mktemp("reports")
    small = write_world(folder / "world", people=150, seed=seed, seeds_from=PROJECT_ROOT / "seeds")
    yield build(empty_compiled_world, folder / "warehouse", small, zone, week_start)
    shutil.rmtree(folder)


def local_day(built: Built, moment: datetime) -> date:
    return moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(built.zone).date()


def place(row: Row | dict[str, str]) -> tuple[str, ...]:
    return tuple(row[name] for name in DIMENSIONS)


def in_cut(entries: Iterable[Entry], cut: str) -> dict[tuple[str, ...], list[Entry]]:
    """Entries by the dimensions that a cut tells apart, ``(all)`` elsewhere."""
    found: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for entry in entries:
        found[
            tuple(entry.dimensions[name] if name in CUT_BY[cut] else "(all)" for name in DIMENSIONS)
        ].append(entry)
    return found


def test_the_world_holds_what_the_reports_tell_apart(built: Built) -> None:
    assert {entry.stage for entry in built.entries} == set(STAGES)
    assert {entry.left_as for entry in built.entries} == {None, "recycled", "disqualified"}
    assert {"inbound", "outbound"} <= {entry.dimensions["direction"] for entry in built.entries}
    outbound = [entry for entry in built.entries if entry.dimensions["direction"] == "outbound"]
    won = [entry for entry in outbound if entry.stage == "suspect" and entry.next_at]
    assert {entry.is_immediate for entry in won} == {True, False}
    assert set(CUT_BY) == set(REPORT_CUTS)


# -- the period view -----------------------------------------------------------------------------------


def test_funnel_counts_each_entry_and_each_exit_on_its_local_day(built: Built) -> None:
    expected: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for entry in built.entries:
        key = (entry.stage, *place(entry.dimensions))
        expected[(local_day(built, entry.entered_at), *key)][0] += 1
        if entry.next_at is not None:
            expected[(local_day(built, entry.next_at), *key)][1] += 1
        elif entry.left_at is not None:
            column = 2 if entry.left_as == "recycled" else 3
            expected[(local_day(built, entry.left_at), *key)][column] += 1
    found = {
        (row["funnel_date"], row["stage"], *place(row)): [
            row["entries"],
            row["exits_advanced"],
            row["exits_recycled"],
            row["exits_disqualified"],
        ]
        for row in built.rows("funnel_by_day")
    }
    assert found == dict(expected)


def test_weeks_begin_on_the_day_that_the_policy_names_and_months_on_the_first(built: Built) -> None:
    rows = built.rows("funnel_by_day")
    assert len({row["funnel_date"].weekday() for row in rows}) == 7
    for row in rows:
        first = row["funnel_week"]
        assert f"{first:%A}".lower() == built.week_start
        assert timedelta(0) <= row["funnel_date"] - first < timedelta(days=7)
        assert row["funnel_month"] == row["funnel_date"].replace(day=1)


def test_stock_is_who_stands_in_the_stage_at_the_end_of_the_day(built: Built) -> None:
    """Asked of whole days from scratch, person by person, not by adding up."""
    rows = built.rows("funnel_by_day")
    days = sorted({row["funnel_date"] for row in rows})
    for day in (days[0], *days[:: max(1, len(days) // 12)], days[-1]):
        latest: dict[tuple[Any, ...], Row] = {}
        for row in sorted(rows, key=lambda each: each["funnel_date"]):
            if row["funnel_date"] <= day:
                latest[(row["stage"], *place(row))] = row
        standing: dict[str, int] = defaultdict(int)
        for entry in built.entries:
            gone = entry.next_at or entry.left_at
            if local_day(built, entry.entered_at) <= day and (gone is None or local_day(built, gone) > day):
                standing[entry.stage] += 1
        found: dict[str, int] = defaultdict(int)
        for row in latest.values():
            found[row["stage"]] += row["open_stock"]
        assert {stage: count for stage, count in found.items() if count} == dict(standing), day


def test_stock_of_today_is_everybody_in_a_stage(built: Built) -> None:
    current: dict[str, int] = defaultdict(int)
    for row in fetch(built.settings, "select current_stage from marts.people"):
        current[row["current_stage"]] += 1
    stock: dict[str, int] = defaultdict(int)
    for row in built.rows("funnel_by_day"):
        stock[row["stage"]] += row["entries"] - row["exits"]
    assert {stage: stock[stage] for stage in STAGES} == {stage: current[stage] for stage in STAGES}


# -- cohorts -------------------------------------------------------------------------------------------


def wilson(count: int, out_of: int) -> tuple[float | None, float | None]:
    if not out_of:
        return None, None
    low, high = proportion_confint(count, out_of, method="wilson")
    return float(low), float(high)


def test_conversion_counts_matured_entries_only_with_wilson_intervals(built: Built) -> None:
    rows = {
        (row["stage"], row["cohort"], row["cut"], *place(row)): row
        for row in built.rows("conversion_by_cohort")
    }
    seen = set()
    for stage in NEXT:
        of_stage = [entry for entry in built.entries if entry.stage == stage]
        months = {f"{local_day(built, entry.entered_at):%Y-%m}" for entry in of_stage}
        for cohort in ("(all)", *months):
            chosen = [
                entry
                for entry in of_stage
                if cohort == "(all)" or f"{local_day(built, entry.entered_at):%Y-%m}" == cohort
            ]
            for cut in CUT_BY:
                for dimensions, entries in in_cut(chosen, cut).items():
                    key = (stage, cohort, cut, *dimensions)
                    seen.add(key)
                    assert_cohort(built, rows[key], entries)
    assert set(rows) == seen


def assert_cohort(built: Built, row: Row, everybody: list[Entry]) -> None:
    entries = [entry for entry in everybody if not entry.is_immediate]
    assert row["entries"] == len(everybody)
    immediate = len(everybody) - len(entries)
    assert row["immediate_prospects"] == (immediate if row["stage"] == "suspect" else None)
    for days in (30, 60, 90):
        matured = [entry for entry in entries if entry.entered_at + timedelta(days=days) <= built.as_of]
        reached = [
            entry
            for entry in matured
            if entry.next_at and entry.next_at - entry.entered_at <= timedelta(days=days)
        ]
        assert_rate(row, f"within_{days}_days", len(reached), len(matured))
        assert row[f"within_{days}_days_maturing_count"] == len(entries) - len(matured)
    matured = [entry for entry in entries if entry.entered_at + timedelta(days=90) <= built.as_of]
    assert_rate(row, "ever", sum(entry.next_at is not None for entry in matured), len(matured))
    assert row["ever_maturing_count"] == len(entries) - len(matured)
    assert row["ever_open_count"] == sum(entry.next_at is None and entry.left_at is None for entry in matured)


def assert_rate(row: Row, what: str, count: int, out_of: int) -> None:
    assert (row[f"{what}_count"], row[f"{what}_n"]) == (count, out_of)
    low, high = wilson(count, out_of)
    assert row[f"{what}_rate"] == (pytest.approx(count / out_of, abs=1e-6) if out_of else None)
    assert row[f"{what}_low"] == (pytest.approx(low, abs=1e-6) if out_of else None)
    assert row[f"{what}_high"] == (pytest.approx(high, abs=1e-6) if out_of else None)


@pytest.mark.parametrize("table", ["conversion_by_cohort", "stage_velocity"])
def test_no_zero_has_a_sign(built: Built, table: str) -> None:
    """Wilson's lower bound of none is 0 and not -0.0, which texts and some tools tell apart."""
    rows = built.rows(table)
    zeros = [value for row in rows for value in row.values() if isinstance(value, float) and value == 0]
    assert zeros
    assert {copysign(1, zero) for zero in zeros} == {1.0}


# -- time from stage to stage ----------------------------------------------------------------------------


def waiting_minutes(waited: timedelta) -> int:
    seconds = waited / timedelta(seconds=1)
    if seconds <= 86_400:
        return int(numpy.ceil(seconds / 60))
    return int(numpy.ceil(seconds / 3600)) * 60


def waits(built: Built, stage: str) -> list[tuple[Entry, int, int]]:
    """Entries with how long they waited, and whether the next stage ended it or as-of.

    Suspects who were prospects at once have not waited.
    """
    return [
        (
            entry,
            waiting_minutes((entry.next_at or built.as_of) - entry.entered_at),
            int(entry.next_at is not None),
        )
        for entry in built.entries
        if entry.stage == stage and not entry.is_immediate
    ]


def survival(times: list[int], events: list[int]) -> SurvfuncRight:
    return SurvfuncRight(numpy.array(times, dtype=float), numpy.array(events))


def share_at(curve: SurvfuncRight, minutes: float) -> float:
    before = numpy.searchsorted(curve.surv_times, minutes, side="right")
    return 1.0 - float(curve.surv_prob[before - 1]) if before else 0.0


def test_velocity_is_kaplan_and_meiers(built: Built) -> None:
    rows = {(row["step"], row["cut"], *place(row)): row for row in built.rows("stage_velocity")}
    seen = set()
    for stage, after in NEXT.items():
        timed = {id(entry): (minutes, event) for entry, minutes, event in waits(built, stage)}
        of_stage = [entry for entry in built.entries if entry.stage == stage]
        for cut in CUT_BY:
            for dimensions, entries in in_cut(of_stage, cut).items():
                key = (f"{stage}_to_{after}", cut, *dimensions)
                seen.add(key)
                waited = [timed[id(entry)] for entry in entries if not entry.is_immediate]
                immediate = len(entries) - len(waited) if stage == "suspect" else None
                assert rows[key]["immediate_prospects"] == immediate, key
                assert_velocity(rows[key], [time for time, _ in waited], [event for _, event in waited])
    assert {key for key in rows if key[0] != "response_to_handoff"} == seen


def assert_velocity(row: Row, times: list[int], events: list[int]) -> None:
    assert row["entries"] == len(times) + (row["immediate_prospects"] or 0)
    assert row["converted_count"] == sum(events)
    if not times:
        told = {name: row[name] for name in row if name.endswith(("_share", "_days"))}
        assert set(told.values()) == {None}
        return
    curve = survival(times, events)
    assert row["censored_count"] == len(times) - sum(events)
    assert row["followed_days"] == pytest.approx(max(times) / 1440, abs=1e-6)
    last = share_at(curve, max(times))
    assert row["converted_share"] == pytest.approx(last, abs=2e-6)
    for name, minutes in {
        "1_hour": 60,
        "1_day": 1440,
        "7_days": 10_080,
        "30_days": 43_200,
        "90_days": 129_600,
    }.items():
        known = max(times) >= minutes or last == 1
        expected = pytest.approx(share_at(curve, minutes), abs=2e-6) if known else None
        assert row[f"converted_within_{name}_share"] == expected, name
    for name, share in (("median_days", 0.5), ("p90_days", 0.9)):
        among_all = first_time(curve, share)
        assert row[name] == (None if among_all is None else pytest.approx(among_all / 1440, abs=1e-6)), name
        among = first_time(curve, share * last) if sum(events) else None
        assert row[f"converter_{name}"] == (
            None if among is None else pytest.approx(among / 1440, abs=1e-6)
        ), name


def first_time(curve: SurvfuncRight, share: float) -> float | None:
    reached = numpy.nonzero(1 - curve.surv_prob >= share - 1e-6)[0]
    return float(curve.surv_times[reached[0]]) if len(reached) else None


def test_curve_carries_greenwoods_interval_and_the_number_at_risk(built: Built) -> None:
    rows = [row for row in built.rows("stage_velocity_curve") if row["step"] != "response_to_handoff"]
    by_key: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        by_key[(row["step"], row["cut"], *place(row))].append(row)
    expected_keys = set()
    for stage, after in NEXT.items():
        timed = {id(entry): (minutes, event) for entry, minutes, event in waits(built, stage)}
        of_stage = [entry for entry in built.entries if entry.stage == stage]
        for cut in CUT_BY:
            for dimensions, entries in in_cut(of_stage, cut).items():
                waited = [timed[id(entry)] for entry in entries if not entry.is_immediate]
                times, events = [time for time, _ in waited], [event for _, event in waited]
                if any(events):
                    key = (f"{stage}_to_{after}", cut, *dimensions)
                    expected_keys.add(key)
                    assert_curve(by_key[key], times, events)
    assert set(by_key) == expected_keys


def assert_curve(rows: list[Row], times: list[int], events: list[int]) -> None:
    curve = survival(times, events)
    days = [int(numpy.ceil(minutes / 1440)) for minutes in times]
    assert sorted(row["elapsed_days"] for row in rows) == sorted(
        {day for day, event in zip(days, events, strict=True) if event}
    )
    rows = sorted(rows, key=lambda row: int(row["elapsed_days"]))
    at_risk, since = len(days), 0
    for row in rows:
        day = row["elapsed_days"]
        # Carried from row to row, the number at risk is also what a count of its own says.
        assert row["at_risk_count"] == at_risk - row["censored_count"] == sum(other >= day for other in days)
        at_risk = row["at_risk_count"] - row["converted_count"]
        assert row["converted_count"] == sum(
            event for other, event in zip(days, events, strict=True) if other == day
        )
        assert row["censored_count"] == sum(
            1 - event for other, event in zip(days, events, strict=True) if since <= other < day
        )
        since = day
        at = int(numpy.searchsorted(curve.surv_times, day * 1440, side="right")) - 1
        waiting, error = float(curve.surv_prob[at]), float(curve.surv_prob_se[at])
        assert row["converted_share"] == pytest.approx(1 - waiting, abs=2e-6)
        if waiting == 0:
            assert (row["converted_share_low"], row["converted_share_high"]) == (None, None)
            continue
        # The delta method on ln(-ln S): its standard error is that of S over S * |ln S|.
        width = 1.959963984540054 * error / (waiting * abs(numpy.log(waiting)))
        assert row["converted_share_low"] == pytest.approx(1 - waiting ** numpy.exp(-width), abs=2e-6)
        assert row["converted_share_high"] == pytest.approx(1 - waiting ** numpy.exp(width), abs=2e-6)


@dataclass(frozen=True)
class Wait:
    """A wait for sales, from the first qualifying response of a cycle."""

    dimensions: dict[str, str]
    minutes: int
    is_handed_off: int


def waits_for_sales(built: Built) -> list[Wait]:
    """Every cycle with a qualifying response; a handoff ends the wait of the cycle in which it is made."""
    prospects = {
        (row["person_id"], row["cycle_number"]): row["person_segment"] or "none"
        for row in built.rows("prospects")
    }
    openings = {
        (row["person_id"], row["cycle_number"]): row["became_suspect_at"] for row in built.rows("suspects")
    }
    sources = {row["person_id"]: row["acquisition_source"] or "unknown" for row in built.rows("people")}
    responses: dict[tuple[str, int], Row] = {}
    for row in sorted(
        fetch(built.settings, "select * from marts.touches where is_qualifying_response"),
        key=lambda row: (row["occurred_at"], row["source_system"], row["touch_id"]),
    ):
        responses.setdefault((row["person_id"], row["cycle_number"]), row)
    handoffs = fetch(
        built.settings, "select person_id, occurred_at from intermediate.int_handoffs_identified"
    )
    found = []
    for (person_id, cycle), response in responses.items():
        if (person_id, cycle) not in prospects:
            continue
        end = openings.get((person_id, cycle + 1), datetime.max)
        handed_off = [
            row["occurred_at"]
            for row in handoffs
            if row["person_id"] == person_id and response["occurred_at"] <= row["occurred_at"] < end
        ]
        campaign = response["campaign_id"]
        found.append(
            Wait(
                {
                    "direction": response["direction"],
                    "segment": prospects[person_id, cycle],
                    "scoped_campaign_id": f"{response['campaign_source_system']}:{campaign}"
                    if campaign
                    else "none",
                    "channel": response["channel"],
                    "acquisition_source": sources[person_id],
                },
                waiting_minutes(min(handed_off, default=built.as_of) - response["occurred_at"]),
                int(bool(handed_off)),
            )
        )
    return found


@pytest.mark.parametrize("cut", CUT_BY)
def test_speed_to_lead_runs_from_the_first_qualifying_response_to_the_handoff(built: Built, cut: str) -> None:
    expected: dict[tuple[str, ...], list[Wait]] = defaultdict(list)
    for wait in waits_for_sales(built):
        where = tuple(wait.dimensions[name] if name in CUT_BY[cut] else "(all)" for name in DIMENSIONS)
        expected[where].append(wait)
    rows = {
        place(row): row
        for row in built.rows("stage_velocity")
        if row["step"] == "response_to_handoff" and row["cut"] == cut
    }
    curves: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in built.rows("stage_velocity_curve"):
        if row["step"] == "response_to_handoff" and row["cut"] == cut:
            curves[place(row)].append(row)
    assert set(rows) == set(expected)
    for where, waits in expected.items():
        times, events = [wait.minutes for wait in waits], [wait.is_handed_off for wait in waits]
        assert rows[where]["immediate_prospects"] is None
        assert_velocity(rows[where], times, events)
        assert bool(curves[where]) == any(events)
        if any(events):
            assert_curve(curves[where], times, events)


def test_a_handoff_ends_the_wait_of_its_own_cycle(
    empty_compiled_world: CompiledWorld, tmp_path: Path
) -> None:
    """Two cycles with a request each, and one handoff, in the second: the first was never answered."""
    contacts = "source_contact_id,email,created_at,updated_at\n1,jo@example.com,2025-05-01,2025-05-01\n"
    touches = (
        "source_touch_id,occurred_at,source_contact_id,channel,touch_type,initiated_by\n"
        "1,2025-06-01,1,website,demo_request,contact\n"
        "2,2026-05-01,1,website,demo_request,contact\n"
    )
    built = tiny(
        empty_compiled_world,
        tmp_path,
        {
            "contacts": contacts,
            "touches": touches,
            "handoffs": "source_handoff_id,source_contact_id,occurred_at,outcome\n1,1,2026-05-03,accepted\n",
        },
    )
    (row,) = [
        row
        for row in built.rows("stage_velocity")
        if row["step"] == "response_to_handoff" and row["cut"] == "all"
    ]
    assert (row["entries"], row["converted_count"]) == (2, 1)


def test_stage_age_counts_who_stands_there_now(built: Built) -> None:
    rows = {(row["stage"], row["cut"], *place(row)): row for row in built.rows("stage_age")}
    seen = set()
    for stage in STAGES:
        of_stage = [
            entry
            for entry in built.entries
            if entry.stage == stage and not entry.next_at and not entry.left_at
        ]
        for cut in CUT_BY:
            for dimensions, entries in in_cut(of_stage, cut).items():
                key = (stage, cut, *dimensions)
                seen.add(key)
                row = rows[key]
                ages = [(built.as_of - entry.entered_at) / timedelta(days=1) for entry in entries]
                assert row["open_count"] == len(ages)
                assert row["median_age_days"] == pytest.approx(numpy.percentile(ages, 50), abs=1e-6)
                assert row["p90_age_days"] == pytest.approx(numpy.percentile(ages, 90), abs=1e-6)
                assert row["max_age_days"] == pytest.approx(max(ages), abs=1e-6)
                for low, high in ((0, 7), (7, 30), (30, 90), (90, 180)):
                    assert row[f"open_{low}_to_{high}_days_count"] == sum(low <= age < high for age in ages)
                assert row["open_from_180_days_count"] == sum(age >= 180 for age in ages)
    assert set(rows) == seen


# -- what to do ------------------------------------------------------------------------------------------


def permission_story(built: Built) -> tuple[dict[str, datetime], dict[str, str]]:
    """Since when each person's opt-out stands, and whom the contacts reached that were made meanwhile."""
    types = fetch(built.settings, "select * from policy.touch_types where grants_permission")

    def grants(touch: Row) -> bool:
        return not touch["is_opt_out"] and any(
            row["touch_type"] == touch["touch_type"]
            and (row["effective_from"] or datetime.min) <= touch["occurred_at"]
            and touch["occurred_at"] < (row["effective_to"] or datetime.max)
            for row in types
        )

    by_person: dict[str, list[Row]] = defaultdict(list)
    for row in fetch(built.settings, "select * from marts.touches"):
        by_person[row["person_id"]].append(row)
    standing, breaches = {}, {}
    for person_id, touches in by_person.items():
        for touch in touches:
            now = touch["occurred_at"]
            outs = [row["occurred_at"] for row in touches if row["is_opt_out"] and row["occurred_at"] < now]
            given = [row["occurred_at"] for row in touches if grants(row) and row["occurred_at"] <= now]
            is_contact = touch["actor"] == "company" and (
                touch["direction"] != "inbound" or touch["audience_consent"] == "opt_in"
            )
            if is_contact and outs and not any(moment > max(outs) for moment in given):
                breaches[touch["touch_id"]] = person_id
        given = [row["occurred_at"] for row in touches if grants(row)]
        outs = [
            row["occurred_at"]
            for row in touches
            if row["is_opt_out"] and row["occurred_at"] >= max(given, default=datetime.min)
        ]
        if outs:
            standing[person_id] = min(outs)
    return standing, breaches


def test_breaches_are_contacts_while_an_opt_out_stood(built: Built) -> None:
    _, breaches = permission_story(built)
    found = built.rows("opt_out_breaches")
    assert {row["touch_id"]: row["person_id"] for row in found} == breaches
    assert {"outbound", "unclassified"} <= {row["direction"] for row in found}


def test_worklist_names_one_action_for_each_person(built: Built) -> None:
    standing, _ = permission_story(built)
    handoffs: dict[str, datetime] = {}
    for row in fetch(
        built.settings, "select person_id, occurred_at from intermediate.int_handoffs_identified"
    ):
        handoffs[row["person_id"]] = max(
            handoffs.get(row["person_id"], row["occurred_at"]), row["occurred_at"]
        )
    qualified: dict[tuple[str, int], datetime] = {}
    for row in built.rows("touches"):
        if row["is_qualifying_response"]:
            key = (row["person_id"], row["cycle_number"])
            qualified[key] = min(qualified.get(key, row["occurred_at"]), row["occurred_at"])
    exits = {
        (row["person_id"], row["cycle_number"]): row["evidence_touch_id"]
        for row in built.rows("stage_transitions")
        if row["to_stage"] == "disqualified"
    }
    expected: dict[str, str] = {}
    for person in built.rows("people"):
        action = action_for(person, standing, handoffs, qualified, exits)
        if action:
            expected[person["person_id"]] = action
    found = built.rows("worklist")
    assert {row["person_id"]: row["action"] for row in found} == expected
    assert len(found) == len(expected)
    assert {"suppress", "nurture"} <= set(expected.values())
    for row in found:
        assert row["since"] <= built.as_of
        assert None not in (row["because"], row["acquisition_source"], row["direction"], row["waiting_days"])
        if row["person_id"] in standing:
            assert row["since"] == standing[row["person_id"]]


def action_for(
    person: Row,
    standing: dict[str, datetime],
    handoffs: dict[str, datetime],
    qualified: dict[tuple[str, int], datetime],
    exits: dict[tuple[str, int], str | None],
) -> str | None:
    stage, blocked = person["current_stage"], person["blocked_by"] or ""
    cycle = (person["person_id"], person["current_cycle"])
    if person["person_id"] in standing or (stage == "disqualified" and exits[cycle] is None):
        return "suppress"
    if stage == "sql":
        handed_off = handoffs.get(person["person_id"])
        return "hand_off" if handed_off is None or handed_off < qualified[cycle] else None
    if (
        stage == "prospect"
        and "icp_mismatch:" not in blocked
        and ("icp_missing:" in blocked or "context_missing:" in blocked)
    ):
        return "enrich"
    if stage in ("prospect", "mql", "recycled", "disqualified") and person["is_icp_fit"]:
        return "nurture"
    return None


# -- worlds with little in them --------------------------------------------------------------------------

REPORTS = (
    "funnel_by_day",
    "conversion_by_cohort",
    "stage_velocity",
    "stage_velocity_curve",
    "stage_age",
    "worklist",
    "opt_out_breaches",
)


def tiny(compiled: CompiledWorld, folder: Path, files: dict[str, str]) -> Built:
    landing = folder / "landing"
    landing.mkdir(parents=True)
    for name, content in files.items():
        path = landing / "leadproof" / name / f"{name}_2026-01-01.csv"
        path.parent.mkdir(parents=True)
        path.write_text(content, encoding="utf-8")
    small = SmallWorld(landing, PROJECT_ROOT / "seeds", datetime(2026, 6, 30), datetime(2026, 6, 30))
    return build(compiled, folder / "warehouse", small)


def test_reports_of_an_empty_world_are_empty(empty_compiled_world: CompiledWorld, tmp_path: Path) -> None:
    built = tiny(empty_compiled_world, tmp_path, {})
    assert {table: built.rows(table) for table in REPORTS} == {table: [] for table in REPORTS}


def test_reports_of_one_untouched_person(empty_compiled_world: CompiledWorld, tmp_path: Path) -> None:
    contacts = "source_contact_id,email,created_at,updated_at\n1,jo@example.com,2026-05-01,2026-05-01\n"
    built = tiny(empty_compiled_world, tmp_path, {"contacts": contacts})
    (day,) = built.rows("funnel_by_day")
    assert (day["stage"], day["entries"], day["exits"], day["open_stock"]) == ("suspect", 1, 0, 1)
    assert place(day) == ("none", "none", "none", "none", "unknown")
    cohorts = built.rows("conversion_by_cohort")
    assert len(cohorts) == 2 * len(CUT_BY)
    assert {(row["within_30_days_n"], row["within_90_days_n"], row["ever_n"]) for row in cohorts} == {
        (1, 0, 0)
    }
    assert {row["within_30_days_rate"] for row in cohorts} == {0.0}
    assert {row["ever_rate"] for row in cohorts} == {None}
    assert built.rows("stage_velocity_curve") == []
    assert {row["median_days"] for row in built.rows("stage_velocity")} == {None}
    assert built.rows("worklist") == []
