"""Each thing that may touch people, told alone: an increment computes those people anew, and nobody else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.compiled_world import CompiledWorld
from tests.proof.agreement import differing_rows
from tests.proof.deliveries import Deliveries
from tests.proof.moments import DAY, START, as_text
from tests.proof.policy import EDITS, Addition
from tests.proof.warehouse import Warehouse, rows_of
from tests.reference.worlds import Row

pytestmark = pytest.mark.slow
_DESK = "desk@firm.example"
"""An address on as many records as an address may be."""


def contact(name: str, day: float = 0, **columns: str) -> tuple[str, Row]:
    """A version of the record of that name, with an address of its own unless told otherwise."""
    at = as_text(START + timedelta(days=day))
    row: Row = {"source_contact_id": name, "email": f"{name}@firm.example", "created_at": as_text(START)}
    return "contacts", {**row, "updated_at": at, **columns}


def touch(number: str, name: str, day: float, **columns: str) -> tuple[str, Row]:
    """A visit of whoever has the record of that name, unless told otherwise."""
    at = as_text(START + timedelta(days=day))
    row: Row = {"source_touch_id": number, "occurred_at": at, "source_contact_id": name}
    return "touches", {**row, "channel": "website", "touch_type": "page_visit", **columns}


def mail(number: str, name: str, day: float, campaign: str) -> tuple[str, Row]:
    """A mail of a campaign to whoever has the record of that name."""
    columns = {"channel": "email", "touch_type": "email_sent", "campaign_id": campaign}
    return touch(number, name, day, **columns)


def campaign(name: str, day: float, hypothesis: str) -> tuple[str, Row]:
    """A version of a campaign."""
    row: Row = {"campaign_id": name, "campaign_name": name, "channel": "email", "created_at": as_text(START)}
    at = as_text(START + timedelta(days=day))
    return "campaigns", {**row, "updated_at": at, "message_hypothesis": hypothesis}


def company(day: float, industry: str) -> tuple[str, Row]:
    """A version of the one company."""
    at = as_text(START + timedelta(days=day))
    return "companies", {"source_company_id": "K", "industry": industry, "updated_at": at}


KNOWN: tuple[tuple[str, Row], ...] = (
    *(contact(name) for name in ("visitor", "other", "sent", "answering", "answered", "silent", "rejected")),
    *(contact(f"desk{number}", email=_DESK) for number in range(5)),
    contact("employed", source_company_id="K"),
    contact("registered"),
    contact("promoted"),
    contact("promoted", 150, seniority="vp"),
    company(0, "software"),
    campaign("spring", 0, "They wait."),
    touch("t1", "visitor", 90),
    mail("t2", "sent", 80, "spring"),
    mail("t3", "answered", 80, "autumn"),
    touch("t4", "answering", 85, answers_touch_id="t3"),
    mail("t5", "registered", 80, "camp-0"),
    touch("t6", "silent", 5),
    touch("t7", "rejected", 90),
)


@dataclass(frozen=True)
class Cause:
    """Something new.

    Args:
        name: In a few words.
        told: What comes.
        affected: Records of those whom it touches.
        day: From when the build looks.
        is_registration: Whether a row of the campaigns' registry comes instead.
    """

    name: str
    told: Sequence[tuple[str, Row]]
    affected: frozenset[str]
    day: float = 100
    is_registration: bool = False


def cause(name: str, told: Sequence[tuple[str, Row]], *affected: str, day: float = 100) -> Cause:
    """A cause and whom it touches."""
    return Cause(name, told, frozenset(affected), day)


_HANDOFF: Row = {
    "source_handoff_id": "h1",
    "source_contact_id": "rejected",
    "occurred_at": as_text(START + 95 * DAY),
    "outcome": "rejected",
}
CAUSES: tuple[Cause, ...] = (
    cause("nothing", []),
    cause("a touch", [touch("t10", "visitor", 99)], "visitor"),
    cause("a touch that comes late", [touch("t11", "other", 1)], "other"),
    cause("a touch told otherwise", [touch("t1", "visitor", 90, touch_type="demo_request")], "visitor"),
    cause("a touch told again as it was", [touch("t11", "other", 1)]),
    cause("a touch that is somebody else's", [touch("t10", "other", 99)], "visitor", "other"),
    cause("a version of a record", [contact("visitor", 98, country="de")], "visitor"),
    cause("a record of nobody known", [contact("stranger", 98)], "stranger"),
    cause("one record too many", [contact("desk5", 98, email=_DESK)], *(f"desk{n}" for n in range(6))),
    cause(
        "a touch that joins two people",
        [touch("t12", "visitor", 99, email="other@firm.example")],
        "visitor",
        "other",
    ),
    cause("a version of a company", [company(98, "retail")], "employed"),
    cause("a version of a campaign", [campaign("spring", 70, "They wait no more.")], "sent"),
    cause("the first version of a campaign", [campaign("autumn", 70, "They know.")], "answered", "answering"),
    Cause("a campaign registered", [], frozenset({"registered"}), is_registration=True),
    cause("a handoff", [("handoffs", _HANDOFF)], "rejected"),
    cause("a moment before a row falls due", [], day=149),
    cause("a row that falls due", [], "promoted", day=150),
    cause("a moment before a silence ends a cycle", [], day=184),
    cause("a silence that ends a cycle", [], "silent", day=185),
)


def people_of(warehouse: Warehouse) -> dict[str, str]:
    """The person to whom each record leads."""
    query = "select identity_key, person_id from intermediate.int_identities_resolved"
    rows = rows_of(warehouse.database, f"{query} where identity_key like 'contact:leadproof:%'")
    return {str(row["identity_key"]).split(":")[2]: str(row["person_id"]) for row in rows}


def registration() -> int:
    """The edit by which the campaign `camp-0` is registered."""
    return next(
        number
        for number, edit in enumerate(EDITS)
        if isinstance(edit, Addition) and edit.rows[0].get("campaign_id") == "camp-0"
    )


def tell(deliveries: Deliveries, told: Sequence[tuple[str, Row]]) -> None:
    for table, row in told:
        deliveries.deliver(table, [row], is_csv=True, day=None, has_broken_line=False)


def affected_by(warehouse: Warehouse, deliveries: Deliveries, each: Cause) -> set[str]:
    """Records of those whom an increment computes anew once a cause has been told."""
    before = people_of(warehouse)
    tell(deliveries, each.told)
    if each.is_registration:
        warehouse.policy = {registration(): START + 10 * DAY}
    warehouse.build(START + timedelta(days=each.day))
    assert warehouse.is_increment, each.name
    rows = rows_of(warehouse.database, "select person_id from intermediate.int_people_affected")
    found = {row["person_id"] for row in rows}
    pairs = [*before.items(), *people_of(warehouse).items()]
    assert found <= {person for _, person in pairs}
    return {name for name, person in pairs if person in found}


def test_an_increment_computes_whom_something_new_touches_and_nobody_else(
    empty_compiled_world: CompiledWorld, tmp_path: Path
) -> None:
    warehouse = Warehouse(empty_compiled_world, tmp_path, tells_reports=False)
    deliveries = Deliveries(warehouse.settings.landing)
    found: dict[str, set[str]] = {}
    try:
        tell(deliveries, KNOWN)
        moment: datetime = START + 100 * DAY
        warehouse.build(moment)
        for each in CAUSES:
            found[each.name] = affected_by(warehouse, deliveries, each)
        assert found == {each.name: each.affected for each in CAUSES}
        assert not differing_rows(warehouse.rebuilt_marts(), warehouse.marts())
    finally:
        warehouse.close()
