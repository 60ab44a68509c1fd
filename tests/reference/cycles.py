"""Cycles: when they open, what ends them (section 5, ADR 0002, ADR 0004).

What a cycle proves does not belong here.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tests.reference.attributes import updated_at
from tests.reference.policy import Policy, StageValues
from tests.reference.staging import Judged
from tests.reference.touches import Touch, occurred_at
from tests.reference.values import days

ExitKind = Literal["opt_out", "deletion", "rejected_handoff", "dormancy"]
# ADR 0002: of several exits at one instant.
EXIT_ORDER: tuple[ExitKind, ...] = ("opt_out", "deletion", "rejected_handoff", "dormancy")


@dataclass(frozen=True)
class Exit:
    """An exit event, or dormancy.

    Args:
        touch: The opt-out, for an opt-out.
    """

    moment: datetime
    kind: ExitKind
    touch: Touch | None = None

    @property
    def to_stage(self) -> str:
        """Section 6: `recycled` for dormancy and rejection, `disqualified` for opt-out and deletion."""
        return "disqualified" if self.kind in ("opt_out", "deletion") else "recycled"


@dataclass(frozen=True)
class Cycle:
    """A cycle of a person.

    Args:
        opening: The response that opened it; null for cycle 1.
        responses: Its responses in order, up to its exit.
        values: The policy in force when it opened.
    """

    number: int
    opened_at: datetime
    opening: Touch | None
    next_opened_at: datetime | None
    exit: Exit | None
    responses: tuple[Touch, ...]
    values: StageValues

    def is_open_for(self, response: Touch) -> bool:
        """Whether a response falls into the cycle; responses come before exits of the same instant."""
        return any(response.touch_id == own.touch_id for own in self.responses)


def cycles_of(
    touches: Sequence[Touch],
    handoffs: Sequence[Judged],
    contacts: Sequence[Judged],
    first_known_at: datetime | None,
    policy: Policy,
    as_of: datetime,
) -> list[Cycle]:
    """Section 5: the cycles of one person.

    Args:
        touches: The person's touches in order.
        handoffs: Accepted handoff rows that follow the person, whatever their outcome.
        contacts: The person's contact versions.
        first_known_at: section 4; null for somebody of whom only anonymous visits are known.
        policy: Policy tables.
        as_of: The clock.
    """
    if first_known_at is None:
        return []
    responses = [touch for touch in touches if touch.kind.is_response]
    accepted = sorted(occurred_at(row) for row in handoffs if row.text("outcome") == "accepted")
    accepted = [moment for moment in accepted if responses and moment >= responses[0].occurred_at]
    exits = [event for event in _exit_events(touches, handoffs, contacts) if event.moment >= first_known_at]

    openings: list[tuple[datetime, Touch | None, StageValues]] = [
        (first_known_at, None, policy.stage_values(first_known_at))
    ]
    for place, response in enumerate(responses):
        previous = responses[place - 1].occurred_at if place else first_known_at
        after_exit = any(previous <= event.moment < response.occurred_at for event in exits)
        # The activity before it: the response before it in order, or a handoff of an earlier instant.
        before = [moment for moment in accepted if moment < response.occurred_at]
        if place:
            before.append(previous)
        dormancy = days(openings[-1][2].dormancy_days)
        if after_exit or (before and response.occurred_at - max(before) >= dormancy):
            openings.append((response.occurred_at, response, policy.stage_values(response.occurred_at)))

    cycles = []
    for number, (opened_at, opening, values) in enumerate(openings, start=1):
        following = openings[number] if number < len(openings) else None
        end = following[0] if following else None
        own = [
            response
            for response in responses
            if (opening is None or response.order >= opening.order)
            and (following is None or following[1] is None or response.order < following[1].order)
        ]
        candidates = [
            event for event in exits if event.moment >= opened_at and (end is None or event.moment < end)
        ]
        if dormant := _dormant_at(own, responses, accepted, values.dormancy_days, as_of):
            candidates.append(Exit(dormant, "dormancy"))
        ended = min(candidates, key=_exit_order, default=None)
        cycles.append(
            Cycle(
                number=number,
                opened_at=opened_at,
                opening=opening,
                next_opened_at=end,
                exit=ended,
                responses=tuple(
                    response for response in own if ended is None or response.occurred_at <= ended.moment
                ),
                values=values,
            )
        )
    return cycles


def cycle_number_of(touch: Touch, cycles: Sequence[Cycle]) -> int | None:
    """Section 5: the cycle that opened last before the touch, open or not."""
    opened = [cycle.number for cycle in cycles if cycle.opening is None or cycle.opening.order <= touch.order]
    return max(opened, default=None)


def deletions(contacts: Iterable[Judged]) -> list[datetime]:
    """Section 5, ADR 0004: moments at which every contact record known by then has become deleted.

    A record that appears later is a new one, and so is its deletion.
    """
    by_moment: dict[datetime, list[Judged]] = defaultdict(list)
    for version in contacts:
        by_moment[updated_at(version)].append(version)
    state: dict[tuple[str, str | None], bool] = {}
    found = []
    for moment in sorted(by_moment):
        became_deleted = False
        for version in by_moment[moment]:
            record = (version.row.source_system, version.text("source_contact_id"))
            is_deleted = bool(version.values["is_deleted"])
            became_deleted |= is_deleted and not state.get(record, False)
            state[record] = is_deleted
        if became_deleted and all(state.values()):
            found.append(moment)
    return found


def _exit_events(
    touches: Sequence[Touch], handoffs: Sequence[Judged], contacts: Sequence[Judged]
) -> list[Exit]:
    """Section 5: opt-outs, rejected handoffs and deletions, in the order of ADR 0002."""
    events = [Exit(touch.occurred_at, "opt_out", touch) for touch in touches if touch.kind.is_opt_out]
    events += [
        Exit(occurred_at(row), "rejected_handoff") for row in handoffs if row.text("outcome") == "rejected"
    ]
    events += [Exit(moment, "deletion") for moment in deletions(contacts)]
    return sorted(events, key=_exit_order)


def _exit_order(event: Exit) -> tuple[datetime, int, bytes, bytes]:
    order = event.touch.order if event.touch else (event.moment, 0, b"", b"")
    return event.moment, EXIT_ORDER.index(event.kind), order[2], order[3]


def _dormant_at(
    own: Sequence[Touch],
    responses: Sequence[Touch],
    accepted_handoffs: Sequence[datetime],
    dormancy_days: float,
    as_of: datetime,
) -> datetime | None:
    """Section 5: where the next activity is at least `dormancy_days` away or absent.

    Args:
        own: Responses from this cycle's opening up to the next.
        responses: All responses of the person.
        accepted_handoffs: Times of accepted handoffs from the first response on.
        dormancy_days: What the policy of the cycle says.
        as_of: The clock.
    """
    if not own:
        return None
    start = own[0].occurred_at
    moments = sorted({*(response.occurred_at for response in responses), *accepted_handoffs})
    for moment, following in zip(moments, [*moments[1:], None], strict=True):
        if moment < start:
            continue
        dormant = moment + days(dormancy_days)
        if (following is None or following >= dormant) and dormant <= as_of:
            return dormant
    return None
