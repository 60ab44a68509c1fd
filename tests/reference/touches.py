"""Touches of a person in their order, with type, permission and own direction (section 5, ADR 0002).

What a touch inherits, and which cycle it falls into, do not belong here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tests.reference.policy import DIRECTION_CONTEXT, DirectionRule, Policy, TouchType
from tests.reference.staging import Judged
from tests.reference.values import by_bytes

RESPONSE, OTHER, OPT_OUT = range(3)

Order = tuple[datetime, int, bytes, bytes]


@dataclass(frozen=True)
class Touch:
    """An accepted touch of a person.

    Args:
        touch_id: `<source_system>:<source_touch_id>`.
        kind: The row of `touch_types` in force at `occurred_at`.
        has_prior_permission: Whether an earlier touch granted permission, with no opt-out since.
        rule: The direction rule that its own fields match, if any.
    """

    person_id: str
    touch_id: str
    occurred_at: datetime
    row: Judged
    kind: TouchType
    has_prior_permission: bool
    rule: DirectionRule | None

    @property
    def order(self) -> Order:
        """Section 5, ADR 0002: responses, then all others, then opt-outs; then system and id by bytes."""
        return order_of(self.row, self.kind)

    def text(self, column: str) -> str | None:
        """A column that holds text."""
        return self.row.text(column)


def touches_of(person_id: str, rows: Iterable[Judged], policy: Policy) -> list[Touch]:
    """Section 5: a person's touches in order, each with what it says by itself."""
    typed = []
    for row in rows:
        kind = policy.touch_type(row.text("touch_type") or "", occurred_at(row))
        if kind is None:
            raise ValueError(f"an accepted touch of unknown type: {row.row}")
        typed.append((order_of(row, kind), row, kind))
    touches: list[Touch] = []
    has_permission = False
    for _, row, kind in sorted(typed, key=lambda touch: touch[0]):
        context = {name: row.text(name) for name in DIRECTION_CONTEXT}
        context["has_prior_permission"] = "true" if has_permission else "false"
        touches.append(
            Touch(
                person_id=person_id,
                touch_id=f"{row.row.source_system}:{row.text('source_touch_id')}",
                occurred_at=occurred_at(row),
                row=row,
                kind=kind,
                has_prior_permission=has_permission,
                rule=policy.direction_rule(context, occurred_at(row)),
            )
        )
        # ADR 0002: a grant counts for later touches, never for itself; an opt-out ends it at its own place.
        if kind.grants_permission:
            has_permission = True
        if kind.is_opt_out:
            has_permission = False
    return touches


def order_of(row: Judged, kind: TouchType) -> Order:
    """The place of a touch among all touches."""
    rank = RESPONSE if kind.is_response else OPT_OUT if kind.is_opt_out else OTHER
    return (
        occurred_at(row),
        rank,
        by_bytes(row.row.source_system),
        by_bytes(row.text("source_touch_id") or ""),
    )


def occurred_at(row: Judged) -> datetime:
    """When a touch or handoff happened."""
    moment = row.moment("occurred_at")
    if moment is None:
        raise ValueError(f"an accepted row without time: {row.row}")
    return moment
