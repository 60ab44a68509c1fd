"""Small worlds for the reports on direction, money, credit and constraint: what these read, row by row.

The rows are drawn at random, yet hang together: stages follow one another, evidence is a touch. What a
report must say of them does not belong here.
"""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from orchestration.settings import PROJECT_ROOT
from tests.integration.compiled_world import AS_OF, CompiledWorld
from tests.integration.harness import begin_build, connect, load_policy, make_warehouse

Row = dict[str, Any]

REPORTS = (
    "campaign_spend",
    "int_spend_allocated",
    "cost_per_stage",
    "int_conversions_traced",
    "attribution",
    "journey_mix",
    "inbound_vs_outbound",
    "constraint_audit",
    "closed_loop",
    "score_calibration",
)
"""The models under test, each after those it reads."""

STAGES = ("suspect", "prospect", "mql", "sql")
DIRECTIONS = ("inbound", "outbound", "unclassified")
SEGMENTS = ("none", "software", "advisory")
CAMPAIGNS = ("c1", "c2", "c3", None)
CHANNELS = ("email", "website", "event")
SOURCES = ("unknown", "web_form", "list_purchase")
PAGES = (None, "https://example/a", "https://example/b")
OFFERS = (None, "guide", "webinar")
SYSTEM = "leadproof"
MATURITY = timedelta(days=90)


@dataclass
class MoneyWorld:
    """What the reports read, by table.

    Args:
        entries: Entries into stages, as `int_entries_described` has them.
        touches: Touches.
        people: People.
        campaigns: Periods of campaigns.
        spend: Judged spend rows.
        deals: Judged deal rows.
        identities: Identity keys with their people.
    """

    entries: list[Row] = field(default_factory=list)
    touches: list[Row] = field(default_factory=list)
    people: list[Row] = field(default_factory=list)
    campaigns: list[Row] = field(default_factory=list)
    spend: list[Row] = field(default_factory=list)
    deals: list[Row] = field(default_factory=list)
    identities: list[Row] = field(default_factory=list)

    def of_stage(self, stage: str) -> list[Row]:
        """The entries into a stage."""
        return [entry for entry in self.entries if entry["stage"] == stage]

    def entry(self, person: str, cycle: int, stage: str) -> Row | None:
        """The entry of a cycle into a stage, if there is one."""
        return self._index().get((person, cycle, stage))

    def _index(self) -> dict[tuple[str, int, str], Row]:
        return {(row["person_id"], row["cycle_number"], row["stage"]): row for row in self.entries}


def scoped(campaign: str | None) -> str:
    """A campaign's id as reports write it."""
    return f"{SYSTEM}:{campaign}" if campaign else "none"


def draw_world(
    seed: int, people: int = 120, *, directions: Sequence[str] = DIRECTIONS, spend: int = 60, deals: int = 25
) -> MoneyWorld:
    """Draw a world.

    Args:
        seed: Seed of the draw.
        people: How many people.
        directions: The directions that occur.
        spend: How many spend rows.
        deals: How many deals.
    """
    rng = np.random.default_rng(seed)
    world = MoneyWorld(campaigns=[_campaign(each) for each in CAMPAIGNS[:3] if each])
    for number in range(people):
        _draw_person(rng, world, f"p_{number:016x}", directions)
    for _ in range(spend):
        _draw_spend(rng, world)
    for number in range(deals):
        _draw_deal(rng, world, f"d{number}")
    return world


def _pick(rng: np.random.Generator, values: Sequence[Any]) -> Any:
    return values[int(rng.integers(len(values)))]


def _campaign(campaign: str) -> Row:
    return {
        "campaign_key": f"{SYSTEM}:{campaign}:2020",
        "source_system": SYSTEM,
        "campaign_id": campaign,
        "campaign_name": f"Campaign {campaign}",
        "valid_from": datetime(2020, 1, 1),
    }


def _draw_person(rng: np.random.Generator, world: MoneyWorld, person: str, directions: Sequence[str]) -> None:
    source = _pick(rng, SOURCES)
    start = AS_OF - timedelta(days=float(rng.uniform(20, 400)))
    is_complete = bool(rng.random() < 0.7)
    is_known = bool(rng.random() < 0.85)
    is_excluded = bool(rng.random() < 0.05)
    world.people.append(
        {
            "person_id": person,
            "is_excluded": is_excluded,
            "first_known_at": start if is_known else None,
            "acquisition_source": None if source == "unknown" else source,
            "is_icp_complete": is_complete,
            "is_icp_fit": is_complete and bool(rng.random() < 0.6),
        }
    )
    world.identities.append(_identity(f"anonymous:{SYSTEM}:{person}", 3, start, person))
    if is_known:
        later = start + timedelta(days=float(_pick(rng, (-5, 0, 3, 30, 120))))
        world.identities.append(_identity(f"contact:{SYSTEM}:{person}", 2, later, person))
    moment = start
    cycles = int(rng.integers(1, 3))
    for cycle in range(1, 1 + cycles):
        reached = int(rng.choice([1, 2, 3, 4], p=[0.3, 0.3, 0.15, 0.25])) if cycle == 1 else 4
        if not is_known or is_excluded:
            reached = 0
        moment = _draw_cycle(rng, world, person, cycle, moment, reached, source, directions)
        if cycle < cycles or rng.random() < 0.4:
            _close_cycle(rng, world, person, cycle, moment - timedelta(hours=12), directions)


def _draw_cycle(
    rng: np.random.Generator,
    world: MoneyWorld,
    person: str,
    cycle: int,
    start: datetime,
    reached: int,
    source: str,
    directions: Sequence[str],
) -> datetime:
    times = [start]
    for _ in range(3):
        times.append(times[-1] + timedelta(days=float(_pick(rng, (0, 0, 1, 12, 89, 90, 91)))))
    known = [time for time in times[:reached] if time <= AS_OF]
    evidence = [_draw_touch(rng, world, person, cycle, time, directions, response=True) for time in known[1:]]
    for _ in range(int(rng.integers(0, 7))):
        time = min(start + timedelta(days=float(_pick(rng, (0, 0, 1, 7, 40, 100)))), AS_OF)
        _draw_touch(rng, world, person, cycle, time, directions, response=bool(rng.random() < 0.5))
    segment = _pick(rng, SEGMENTS)
    for place, time in enumerate(known):
        touch = evidence[place - 1] if place else None
        campaign = touch["campaign_id"] if touch else _pick(rng, CAMPAIGNS)
        world.entries.append(
            {
                "person_id": person,
                "cycle_number": cycle,
                "source_system": SYSTEM,
                "evidence_touch_id": touch["touch_id"] if touch else None,
                "stage": STAGES[place],
                "entered_at": time,
                "entered_on": time.date(),
                "entry_month": time.date().replace(day=1),
                "next_stage_at": known[place + 1] if place + 1 < len(known) else None,
                "left_at": None,
                "left_as": None,
                "direction": touch["direction"] if touch else _pick(rng, (*directions, "none")),
                "segment": segment,
                "scoped_campaign_id": scoped(campaign),
                "campaign_source_system": SYSTEM if campaign else "none",
                "campaign_id": campaign or "none",
                "channel": touch["channel"] if touch else _pick(rng, CHANNELS),
                "acquisition_source": source,
                "is_icp_complete": bool(rng.random() < 0.6),
                "is_icp_fit": bool(rng.random() < 0.5),
                "engagement_score": float(_pick(rng, (0, 5.5, 10, 49.999999, 50, 99.9, 100, 180.25))),
            }
        )
        if world.entries[-1]["is_icp_fit"]:
            world.entries[-1]["is_icp_complete"] = True
        if rng.random() < 0.2:
            segment = _pick(rng, SEGMENTS)
    return times[-1] + timedelta(days=1)


def _close_cycle(
    rng: np.random.Generator,
    world: MoneyWorld,
    person: str,
    cycle: int,
    left_at: datetime,
    directions: Sequence[str],
) -> None:
    """End a cycle, before the next one opens if there is one, with touches at the end and after it."""
    for entry in world.entries:
        if (entry["person_id"], entry["cycle_number"]) == (person, cycle) and left_at <= AS_OF:
            entry["left_at"], entry["left_as"] = left_at, _pick(rng, ("recycled", "disqualified"))
    for touch in world.touches:
        if touch["person_id"] == person and touch["occurred_at"] > left_at:
            touch["occurred_at"] = left_at
    for hours in (0, 6):
        if rng.random() < 0.6 and left_at + timedelta(hours=hours) <= AS_OF:
            time = left_at + timedelta(hours=hours)
            _draw_touch(rng, world, person, cycle, time, directions, response=False)


def _draw_touch(
    rng: np.random.Generator,
    world: MoneyWorld,
    person: str,
    cycle: int,
    time: datetime,
    directions: Sequence[str],
    *,
    response: bool,
) -> Row:
    campaign = _pick(rng, CAMPAIGNS)
    relevance = _pick(rng, (None, None, "relevant", "irrelevant")) if response else None
    touch = {
        "touch_id": f"{SYSTEM}:t{int(rng.integers(10**12)):012d}",
        "person_id": person,
        "cycle_number": cycle,
        "source_system": SYSTEM,
        "occurred_at": time,
        "direction": _pick(rng, directions),
        "channel": _pick(rng, CHANNELS),
        "campaign_id": campaign,
        "campaign_source_system": SYSTEM if campaign else None,
        "person_segment": _pick(rng, (None, *SEGMENTS[1:])),
        "is_response": response,
        "landing_page": _pick(rng, PAGES) if response else None,
        "offer_id": _pick(rng, OFFERS) if response else None,
        "response_relevance": relevance,
        "is_qualifying_response": response and relevance != "irrelevant" and bool(rng.random() < 0.2),
    }
    world.touches.append(touch)
    return touch


def _draw_spend(rng: np.random.Generator, world: MoneyWorld) -> None:
    # c4 has no record, and nobody was touched by it; JPY has no rate, GBP none before 2017.
    world.spend.append(
        {
            "source_system": SYSTEM,
            "campaign_id": _pick(rng, ("c1", "c1", "c2", "c3", "c4")),
            "spend_date": AS_OF.replace(hour=0) - timedelta(days=int(rng.integers(0, 420))),
            "amount": float(
                _pick(rng, (0.01, 1, 99.99, 1234.567, 900_000.0, 9e11, -20.0, 333.33, 1e13, 0.0))
            ),
            "currency": _pick(rng, ("USD", "USD", "EUR", "GBP", "JPY")),
            "verdict": _pick(rng, ("accepted", "accepted", "accepted", "superseded", "pending")),
        }
    )


def _draw_deal(rng: np.random.Generator, world: MoneyWorld, deal: str) -> None:
    person = _pick(rng, [row["person_id"] for row in world.people] or [None])
    opened = AS_OF - timedelta(days=float(rng.uniform(0, 300)))
    by = _pick(rng, ("contact", "email", "unknown"))
    if by == "email" and person:
        world.identities.append(_identity(f"email:{deal}@example.test", 1, AS_OF, person))
    statuses = ["opened", *([_pick(rng, ("won", "lost"))] if rng.random() < 0.6 else [])]
    for place, status in enumerate(statuses):
        world.deals.append(
            {
                "source_system": SYSTEM,
                "source_deal_id": deal,
                "source_contact_id": person if by == "contact" else None,
                "email": f"{deal}@Example.test" if by == "email" else None,
                "occurred_at": opened + timedelta(days=float(_pick(rng, (0, 10)) * place)),
                "status": status,
                "amount": _pick(rng, (None, 100.0, 2500.5, 9e8, 1e12)),
                "currency": _pick(rng, ("USD", "EUR", "JPY")),
                "verdict": _pick(rng, ("accepted", "accepted", "accepted", "quarantined")),
                "source_table": "deals",
                "_load_id": 1,
                "_source_file": "deals.csv",
                "_source_row": len(world.deals) + 2,
            }
        )


def _identity(key: str, kind: int, appeared: datetime, person: str) -> Row:
    return {
        "identity_key": key,
        "kind_rank": kind,
        "first_appeared_at": appeared,
        "is_leading": False,
        "person_id": person,
    }


# -- running -----------------------------------------------------------------------------------------

_TABLES = {
    "entries": "intermediate.int_entries_described",
    "touches": "marts.touches",
    "people": "marts.people",
    "campaigns": "marts.campaigns",
    "spend": "intermediate.int_campaign_spend_judged",
    "deals": "intermediate.int_deals_judged",
    "identities": "intermediate.int_identities_resolved",
}


@dataclass(frozen=True)
class Bench:
    """A database in which the reports can be run on one world after another.

    Args:
        world: The compiled models.
        database: A connection to a copy in which every model has been built, empty.
    """

    world: CompiledWorld
    database: duckdb.DuckDBPyConnection

    def run(self, drawn: MoneyWorld) -> None:
        """Replace what the reports read by a world's rows, and build the reports."""
        for name, relation in _TABLES.items():
            self.database.execute(f"delete from {relation}")
            rows: list[Row] = getattr(drawn, name)
            if rows:
                self._insert(relation, rows)
        nodes = [node for node in self.world.models if node["name"] in REPORTS]
        assert len(nodes) == len(REPORTS)
        self.world.run_models(self.database, nodes)

    def rows(self, query: str) -> list[Row]:
        """A query's rows by column name."""
        cursor = self.database.execute(query)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def mart(self, table: str, cut: str | None = None) -> list[Row]:
        """The rows of a mart, or of one of its cuts."""
        return self.rows(f"select * from marts.{table}" + (f" where cut = '{cut}'" if cut else ""))

    def set_policy(self, table: str, changes: Iterable[str]) -> None:
        """Run updates on a policy table."""
        for change in changes:
            self.database.execute(f"update policy.{table} {change}")

    def _insert(self, relation: str, rows: list[Row]) -> None:
        self.database.register("arrived", pa.Table.from_pylist(rows))
        self.database.execute(f"insert into {relation} by name select * from arrived")
        self.database.unregister("arrived")


@contextmanager
def money_bench(world: CompiledWorld, folder: Path) -> Iterator[Bench]:
    """Build every model on nothing, in a copy, and hand over the connection."""
    settings = make_warehouse(folder, world.settings.landing)
    shutil.copyfile(world.settings.build_db, settings.build_db)
    load_policy(settings, PROJECT_ROOT / "seeds")
    begin_build(settings, AS_OF)
    with connect(settings) as database:
        world.run_models(database)
        yield Bench(world, database)


def month_of(moment: datetime | date) -> date:
    """The first day of a moment's month (reports run in UTC here)."""
    return date(moment.year, moment.month, 1)
