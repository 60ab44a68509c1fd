"""The sequences: a small world that is told piece by piece, and built, killed and built again in between.

After each build that ends, the marts must equal those of a rebuild from nothing and those of the reference,
row for row, and every landed row must be counted. Which rows can be told belongs to ``events``, how they
reach the landing folder to ``deliveries``, what a build is to ``warehouse``.
"""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Protocol

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from orchestration.settings import Settings
from tests.integration.compiled_world import CompiledWorld
from tests.proof import events
from tests.proof.agreement import differences_from_reference, differing_rows, unbalanced_tables
from tests.proof.deliveries import WAYS_TO_COME_AGAIN, Deliveries
from tests.proof.events import NOT_REPEATED, CampaignVersion, Event, Handoff, Touch, Version
from tests.proof.moments import DAY, LAST, START, as_text, moments
from tests.proof.policy import EDITS
from tests.proof.warehouse import KilledError, Marts, Warehouse
from tests.reference.world import World
from tests.reference.worlds import KEYS, SCRIPTS, TIMES, Row, scripted_rows

_MEMORY = Path("/dev/shm")
_SHOWN = 20
# What a second build of the same may say otherwise: it counts once more.
OF_EACH_BUILD = ("row_reconciliation", "restatements")
STEPS = (timedelta(microseconds=1), timedelta(minutes=1), DAY, 10 * DAY, 30 * DAY, 60 * DAY, 180 * DAY)
_Where = st.sampled_from(("everything", "the first half", "the last half", "one row of each"))


class AnyWarehouse(Protocol):
    """What a sequence needs of a warehouse, however its builds are made."""

    policy: dict[int, datetime]
    settings: Settings
    build_id: str
    is_built: bool
    is_increment: bool
    tells_reports: bool

    def build(self, as_of: datetime) -> None: ...
    def marts(self) -> Marts: ...
    def rebuilt_marts(self) -> Marts: ...
    def reference(self, as_of: datetime) -> World: ...
    def close(self) -> None: ...


class FunnelMachine(RuleBasedStateMachine):
    """One warehouse with one world. A subclass says how builds are made, and how they are killed.

    Attributes:
        compiled: The compiled models.
        tally: Counts what all sequences of a run did; shared by them.
    """

    compiled: CompiledWorld
    tally: ClassVar[Counter[str]] = Counter()
    warehouse: AnyWarehouse

    def __init__(self) -> None:
        super().__init__()
        self.started = time.monotonic()
        self.folder = Path(tempfile.mkdtemp(prefix="proof-", dir=_MEMORY if _MEMORY.is_dir() else None))
        self.warehouse = self.open_warehouse()
        self.deliveries = Deliveries(self.warehouse.settings.landing)
        self.as_of = START + 210 * DAY
        self.numbers = 0
        self.touch_ids: list[str] = []
        self.told: list[tuple[str, Row]] = []
        self.waiting: dict[str, list[Row]] = {}
        self.is_changed = True
        self.is_holding = True

    def open_warehouse(self) -> AnyWarehouse:
        """Make an empty warehouse in the sequence's folder; each subclass says of which kind."""
        # No abstract method: Hypothesis' machines have a metaclass of their own.
        raise NotImplementedError

    # -- what is told -----------------------------------------------------------------------------

    @initialize(
        lives=st.lists(events.lives(), min_size=6, max_size=16),
        day=st.sampled_from((None, "2025-01-01")),
        policy=st.dictionaries(st.integers(0, len(EDITS) - 1), moments(), max_size=4),
    )
    def begin(self, lives: list[list[Event]], day: str | None, policy: dict[int, datetime]) -> None:
        self.warehouse.policy = policy
        self.tally["policy edits"] += len(policy)
        self._tell("campaigns", events.steady_campaign(START - DAY))
        for life in lives:
            self._happen(life)
        self._deliver("everything", is_csv=True, day=day)
        self._build()

    # Hypothesis draws most often the rule with the fewest arguments that is the first by name: this one.

    @rule(
        life_and_then=st.tuples(
            events.lives(), st.sampled_from(("tell it later", "deliver", "deliver and build"))
        )
    )
    def act(self, life_and_then: tuple[list[Event], str]) -> None:
        life, then = life_and_then
        self._happen(life)
        if then != "tell it later":
            self._deliver("everything", is_csv=len(life) % 2 == 0)
        if then == "deliver and build":
            self._build()

    @rule(
        script=st.integers(0, len(SCRIPTS) - 1),
        base=moments(),
        dormancy=st.sampled_from((180 * DAY, 60 * DAY, 10 * DAY)),
    )
    def follow_a_script(self, script: int, base: datetime, dormancy: timedelta) -> None:
        name = f"S{self._number()}"
        for table, rows in scripted_rows(SCRIPTS[script], name, base, dormancy, self.numbers * 100).items():
            for row in rows:
                steady = row.get("campaign_id") == "corner"
                self._tell(table, {**row, "campaign_id": events.STEADY_CAMPAIGN} if steady else row)

    @rule(
        first=st.integers(0, events.PEOPLE - 1),
        second=st.integers(0, events.PEOPLE - 1),
        by=st.sampled_from(("record", "touch", "visitor", "device")),
        at=moments(),
    )
    def merge(self, first: int, second: int, by: str, at: datetime) -> None:
        """One row that makes two people one."""
        if by == "record":
            row: Row = {"email": events.address(second), "created_at": as_text(at), "updated_at": as_text(at)}
            self._tell("contacts", {"source_contact_id": events.contact_id(first), **row})
            return
        linked = {
            "touch": {"source_contact_id": events.contact_id(first), "email": events.address(second)},
            "visitor": {"source_contact_id": events.contact_id(first), "anonymous_id": f"v{second}"},
            "device": {"email": events.address(first), "anonymous_id": f"v{second}"},
        }[by]
        self._visit(at, linked)

    @rule(
        person=st.integers(0, events.PEOPLE - 1),
        size=st.integers(1, 7),
        by=st.sampled_from(("record", "address", "contact")),
        at=moments(),
    )
    def crowd(self, person: int, size: int, by: str, at: datetime) -> None:
        """Others on one person's address or device: few are one person, more make a hub that links nobody."""
        for number in range(size):
            if by == "record":
                row: Row = {"email": events.address(person), "created_at": as_text(at)}
                self._tell("contacts", {"source_contact_id": f"desk{person}-{number}", **row})
            elif by == "address":
                self._visit(at, {"email": f"desk{number}@hub.example", "anonymous_id": f"v{person}"})
            else:
                self._visit(at, {"source_contact_id": f"desk{person}-{number}", "anonymous_id": f"v{person}"})

    @rule(versions=st.lists(events.company_versions(), min_size=1, max_size=4))
    def companies_change(self, versions: list[Version]) -> None:
        for version in versions:
            self._tell("companies", version.row())

    @rule(versions=st.lists(events.campaign_versions(), min_size=1, max_size=4))
    def campaigns_change(self, versions: list[CampaignVersion]) -> None:
        for version in versions:
            self._tell("campaigns", version.row())

    @rule(
        person=st.integers(0, events.PEOPLE - 1), at=moments(), status=st.sampled_from(("opened", "won", "x"))
    )
    def sell_and_spend(self, person: int, at: datetime, status: str) -> None:
        deal = {"source_contact_id": events.contact_id(person), "occurred_at": as_text(at), "status": status}
        self._tell("deals", {"source_deal_id": f"d{person}", "amount": "5", "currency": "EUR", **deal})
        spend = {"campaign_id": "camp-0", "spend_date": at.date().isoformat(), "currency": "eur"}
        self._tell("campaign_spend", {**spend, "amount": str(person)})

    @precondition(lambda self: self.told)
    @rule(
        number=st.integers(0, 40),
        change=st.one_of(st.none(), st.integers(0, 20)),
        at=st.one_of(st.none(), moments()),
        is_later_version=st.booleans(),
    )
    def tell_again(
        self, number: int, change: int | None, at: datetime | None, is_later_version: bool
    ) -> None:
        """A row comes a second time under its id: the same, corrected, flawed, or at another moment."""
        table, row = self.told[-1 - number % len(self.told)]
        if change is not None:
            changes = NOT_REPEATED[table]
            row = {**row, **changes[change % len(changes)]}
        if at is not None and (is_later_version or table not in ("contacts", "companies", "campaigns")):
            row = {**row, TIMES[table]: as_text(at)}
        self._tell(table, row)

    # -- how it comes -----------------------------------------------------------------------------

    @precondition(lambda self: any(self.waiting.values()))
    @rule(
        what=_Where,
        is_csv=st.booleans(),
        day=st.sampled_from((None, "2025-03-01", "2025-01-15")),
        is_reversed=st.booleans(),
        has_broken_line=st.sampled_from((False, False, False, True)),
    )
    def deliver(
        self, what: str, is_csv: bool, day: str | None, is_reversed: bool, has_broken_line: bool
    ) -> None:
        self._deliver(what, is_csv=is_csv, day=day, is_reversed=is_reversed, has_broken_line=has_broken_line)

    @precondition(lambda self: len(self.deliveries))
    @rule(number=st.integers(0, 10), way=st.sampled_from(WAYS_TO_COME_AGAIN))
    def file_comes_again(self, number: int, way: str) -> None:
        self.deliveries.come_again(number, way, self.waiting)
        self.is_changed = True

    # -- policy and clock -------------------------------------------------------------------------

    # Both build everybody anew, so they are rarer than what an increment has to find by itself.

    @precondition(lambda self: self.numbers % 3 == 0)
    @rule(edit=st.integers(0, len(EDITS) - 1), since=moments())
    def edit_policy(self, edit: int, since: datetime) -> None:
        self.warehouse.policy = {**self.warehouse.policy, edit: since}
        self.is_changed = True
        self.tally["policy edits"] += 1

    @precondition(lambda self: self.warehouse.policy and self.numbers % 3 == 0)
    @rule(number=st.integers(0, 10))
    def take_back_policy(self, number: int) -> None:
        edits = list(self.warehouse.policy)
        del self.warehouse.policy[edits[number % len(edits)]]
        self.is_changed = True
        self.tally["policy edits"] += 1

    @rule(step=st.sampled_from(STEPS))
    def wait(self, step: timedelta) -> None:
        self.as_of = min(self.as_of + step, LAST)
        self.is_changed = True

    @precondition(lambda self: self.numbers % 3 == 1)
    @rule(moment=moments())
    def look_from(self, moment: datetime) -> None:
        """Often onwards to just where a row waits or a silence ends, sometimes back."""
        self.tally["looks back"] += moment < self.as_of
        self.as_of = moment
        self.is_changed = True

    # -- builds -----------------------------------------------------------------------------------

    @precondition(lambda self: self.is_changed)
    @rule(is_repeated=st.sampled_from((False, False, True)))
    def build(self, is_repeated: bool) -> None:
        first = self._build()
        if is_repeated:
            self.warehouse.build(self.as_of)
            found = differing_rows(first, self.warehouse.marts(), ignored=OF_EACH_BUILD)
            self._hold(found, "the same build a second time")

    @rule(step=st.sampled_from(STEPS), is_csv=st.booleans())
    def deliver_wait_and_build(self, step: timedelta, is_csv: bool) -> None:
        self._deliver("everything", is_csv=is_csv)
        self.wait(step)
        self._build()

    def teardown(self) -> None:
        try:
            if self.is_holding:
                self._deliver("everything", is_csv=False)
                self.warehouse.tells_reports = True
                self._build()
                self.tally["sequences"] += 1
        finally:
            self.warehouse.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    # -- helpers ----------------------------------------------------------------------------------

    def _number(self) -> int:
        self.numbers += 1
        return self.numbers

    def _happen(self, life: list[Event]) -> None:
        for event in life:
            match event:
                case Touch():
                    row = event.row(self._number(), self.touch_ids)
                    self.touch_ids.append(str(row["source_touch_id"]))
                    self._tell("touches", row)
                case Handoff():
                    self._tell("handoffs", event.row(self._number()))
                case Version():
                    self._tell("contacts", event.row())

    def _visit(self, at: datetime, keys: Mapping[str, str | None]) -> None:
        facts: Row = {"channel": "website", "touch_type": "page_visit", "occurred_at": as_text(at)}
        self._tell("touches", {"source_touch_id": f"t{self._number()}", **facts, **keys})

    def _tell(self, table: str, row: Row) -> None:
        self.waiting.setdefault(table, []).append(row)
        if row.get(KEYS[table]):
            self.told.append((table, row))

    def _deliver(
        self,
        what: str,
        *,
        is_csv: bool,
        day: str | None = None,
        is_reversed: bool = False,
        has_broken_line: bool = False,
    ) -> None:
        for table, rows in self.waiting.items():
            size = {"everything": len(rows), "one row of each": 1}.get(what, (len(rows) + 1) // 2)
            taken = rows[len(rows) - size :] if what == "the last half" else rows[:size]
            self.waiting[table] = rows[: len(rows) - size] if what == "the last half" else rows[size:]
            if taken:
                self.is_changed = True
                self.deliveries.deliver(
                    table,
                    taken[::-1] if is_reversed else taken,
                    is_csv=is_csv,
                    day=day,
                    has_broken_line=has_broken_line,
                )

    def _build(self) -> Marts:
        is_continued = self.warehouse.is_built
        self.warehouse.build(self.as_of)
        return self._examine(is_continued)

    def _examine(self, is_continued: bool) -> Marts:
        """Compare what a build came to with what it must come to."""
        marts = self.warehouse.marts()
        self._hold(unbalanced_tables(marts), "the count of landed rows")
        world = self.warehouse.reference(self.as_of)
        self._hold(differences_from_reference(world, marts, self.warehouse.build_id), "the reference")
        if is_continued:
            self._hold(differing_rows(self.warehouse.rebuilt_marts(), marts), "a rebuild from nothing")
        self._count(marts)
        self.is_changed = False
        return marts

    def _hold(self, found: list[str], what: str) -> None:
        self.is_holding = not found
        assert not found, f"{len(found)} differences from {what}:\n" + "\n".join(found[:_SHOWN])

    def _count(self, marts: Marts) -> None:
        self.tally["builds"] += 1
        self.tally["builds that continued"] += self.warehouse.is_increment
        self.tally["rows compared"] += sum(len(rows) for rows in marts.values())
        for table in ("people", "touches", "stage_transitions", "person_aliases", "quarantine"):
            self.tally[table] += len(marts[table])
        self.tally["pending rows"] += sum(
            int(str(row["pending_rows"])) for row in marts["row_reconciliation"]
        )
        for row in marts["stage_transitions"]:
            self.tally[f"transitions to {row['to_stage']}"] += 1


class CompiledMachine(FunnelMachine):
    """Sequences over the compiled models, in one process.

    Attributes:
        kind_of_warehouse: How builds are made.
    """

    kind_of_warehouse: type[Warehouse] = Warehouse
    warehouse: Warehouse

    def open_warehouse(self) -> Warehouse:
        return self.kind_of_warehouse(self.compiled, self.folder, tells_reports=False)

    @rule(models=st.integers(0, 105))
    def build_is_killed(self, models: int) -> None:
        with suppress(KilledError):
            self.warehouse.build(self.as_of, killed_after=models)
        self.tally["builds killed"] += 1

    @rule(files=st.integers(0, 8))
    def load_is_killed(self, files: int) -> None:
        with suppress(KilledError):
            self.warehouse.load(self.as_of, killed_after=files)
        self.tally["loads killed"] += 1
