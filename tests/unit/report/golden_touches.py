"""The golden case's responses by person and cycle, with the scores that its log expects."""

import csv
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path

from orchestration.moments import parse_moment
from orchestration.report.person import Touch
from orchestration.report.released_policy import PolicyTables
from tests.unit.report.report_world import POLICY

GOLDEN = POLICY.parent
_EXITS = ("recycled", "disqualified")


@dataclass(frozen=True)
class GoldenCycle:
    """One cycle of one person."""

    opened_at: datetime
    responses: list[Touch]
    expected_scores: list[tuple[datetime, float]]


def golden_cycles() -> list[GoldenCycle]:
    """Read every cycle that has a log."""
    landed: dict[str, dict[str, str]] = {}
    for path in sorted((GOLDEN / "landing" / "leadproof" / "touches").rglob("*.csv")):
        for row in _read(path):
            landed[f"leadproof:{row['source_touch_id']}"] = row
    cycles: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in _read(GOLDEN / "expected" / "stage_transitions.csv"):
        cycles.setdefault((row["person"], row["cycle_number"]), []).append(row)
    touches = _read(GOLDEN / "expected" / "touches.csv")
    return [
        _cycle(
            steps,
            [row["touch_id"] for row in touches if (row["person"], row["cycle_number"]) == key],
            landed,
        )
        for key, steps in cycles.items()
    ]


def _cycle(steps: list[dict[str, str]], ids: list[str], landed: dict[str, dict[str, str]]) -> GoldenCycle:
    policy = PolicyTables(POLICY)
    moments = [_moment(step["occurred_at"]) for step in steps]
    ended = next((at for at, step in zip(moments, steps, strict=True) if step["to_stage"] in _EXITS), None)
    responses = []
    for touch_id in ids:
        row = landed[touch_id]
        at = _moment(row["occurred_at"].strip())
        kind = policy.touch_type(row["touch_type"].strip().lower(), at)
        if kind and kind["is_response"] == "true" and (ended is None or at <= ended):
            responses.append(_touch(touch_id, row, at, float(kind["points"] or 0)))
    return GoldenCycle(
        opened_at=min(moments),
        responses=sorted(responses, key=lambda each: (each.occurred_at, each.touch_id)),
        expected_scores=[
            (at, float(step["engagement_score"]))
            for at, step in zip(moments, steps, strict=True)
            if step["to_stage"] in ("prospect", "mql", "sql") and step["engagement_score"] not in ("", "?")
        ],
    )


def _touch(touch_id: str, row: dict[str, str], at: datetime, points: float) -> Touch:
    known = {
        "touch_id": touch_id,
        "occurred_at": at,
        "touch_type": row["touch_type"].strip().lower(),
        "response_relevance": row.get("response_relevance", "").strip().lower() or None,
        "points": points,
    }
    return Touch(**{field.name: known.get(field.name) for field in fields(Touch)})  # type: ignore[arg-type]


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return [{name: cell or "" for name, cell in row.items() if name} for row in csv.DictReader(lines)]


def _moment(text: str) -> datetime:
    return parse_moment(text).replace(tzinfo=None)
