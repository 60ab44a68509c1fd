from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from orchestration.simulation.clock import to_seconds
from orchestration.simulation.dirt import KIOSK, TABLES, Dirt
from orchestration.simulation.truth import TableTruth

END = to_seconds(datetime(2026, 6, 30, 12))


def handoffs(size: int = 4_000) -> pa.Table:
    moments = [datetime(2026, 5, 1) + timedelta(minutes=number) for number in range(size)]
    return pa.table(
        {
            "source_handoff_id": [f"h{number}" for number in range(size)],
            "source_contact_id": [f"c{number}" for number in range(size)],
            "email": pa.nulls(size, pa.string()),
            "occurred_at": pa.array(moments, pa.timestamp("us")),
            "outcome": ["accepted"] * size,
            "reason": pa.nulls(size, pa.string()),
        }
    )


def touches(size: int = 4_000) -> pa.Table:
    moments = [datetime(2026, 5, 1) + timedelta(minutes=number) for number in range(size)]
    return pa.table(
        {
            "source_touch_id": [f"t{number}" for number in range(size)],
            "occurred_at": pa.array(moments, pa.timestamp("us")),
            "source_contact_id": [f"c{number}" for number in range(size)],
            "email": [f"person{number}@company.example" for number in range(size)],
            "anonymous_id": [f"v{number}" for number in range(size)],
            "channel": ["email"] * size,
            "touch_type": ["email_sent"] * size,
            "offer_id": pa.nulls(size, pa.string()),
            "response_relevance": pa.nulls(size, pa.string()),
        }
    )


def written(pieces: list[pa.Table | bytes]) -> tuple[list[dict[str, str]], int]:
    rows = [row for piece in pieces if not isinstance(piece, bytes) for row in piece.to_pylist()]
    return rows, sum(piece.count(b"\n") for piece in pieces if isinstance(piece, bytes))


def dirty(table: str, *, is_csv: bool = True, is_on: bool = True) -> Dirt:
    return Dirt(table, TableTruth(), END, is_csv, is_on)


def test_switched_off_it_changes_nothing() -> None:
    dirt = dirty("touches", is_on=False)
    rows, broken = written(dirt.pieces(np.random.default_rng(1), touches(), is_last=True, with_kiosk=True))
    assert [row["source_touch_id"] for row in rows] == [f"t{number}" for number in range(4_000)]
    assert (broken, dirt.truth.landed, dirt.truth.accepted) == (0, 4_000, 4_000)


@pytest.mark.parametrize("is_csv", [True, False])
def test_true_rows_all_remain(is_csv: bool) -> None:
    dirt = dirty("touches", is_csv=is_csv)
    rows, broken = written(dirt.pieces(np.random.default_rng(1), touches(), is_last=True))
    ids = [row["source_touch_id"] for row in rows]
    assert {f"t{number}" for number in range(4_000)} <= set(ids)
    assert dirt.truth.landed == len(rows) + broken
    assert (broken > 0) == is_csv
    assert dirt.truth.accepted == 4_000


def test_typed_files_hold_no_unreadable_values() -> None:
    dirt = dirty("campaign_spend", is_csv=False)
    rows = pa.table(
        {
            "campaign_id": [str(number) for number in range(3_000)],
            "spend_date": pa.array([datetime(2026, 5, 1)] * 3_000, pa.timestamp("us")),
            "amount": pa.array([1.0] * 3_000),
            "currency": ["USD"] * 3_000,
        }
    )
    dirt.pieces(np.random.default_rng(1), rows, is_last=True)
    assert set(dirt.truth.quarantined) == {"missing_required"}


def test_corrections_and_retries_come_in_the_next_file() -> None:
    dirt = dirty("handoffs")
    rng = np.random.default_rng(1)
    first, _ = written(dirt.pieces(rng, handoffs(), is_last=False))
    then, _ = written(dirt.pieces(rng, handoffs(0), is_last=True))
    corrected = {row["source_handoff_id"] for row in then if row["reason"] == "corrected"}
    retried = {row["source_handoff_id"] for row in first if row["outcome"] == "?"}
    assert corrected
    assert len(retried) == dirt.truth.replaced["unknown_code"] > 0
    assert {row["source_handoff_id"] for row in then} == corrected | retried
    assert not corrected & retried
    repeated = len(first) - len({row["source_handoff_id"] for row in first if row["source_handoff_id"]})
    assert dirt.truth.superseded >= len(corrected) + len(retried)
    assert repeated > 0


def test_carried_rows_are_written_even_if_the_next_period_has_none() -> None:
    dirt = dirty("handoffs")
    rng = np.random.default_rng(1)
    dirt.pieces(rng, handoffs(), is_last=False)
    landed = dirt.truth.landed
    rows, _ = written(dirt.pieces(rng, handoffs(0), is_last=True))
    assert len(rows) > 0
    assert dirt.truth.landed == landed + len(rows)
    assert dirt.carried == []


def test_pending_rows_lie_days_after_the_end() -> None:
    dirt = dirty("handoffs", is_csv=False)
    rows, _ = written(dirt.pieces(np.random.default_rng(1), handoffs(), is_last=True))
    late = [row for row in rows if row["occurred_at"] and to_seconds(row["occurred_at"]) > END]
    assert len(late) == dirt.truth.pending > 0
    assert min(to_seconds(row["occurred_at"]) for row in late) > END + 86_400


def test_shared_device_has_many_owners_and_rows_that_belong_to_nobody() -> None:
    dirt = dirty("touches")
    rows, _ = written(dirt.pieces(np.random.default_rng(1), touches(), is_last=True, with_kiosk=True))
    at_kiosk = [row for row in rows if row["anonymous_id"] == KIOSK]
    owners = {row["email"] for row in at_kiosk if row["email"]}
    nobody = [row for row in at_kiosk if not row["email"] and not row["source_contact_id"]]
    assert len(owners) > 5
    assert nobody
    assert dirt.truth.accepted == 4_000 + len(owners)


def test_every_flaw_occurs_even_in_small_tables() -> None:
    for name in ("handoffs", "touches"):
        dirt = dirty(name)
        dirt.pieces(
            np.random.default_rng(1), {"handoffs": handoffs, "touches": touches}[name](200), is_last=True
        )
        assert {flaw.code for flaw in TABLES[name].flaws} <= set(dirt.truth.quarantined)
        assert dirt.truth.quarantined["structural_reject"] == 1
