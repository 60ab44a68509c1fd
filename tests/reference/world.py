"""Everything that follows from landed rows, policy and as-of: the entry point of the reference.

Only assembles; each rule lives in the module of its topic. Rows come out as dicts under the published names.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.reference.attributes import Knowledge, updated_at
from tests.reference.campaigns import STAMP_COLUMNS, Campaigns
from tests.reference.context import Stamp, stamps_of
from tests.reference.cycles import Cycle, cycle_number_of, cycles_of
from tests.reference.identity import Component, resolve
from tests.reference.landing import Landing
from tests.reference.policy import Policy
from tests.reference.reconciliation import Row, quarantine, row_reconciliation
from tests.reference.score import score
from tests.reference.stages import Transition, is_qualifying, transitions_of
from tests.reference.staging import Judged, judge
from tests.reference.standing import NEXT_STAGE, blocked_by, cycle_stage
from tests.reference.touches import Touch, occurred_at, touches_of

STAGES = ("suspect", "prospect", "mql", "sql")
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class World:
    """What the inputs imply; each list holds the rows of the mart of that name.

    Args:
        verdicts: Every landed row with its verdict; no mart, but what `row_reconciliation` counts.
    """

    people: list[Row]
    person_aliases: list[Row]
    touches: list[Row]
    stage_transitions: list[Row]
    suspects: list[Row]
    prospects: list[Row]
    mqls: list[Row]
    sqls: list[Row]
    quarantine: list[Row]
    row_reconciliation: list[Row]
    verdicts: list[Row]


@dataclass(frozen=True)
class Person:
    """A person with everything that is known of them."""

    component: Component
    knowledge: Knowledge
    touches: list[Touch]
    cycles: list[Cycle]
    first_known_at: datetime | None
    exclusion_reason: str | None

    @property
    def person_id(self) -> str:
        """The id after the leading key."""
        return self.component.person_id


def compute(landing: Landing, policy: Policy, as_of: datetime, *, salt: str = "") -> World:
    """Sections 2 to 6: judge the rows, join people, classify touches, open cycles, prove stages."""
    judged, linkless = judge(landing, policy, as_of)
    accepted: dict[str, list[Judged]] = defaultdict(list)
    for row in judged:
        if row.verdict == "accepted":
            accepted[row.entity].append(row)
    identities = resolve(judged, linkless, salt)

    companies: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    for version in sorted(accepted["companies"], key=updated_at):
        companies[(version.row.source_system, version.text("source_company_id") or "")].append(version)
    handoffs: dict[str, list[Judged]] = defaultdict(list)
    for row in accepted["handoffs"]:
        if follower := identities.follower(row):
            handoffs[follower].append(row)

    people = [
        _person(component, handoffs[component.person_id], companies, policy, as_of)
        for component in identities.people
    ]
    stamps = stamps_of(
        (touch for person in people for touch in person.touches),
        {person.person_id: person.cycles for person in people},
        {person.person_id: person.knowledge for person in people},
        Campaigns(accepted["campaigns"], policy),
        policy,
    )
    quarantined = quarantine(landing, judged)
    rows: dict[str, list[Row]] = defaultdict(list)
    for person in people:
        transitions: list[Transition] = []
        if person.exclusion_reason is None:
            transitions = transitions_of(person.person_id, person.cycles, person.knowledge, stamps)
        rows["people"].append(_person_row(person, transitions, stamps, as_of))
        rows["person_aliases"].extend(
            {"alias_id": alias, "person_id": person.person_id} for alias in person.component.aliases
        )
        rows["touches"].extend(_touch_row(touch, person, stamps) for touch in person.touches)
        told = [_transition_row(transition, stamps) for transition in transitions]
        rows["stage_transitions"].extend(told)
        for transition, told_row in zip(transitions, told, strict=True):
            if transition.to_stage in STAGES:
                stage_row = _stage_row(transition, told_row, transitions, person.knowledge, as_of)
                rows[f"{transition.to_stage}s"].append(stage_row)
    return World(
        people=rows["people"],
        person_aliases=rows["person_aliases"],
        touches=rows["touches"],
        stage_transitions=rows["stage_transitions"],
        suspects=rows["suspects"],
        prospects=rows["prospects"],
        mqls=rows["mqls"],
        sqls=rows["sqls"],
        quarantine=quarantined,
        row_reconciliation=row_reconciliation(landing, judged, quarantined),
        verdicts=[_verdict_row(row) for row in judged],
    )


def _person(
    component: Component,
    handoffs: Sequence[Judged],
    companies: Mapping[tuple[str, str], Sequence[Judged]],
    policy: Policy,
    as_of: datetime,
) -> Person:
    touches = touches_of(component.person_id, component.touches, policy)
    knowledge = Knowledge(component.contacts, companies, policy)
    first_known_at = _first_known_at(component)
    addresses = [key.removeprefix("email:") for key in component.keys if key.startswith("email:")]
    return Person(
        component=component,
        knowledge=knowledge,
        touches=touches,
        cycles=cycles_of(touches, handoffs, component.contacts, first_known_at, policy, as_of),
        first_known_at=first_known_at,
        exclusion_reason=knowledge.exclusion_reason(addresses),
    )


def _first_known_at(component: Component) -> datetime | None:
    """Section 4: null unless there is a contact record or a linking e-mail, else the earliest of all."""
    if not component.contacts and not any(key.startswith("email:") for key in component.keys):
        return None
    created = [version.moment("created_at") for version in component.contacts]
    return min([*(moment for moment in created if moment), *(occurred_at(row) for row in component.touches)])


def _stamp_columns(stamp: Stamp | None) -> Row:
    """Section 5: direction, rule and context stamp; all null without an evidence touch."""
    if stamp is None:
        names = (
            "direction", "direction_rule_id", "permission", "context_source", "campaign_source_system",
            "campaign_id", *STAMP_COLUMNS,
            "is_in_segment", "is_context_complete", "missing_context_fields",
        )  # fmt: skip
        return dict.fromkeys(names)
    return {
        "direction": stamp.direction,
        "direction_rule_id": stamp.direction_rule_id,
        "permission": stamp.permission,
        "context_source": stamp.context_source,
        "campaign_source_system": stamp.campaign.source_system,
        "campaign_id": stamp.campaign.campaign_id,
        **stamp.campaign.values,
        "is_in_segment": stamp.is_in_segment,
        "is_context_complete": stamp.is_context_complete,
        "missing_context_fields": _listed(stamp.missing_context_fields),
    }


def _touch_row(touch: Touch, person: Person, stamps: Mapping[str, Stamp]) -> Row:
    stamp = stamps[touch.touch_id]
    cycle = next((cycle for cycle in person.cycles if cycle.is_open_for(touch)), None)
    answers = touch.text("answers_touch_id")
    return {
        "touch_id": touch.touch_id,
        "person_id": touch.person_id,
        "source_system": touch.row.row.source_system,
        "source_touch_id": touch.text("source_touch_id"),
        "occurred_at": touch.occurred_at,
        "cycle_number": cycle_number_of(touch, person.cycles),
        "actor": touch.kind.actor,
        "is_response": touch.kind.is_response,
        "is_hand_raise": touch.kind.is_hand_raise,
        "is_opt_out": touch.kind.is_opt_out,
        "points": touch.kind.points,
        "has_prior_permission": touch.has_prior_permission,
        **{
            name: touch.text(name)
            for name in (
                "channel", "touch_type", "placement", "keyword_intent", "audience_consent", "content_fit",
                "initiated_by", "offer_id", "landing_page", "response_relevance", "response_intent",
            )
        },
        "answers_touch_id": f"{touch.row.row.source_system}:{answers}" if answers else None,
        **_stamp_columns(stamp),
        "icp_version": stamp.icp_version,
        "is_icp_fit": person.knowledge.icp(touch.occurred_at).is_icp_fit,
        "person_segment": person.knowledge.segment(touch.occurred_at),
        "is_qualifying_response": cycle is not None and is_qualifying(touch, cycle, stamps),
    }  # fmt: skip


def _transition_row(transition: Transition, stamps: Mapping[str, Stamp]) -> Row:
    """Section 6: the columns of `stage_transitions`; for the digest `policy` its rows, `policy_rows`."""
    evidence = transition.evidence
    return {
        "transition_id": f"{transition.person_id}:{transition.cycle.number}:{transition.to_stage}",
        "person_id": transition.person_id,
        "cycle_number": transition.cycle.number,
        "from_stage": transition.from_stage,
        "to_stage": transition.to_stage,
        "transition_kind": transition.transition_kind,
        "occurred_at": transition.occurred_at,
        "evidence_touch_id": evidence.touch_id if evidence else None,
        **_stamp_columns(stamps[evidence.touch_id] if evidence else None),
        "engagement_score": round(transition.engagement_score, 6),
        "icp_version": transition.icp.icp_version,
        "is_icp_complete": transition.icp.is_icp_complete,
        "is_icp_fit": transition.icp.is_icp_fit,
        "mql_route": transition.mql_route,
        "policy_rows": tuple((row.key, row.value) for row in transition.cycle.values.rows),
    }


def _stage_row(
    transition: Transition,
    row: Row,
    transitions: Sequence[Transition],
    knowledge: Knowledge,
    as_of: datetime,
) -> Row:
    """Section 7: person × cycle that reached a stage, with where the cycle stands now."""
    number = transition.cycle.number
    reached = {other.to_stage: other.occurred_at for other in transitions if other.cycle.number == number}
    last = cycle_stage(transitions, number)
    return {
        **{name: value for name, value in row.items() if name not in _ONLY_IN_LOG},
        **{f"became_{stage}_at": reached.get(stage) for stage in STAGES},
        # With the rest of the verdict: an SQL has those of its MQL.
        "person_segment": knowledge.segment(
            reached["mql"] if transition.to_stage == "sql" else transition.occurred_at
        ),
        "current_stage": last.to_stage,
        "current_stage_since": last.occurred_at,
        "days_in_stage": (as_of - last.occurred_at) / _DAY,
    }


_ONLY_IN_LOG = ("transition_id", "from_stage", "to_stage", "transition_kind", "occurred_at")


def _person_row(
    person: Person, transitions: Sequence[Transition], stamps: Mapping[str, Stamp], as_of: datetime
) -> Row:
    """Section 7: where the person stands now."""
    attributes = person.knowledge.attributes(as_of)
    icp = person.knowledge.icp(as_of)
    last = transitions[-1] if transitions else None
    if person.exclusion_reason is not None:
        words, next_stage = [f"excluded:{person.exclusion_reason}"], None
    elif last is None:
        words, next_stage = ["not_known"], "suspect"
    else:
        words, next_stage = blocked_by(last, person.knowledge, stamps, as_of), NEXT_STAGE[last.to_stage]
    directions = [stamps[touch.touch_id].direction for touch in person.touches]
    times = [touch.occurred_at for touch in person.touches]
    systems = {row.row.source_system for row in (*person.component.contacts, *person.component.touches)}
    return {
        "person_id": person.person_id,
        "first_known_at": person.first_known_at,
        "source_systems": _listed(sorted(systems)),
        "identity_keys": len(person.component.keys),
        "is_excluded": person.exclusion_reason is not None,
        "exclusion_reason": person.exclusion_reason,
        "current_stage": last.to_stage if last else None,
        "current_cycle": last.cycle.number if last else None,
        "current_stage_since": last.occurred_at if last else None,
        "days_in_stage": (as_of - last.occurred_at) / _DAY if last else None,
        "segment": person.knowledge.segment(as_of),
        "industry": attributes.industry,
        "employee_count": attributes.employee_count,
        "employee_count_max": attributes.employee_count_max,
        "seniority": attributes.seniority,
        "company_type": attributes.company_type,
        "country": attributes.country,
        "acquisition_source": person.knowledge.acquisition_source(as_of),
        "icp_version": icp.icp_version,
        "is_icp_complete": icp.is_icp_complete,
        "is_icp_fit": icp.is_icp_fit,
        "engagement_score": round(score(last.cycle, as_of), 6) if last and not last.cycle.exit else 0.0,
        "next_stage": next_stage,
        "blocked_by": _listed(words),
        "first_touch_at": min(times, default=None),
        "last_touch_at": max(times, default=None),
        "inbound_touches": directions.count("inbound"),
        "outbound_touches": directions.count("outbound"),
        "unclassified_touches": directions.count("unclassified"),
    }


def _verdict_row(row: Judged) -> Row:
    return {
        "source_system": row.row.source_system,
        "source_table": row.row.source_table,
        "entity": row.entity,
        "source_file": row.row.source_file,
        "source_row": row.row.source_row,
        "file_version": row.row.file_version,
        "load_id": row.row.load_id,
        "verdict": row.verdict,
        "reason_code": row.reason_code,
        "reason_column": row.reason_column,
    }


def _listed(words: Sequence[str]) -> str | None:
    return "|".join(words) or None
