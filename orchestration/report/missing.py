"""What one person lacks for the next stage, and what would mend it."""

import math
from dataclasses import dataclass
from datetime import datetime

from orchestration.report.person import Person, Touch
from orchestration.report.released_policy import Row
from orchestration.report.scores import scored_counts
from orchestration.report.words import STAGE_NAMES, day, joined, number, split_list, spoken
from orchestration.source_text import clean

_NO_CAMPAIGN = {
    "no_campaign": (
        "the last response names no campaign",
        "A response needs a campaign_id, or has to answer one of our touches.",
    ),
    "campaign_unknown": (
        "the last response names a campaign that no table describes",
        "Deliver the campaign with the source's campaigns, so that later responses carry its context.",
    ),
    "campaign_not_in_force": (
        "the last response came before its campaign was set up",
        "Campaigns have to be written down before they run; a later response carries the context.",
    ),
}
_MOST_TIMES = 4
_SUGGESTED = 3


@dataclass(frozen=True)
class Need:
    """One thing that is missing.

    Args:
        what: What is missing, a clause without a full stop.
        mended_by: What would mend it, sentences.
    """

    what: str
    mended_by: list[str]


def needs_of(person: Person) -> list[Need]:
    """Say what is missing for the next stage.

    Args:
        person: The person.

    Returns:
        In the order of ``blocked_by``; nothing for who has arrived.
    """
    by_kind: dict[str, list[str]] = {}
    for code in split_list(person.standing.blocked_by):
        kind, _, subject = code.partition(":")
        by_kind.setdefault(kind, []).append(subject)
    return [need for kind, subjects in by_kind.items() for need in _needs(person, kind, subjects)]


def summary_of(person: Person) -> str:
    """Say in one sentence why the next stage is not reached; empty for who has arrived or left."""
    stage = STAGE_NAMES.get(person.standing.next_stage or "")
    if not stage or person.standing.current_stage in ("recycled", "disqualified"):
        return ""
    reasons = "; ".join(need.what for need in needs_of(person))
    return f"Not {'an' if stage in ('MQL', 'SQL') else 'a'} {stage}: {reasons}." if reasons else ""


def lacking_context(missing_fields: str | None) -> str:
    """Say what a stamp lacks: the fields, or why there is no campaign at all."""
    fields = split_list(missing_fields)
    for code in _NO_CAMPAIGN:
        if code in fields:
            return spoken(code)
    return joined([spoken(field) for field in fields])


def responses_now(person: Person) -> list[Touch]:
    """The responses of the cycle that is open, in order; none if no cycle is open."""
    cycle = person.standing.current_cycle
    if person.standing.current_stage in (None, "recycled", "disqualified"):
        return []
    return [touch for touch in person.touches if touch.is_response and touch.cycle_number == cycle]


def _needs(person: Person, kind: str, subjects: list[str]) -> list[Need]:
    if kind == "icp_missing":
        return [_attributes_unknown(person, subjects)]
    if kind == "icp_mismatch":
        return [_attribute_outside(person, subject) for subject in subjects]
    if kind == "context_missing":
        return [_context(person, subjects)]
    return [_need(person, kind, subject) for subject in subjects]


def _need(person: Person, kind: str, subject: str) -> Need:
    if kind == "score":
        return _score(person, subject)
    if kind == "no_qualifying_response":
        return Need(
            "no response qualifies", [*_last_response(person), f"What qualifies: {_qualifying(person)}."]
        )
    if kind == "no_response":
        return Need("no response yet", [_any_response(person)])
    if kind == "exited":
        return _exited(person, subject)
    if kind == "excluded":
        return Need(
            f"excluded by policy: {spoken(subject)}",
            ["Excluded people are in no stage. The row that says so stands in seeds/exclusions.csv."],
        )
    if kind == "not_known":
        return Need(
            "only anonymous visits are known",
            ["A contact record, or a touch with an e-mail address, makes a suspect."],
        )
    if kind == "not_evaluated_since":
        return Need(
            "nothing is missing any more",
            ["Stages are decided when something happens: the next response, or the next record, counts."],
        )
    return Need(spoken(f"{kind}: {subject}" if subject else kind), [])


# -- fit ---------------------------------------------------------------------------------------------


def _attributes_unknown(person: Person, attributes: list[str]) -> Need:
    version = person.standing.icp_version or ""
    bounds = person.policy.bounds(version)
    what = (
        f"{joined([spoken(each) for each in attributes])} {'is' if len(attributes) == 1 else 'are'} not known"
    )
    asked = [f"{spoken(each)}: {wanted}" for each in attributes if (wanted := _asked(bounds.get(each)))]
    return Need(
        what,
        [
            f"A contact or company record that carries {'it' if len(attributes) == 1 else 'them'} would do.",
            *([f"ICP {version} asks for"] if asked else []),
            *(f"· {line}" for line in asked),
        ],
    )


def _attribute_outside(person: Person, attribute: str) -> Need:
    version = person.standing.icp_version or ""
    asked = _asked(person.policy.bounds(version).get(attribute))
    return Need(
        f"{spoken(attribute)} is {attribute_value(person, attribute)}, outside ICP {version}",
        [f"{f'It asks for {asked}. ' if asked else ''}No response mends this, only a corrected record."],
    )


def attribute_value(person: Person, attribute: str) -> str:
    """Write what is known of an attribute; empty if nothing is."""
    standing = person.standing
    if attribute == "employee_count":
        return _size(standing.employee_count, standing.employee_count_max)
    return clean(getattr(standing, attribute, None))


def _size(least: float | None, most: float | None) -> str:
    if least is None:
        return ""
    if most is None or most == least:
        return f"{least:,.0f}"
    return f"{least:,.0f}–{most:,.0f}"


def _asked(row: Row | None) -> str:
    if row is None:
        return ""
    if row["operator"] == "in":
        return joined([clean(value) for value in split_list(row["allowed_values"])], "or")
    least, most = row["min_value"], row["max_value"]
    if least and most:
        return f"{float(least):,.0f}–{float(most):,.0f}"
    return f"at least {float(least):,.0f}" if least else f"at most {float(most):,.0f}"


# -- behaviour ---------------------------------------------------------------------------------------


def _score(person: Person, subject: str) -> Need:
    now = person.standing.engagement_score or 0.0
    _, _, text = subject.partition("/")
    needed = float(text)
    half_life = person.policy.value("score_half_life_days", _opened_at(person))
    halving = f" Points halve every {half_life} days." if half_life else ""
    gap = math.ceil((needed - now) * 10 - 1e-6) / 10
    mended = [f"{number(gap)} more points would do today: {_reaching(person, gap)}.{halving}"]
    return Need(
        f"score {number(now)} of {number(needed)}",
        [*mended, f"A qualifying response does as well: {_qualifying(person)}."],
    )


def _opened_at(person: Person) -> datetime:
    cycle = person.standing.current_cycle
    opened = [
        t.occurred_at for t in person.transitions if t.cycle_number == cycle and t.to_stage == "suspect"
    ]
    return opened[0] if opened else person.as_of


def _reaching(person: Person, gap: float) -> str:
    used = scored_counts(responses_now(person))
    offers: list[tuple[int, float, str]] = []
    left: list[tuple[float, str]] = []
    for name, row in person.policy.touch_types(person.as_of).items():
        points = float(row["points"] or 0)
        limit = row["max_scored_per_cycle"]
        free = max(int(float(limit)) - used[name], 0) if limit else _MOST_TIMES
        if row["is_response"] != "true" or points <= 0 or not free:
            continue
        left.append((points * min(free, _MOST_TIMES), name))
        times = math.ceil(gap / points - 1e-9)
        # One hand-raise qualifies by itself; nobody needs several.
        if times <= (1 if row["is_hand_raise"] == "true" else min(free, _MOST_TIMES)):
            offers.append((times, points, name))
    if offers:
        # The smallest that reaches it first: it is the likeliest to happen.
        chosen = sorted(offers, key=lambda offer: (offer[0], offer[1]))[:_SUGGESTED]
        return joined([_offer(times, points, name) for times, points, name in chosen], "or")
    best = [spoken(name) for _, name in sorted(left, reverse=True)[:_SUGGESTED]]
    return f"several responses together, such as {joined(best)}" if best else "no touch type has points left"


def _offer(times: int, points: float, name: str) -> str:
    return f"{f'{times} × ' if times > 1 else 'one '}{spoken(name)} ({number(points)})"


def _qualifying(person: Person) -> str:
    expected = sorted(
        {
            clean(intent)
            for touch in responses_now(person)
            if touch.is_context_complete
            for intent in split_list(touch.expected_response)
        }
    )
    ways = (
        f"one marked relevant with the intent {joined(expected, 'or')}"
        if expected
        else "one marked relevant with an intent that its campaign expects"
    )
    if (person.policy.value("hand_raise_qualifies", _opened_at(person)) or "").lower() != "true":
        return ways
    raises = [
        spoken(name)
        for name, row in person.policy.touch_types(person.as_of).items()
        if row["is_hand_raise"] == "true"
    ]
    return f"{ways}, or an inbound {joined(raises, 'or')}" if raises else ways


def _last_response(person: Person) -> list[str]:
    responses = responses_now(person)
    judged = [each for each in responses if each.response_relevance or each.is_hand_raise]
    if not judged:
        return (
            ["No response of this cycle is marked relevant, and none asks for contact."] if responses else []
        )
    last = judged[-1]
    told = f"{spoken(last.touch_type)}, {day(last.occurred_at)}"
    return [f"The last one that was judged ({told}) {why_not_qualifying(last)}."]


def why_not_qualifying(touch: Touch) -> str:
    """Say why a response does not qualify.

    Args:
        touch: A response that does not.

    Returns:
        What follows ``This response``.
    """
    if touch.response_relevance == "irrelevant":
        return "is marked irrelevant"
    if not touch.is_context_complete:
        lacking = lacking_context(touch.missing_context_fields)
        return f"lacks context ({lacking})" if lacking else "lacks context"
    if touch.response_relevance is None and touch.is_hand_raise and touch.direction != "inbound":
        return f"asks for contact, but is {touch.direction}"
    if touch.response_relevance is None:
        return "is not marked relevant or irrelevant yet"
    if touch.response_intent is None:
        return "is relevant, but its intent is not recorded"
    expected = joined([clean(intent) for intent in split_list(touch.expected_response)], "or")
    return (
        f"has the intent {clean(touch.response_intent)}, while its campaign expects {expected}"
        if expected
        else f"has the intent {clean(touch.response_intent)}, but its campaign states no expected response"
    )


def _any_response(person: Person) -> str:
    usual = sorted(
        (
            (float(row["points"] or 0), name)
            for name, row in person.policy.touch_types(person.as_of).items()
            if row["is_response"] == "true"
        ),
        reverse=True,
    )
    names = [spoken(name) for _, name in usual]
    shown = f", for example {joined([*names[:_SUGGESTED], *names[-1:]], 'or')}" if names else ""
    return (
        f"Any action of the person makes a prospect{shown}. Opens, impressions and automatic replies do not."
    )


def _exited(person: Person, stage: str) -> Need:
    following = (person.standing.current_cycle or 0) + 1
    reopening = f"The person's next response opens cycle {following}."
    if stage == "disqualified":
        return Need(
            f"cycle {following - 1} ended: disqualified", [f"{reopening} Until then, leave the person alone."]
        )
    return Need(f"cycle {following - 1} ended: recycled", [reopening])


# -- context -----------------------------------------------------------------------------------------


def _context(person: Person, fields: list[str]) -> Need:
    for code, (what, mended_by) in _NO_CAMPAIGN.items():
        if code in fields:
            return Need(what, [mended_by])
    if fields == ["no_response"]:
        return Need("no response with complete context", ["The next one that carries it counts."])
    responses = responses_now(person)
    name = clean(responses[-1].campaign_name or responses[-1].campaign_id) if responses else ""
    where = f"campaign {name}" if name else "its campaign"
    return Need(
        f"no response has complete context ({where} lacks {joined([spoken(field) for field in fields])})",
        [
            f"Fill {'it' if len(fields) == 1 else 'them'} in the source or in seeds/campaign_registry.csv; "
            "responses from then on carry the context, earlier stamps stay."
        ],
    )
