"""Stages and the complete log of transitions of one person (section 6).

Opening and ending of cycles does not belong here, nor where the person stands today.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tests.reference.attributes import IcpVerdict, Knowledge, updated_at
from tests.reference.context import Stamp
from tests.reference.cycles import Cycle
from tests.reference.score import is_enough, score
from tests.reference.touches import Touch

Stage = Literal["suspect", "prospect", "mql", "sql", "recycled", "disqualified"]
TransitionKind = Literal["advance", "recycle", "disqualify", "re_enter"]


@dataclass(frozen=True)
class Transition:
    """One row of `stage_transitions`."""

    person_id: str
    cycle: Cycle
    from_stage: str | None
    to_stage: str
    transition_kind: TransitionKind
    occurred_at: datetime
    evidence: Touch | None
    engagement_score: float
    icp: IcpVerdict
    mql_route: str | None = None


def transitions_of(
    person_id: str, cycles: Sequence[Cycle], knowledge: Knowledge, stamps: Mapping[str, Stamp]
) -> list[Transition]:
    """Section 6: all transitions of a person who is not excluded."""
    transitions: list[Transition] = []

    def tell(
        cycle: Cycle,
        to_stage: str,
        kind: TransitionKind,
        moment: datetime,
        evidence: Touch | None,
        icp: IcpVerdict | None = None,
        route: str | None = None,
    ) -> Transition:
        transition = Transition(
            person_id=person_id,
            cycle=cycle,
            from_stage=transitions[-1].to_stage if transitions else None,
            to_stage=to_stage,
            transition_kind=kind,
            occurred_at=moment,
            evidence=evidence,
            engagement_score=score(cycle, moment),
            icp=icp or knowledge.icp(moment),
            mql_route=route,
        )
        transitions.append(transition)
        return transition

    for cycle in cycles:
        tell(cycle, "suspect", "re_enter" if cycle.opening else "advance", cycle.opened_at, cycle.opening)
        if cycle.responses:
            tell(cycle, "prospect", "advance", cycle.responses[0].occurred_at, cycle.responses[0])
        if found := _mql(cycle, knowledge, stamps):
            moment, evidence, route = found
            mql = tell(cycle, "mql", "advance", moment, evidence, route=route)
            qualifying = [touch for touch in cycle.responses if is_qualifying(touch, cycle, stamps)]
            if qualifying:
                proof = qualifying[0]
                tell(cycle, "sql", "advance", max(moment, proof.occurred_at), proof, mql.icp, route)
        if cycle.exit:
            kind: TransitionKind = "recycle" if cycle.exit.to_stage == "recycled" else "disqualify"
            tell(cycle, cycle.exit.to_stage, kind, cycle.exit.moment, cycle.exit.touch)
    return transitions


def is_qualifying(response: Touch, cycle: Cycle, stamps: Mapping[str, Stamp]) -> bool:
    """Section 6, a qualifying response: of the cycle, with a complete stamp, and wanted or a hand-raise."""
    stamp = stamps[response.touch_id]
    if not stamp.is_context_complete:
        return False
    relevance, intent = response.text("response_relevance"), response.text("response_intent")
    expected = str(stamp.campaign.values["expected_response"] or "").lower().split("|")
    if relevance == "relevant" and intent is not None and intent in [word.strip() for word in expected]:
        return True
    return (
        cycle.values.hand_raise_qualifies
        and response.kind.is_hand_raise
        and stamp.direction == "inbound"
        and relevance != "irrelevant"
    )


def evaluation_points(cycle: Cycle, knowledge: Knowledge) -> list[datetime]:
    """Section 6: the responses, and versions recorded after the first response and before the exit."""
    if not cycle.responses:
        return []
    first = cycle.responses[0].occurred_at
    points = {response.occurred_at for response in cycle.responses}
    recorded = {updated_at(version) for version in knowledge.contacts}
    for company in knowledge.companies_ever():
        # A version is the person's if the person's records point to the company when it is recorded.
        recorded |= {
            updated_at(version)
            for version in knowledge.versions_of(company)
            if knowledge.company_at(updated_at(version)) == company
        }
    end = cycle.exit.moment if cycle.exit else None
    points |= {moment for moment in recorded if moment > first and (end is None or moment < end)}
    return sorted(points)


def _mql(
    cycle: Cycle, knowledge: Knowledge, stamps: Mapping[str, Stamp]
) -> tuple[datetime, Touch, str] | None:
    """Section 6: the first evaluation point at which everything comes together, its evidence and route."""
    for moment in evaluation_points(cycle, knowledge):
        so_far = [response for response in cycle.responses if response.occurred_at <= moment]
        complete = [response for response in so_far if stamps[response.touch_id].is_context_complete]
        by_score = is_enough(score(cycle, moment), cycle)
        by_response = any(is_qualifying(response, cycle, stamps) for response in so_far)
        if complete and (by_score or by_response) and knowledge.icp(moment).is_icp_fit:
            return moment, complete[-1], "score" if by_score else "qualifying_response"
    return None
