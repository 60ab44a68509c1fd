"""A handoff follows its address only while nobody has its contact key; increments see both ends of that."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.compiled_world import CompiledWorld
from tests.proof.agreement import differing_rows
from tests.proof.deliveries import Deliveries
from tests.proof.moments import DAY, START, as_text
from tests.proof.warehouse import Warehouse
from tests.reference.worlds import Row

pytestmark = pytest.mark.slow
HOLDER, OTHER = "holder@firm.example", "other@firm.example"


def contact(key: str, email: str, at: datetime) -> Row:
    return {"source_contact_id": key, "email": email, "created_at": as_text(at), "updated_at": as_text(at)}


def rejection(key: str, email: str, at: datetime) -> Row:
    return {
        "source_handoff_id": "h1",
        "source_contact_id": key,
        "email": email,
        "occurred_at": as_text(at),
        "outcome": "rejected",
    }


def stages(warehouse: Warehouse, after: timedelta) -> list[object]:
    warehouse.build(START + after)
    marts = warehouse.marts()
    assert not differing_rows(warehouse.rebuilt_marts(), marts)
    return [
        row["current_stage"] for row in sorted(marts["people"], key=lambda row: str(row["first_known_at"]))
    ]


def test_a_contact_who_becomes_known_takes_a_handoff_from_the_holder_of_its_address(
    empty_compiled_world: CompiledWorld, tmp_path: Path
) -> None:
    warehouse = Warehouse(empty_compiled_world, tmp_path)
    deliveries = Deliveries(warehouse.settings.landing)

    def tell(table: str, row: Row) -> None:
        deliveries.deliver(table, [row], is_csv=True, day=None, has_broken_line=False)

    try:
        tell("contacts", contact("C1", HOLDER, START))
        tell("handoffs", rejection("C2", HOLDER, START + 10 * DAY))
        assert stages(warehouse, 20 * DAY) == ["recycled"]
        tell("contacts", contact("C2", OTHER, START + 5 * DAY))
        assert stages(warehouse, 21 * DAY) == ["suspect", "recycled"]
        assert warehouse.is_increment
    finally:
        warehouse.close()
