"""The context stamp of each touch, and what a response inherits (section 5, ADR 0003).

Works on all people at once, in the order of touches, because an answer may reach to somebody else's touch.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.reference.attributes import Knowledge
from tests.reference.campaigns import NO_CAMPAIGN, CampaignContext, Campaigns
from tests.reference.cycles import Cycle
from tests.reference.policy import DirectionRule, Policy
from tests.reference.touches import Touch
from tests.reference.values import days


@dataclass(frozen=True)
class Stamp:
    """Section 5: direction and context that held when the touch occurred."""

    direction: str
    direction_rule_id: str | None
    permission: str | None
    context_source: str
    campaign: CampaignContext
    icp_version: str | None
    is_in_segment: bool | None
    is_context_complete: bool
    missing_context_fields: tuple[str, ...]
    missing_required: tuple[str, ...]
    rule: DirectionRule | None

    @property
    def has_campaign(self) -> bool:
        """Whether there is a campaign to give on, in force or not."""
        return self.campaign.campaign_id is not None


def stamps_of(
    touches: Iterable[Touch],
    cycles: Mapping[str, Sequence[Cycle]],
    knowledge: Mapping[str, Knowledge],
    campaigns: Campaigns,
    policy: Policy,
) -> dict[str, Stamp]:
    """Section 5: the stamp of every touch, by touch id.

    Args:
        touches: Accepted touches of all people.
        cycles: Cycles by person.
        knowledge: What is known of each person.
        campaigns: All campaign versions.
        policy: Policy tables.
    """
    ordered = sorted(touches, key=lambda touch: touch.order)
    by_id = {touch.touch_id: touch for touch in ordered}
    stamps: dict[str, Stamp] = {}
    company_touches: dict[str, list[Touch]] = defaultdict(list)
    for touch in ordered:
        source, campaign, rule = "none", NO_CAMPAIGN, touch.rule
        own_campaign = touch.text("campaign_id")
        if own_campaign is not None:
            source = "own"
            campaign = campaigns.context(touch.row.row.source_system, own_campaign, touch.occurred_at)
        elif touch.kind.is_response:
            answered = _answered(touch, by_id)
            in_window = _in_window(
                touch, company_touches[touch.person_id], cycles.get(touch.person_id, ()), policy
            )
            lenders = []
            if answered and stamps[answered.touch_id].has_campaign:
                source, campaign = "answered", stamps[answered.touch_id].campaign
                lenders = [answered]
            elif in_window:
                source, campaign = "window", stamps[in_window.touch_id].campaign
                lenders = [in_window, *([answered] if answered else [])]
            elif answered:
                lenders = [answered]
            for lender in lenders:
                rule = rule or stamps[lender.touch_id].rule
        stamps[touch.touch_id] = _stamp(touch, source, campaign, rule, knowledge[touch.person_id], policy)
        if touch.kind.actor == "company" and own_campaign is not None:
            company_touches[touch.person_id].append(touch)
    return stamps


def _answered(touch: Touch, by_id: Mapping[str, Touch]) -> Touch | None:
    """ADR 0003: the answered touch must be earlier in order; it need not belong to the same person."""
    answers = touch.text("answers_touch_id")
    answered = by_id.get(f"{touch.row.row.source_system}:{answers}") if answers else None
    return answered if answered and answered.order < touch.order else None


def _in_window(
    response: Touch, company_touches: Sequence[Touch], cycles: Sequence[Cycle], policy: Policy
) -> Touch | None:
    """ADR 0003: the latest company touch with a campaign on the channel, earlier, within the window."""
    cycle = next((cycle for cycle in cycles if cycle.is_open_for(response)), None)
    values = cycle.values if cycle else policy.stage_values(response.occurred_at)
    earliest = response.occurred_at - days(values.response_window_days)
    return next(
        (
            touch
            for touch in reversed(company_touches)
            if touch.text("channel") == response.text("channel") and touch.occurred_at >= earliest
        ),
        None,
    )


def _stamp(
    touch: Touch,
    source: str,
    campaign: CampaignContext,
    rule: DirectionRule | None,
    knowledge: Knowledge,
    policy: Policy,
) -> Stamp:
    """ADR 0003: campaign columns are taken, all else is judged at the touch's own time and direction."""
    moment = touch.occurred_at
    direction = rule.direction if rule else "unclassified"
    missing = [
        requirement
        for requirement in policy.wanted_fields(direction, moment)
        if campaign.values[requirement.field] is None
    ]
    required = tuple(requirement.field for requirement in missing if requirement.is_required)
    absence = (campaign.absence,) if campaign.absence else ()
    segment = campaign.values["segment_name"]
    version = policy.icp_version(moment)
    return Stamp(
        direction=direction,
        direction_rule_id=rule.rule_id if rule else None,
        permission=rule.permission if rule else None,
        context_source=source,
        campaign=campaign,
        icp_version=version.name if version else None,
        is_in_segment=knowledge.is_in_segment(segment if isinstance(segment, str) else None, moment),
        is_context_complete=not required,
        missing_context_fields=(*absence, *(requirement.field for requirement in missing)),
        missing_required=(*absence, *required),
        rule=rule,
    )
