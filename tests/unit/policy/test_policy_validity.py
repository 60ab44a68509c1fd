"""Every wrong edit is refused with file, row and reason, and with nothing else."""

from collections.abc import Callable

import pytest
from policy_sandbox import Sandbox

from orchestration.errors import LeadproofError
from orchestration.policy import read_policy, require_valid

RULE = {
    "priority": "5000",
    "rule_id": "test_rule",
    **dict.fromkeys(
        (
            "channel",
            "touch_type",
            "placement",
            "keyword_intent",
            "audience_consent",
            "content_fit",
            "initiated_by",
            "has_prior_permission",
        ),
        "*",
    ),
    "direction": "outbound",
    "permission": "none",
    "reason": "A test.",
}
V1 = {"icp_version": "v1", "attribute": "industry"}
SIZE = {"icp_version": "v1", "attribute": "employee_count"}
CATEGORY = {"rule_id": "paid_search_category"}
DEMO = {"touch_type": "demo_request"}

Edit = Callable[[Sandbox], int]


def row(table: str, where: dict[str, str], **cells: str) -> Edit:
    """An edit of one row."""
    return lambda sandbox: sandbox.set(table, where, **cells)


def new(table: str, **cells: str) -> Edit:
    """A row added."""
    return lambda sandbox: sandbox.add(table, **cells)


def rule(**cells: str) -> Edit:
    """A direction rule added."""
    return lambda sandbox: sandbox.add("touch_direction_rules", **(RULE | cells))


def segment(**cells: str) -> Edit:
    """A segment rule added."""
    given = {
        "priority": "900",
        "segment_name": "test_segment",
        "attribute": "industry",
        "operator": "in",
        "allowed_values": "media",
    }
    return lambda sandbox: sandbox.add("segment_rules", **(given | cells))


def mapping(**cells: str) -> Edit:
    """A value mapping added."""
    given = {
        "source_system": "zoho",
        "column_name": "test__channel",
        "source_value": "x",
        "canonical_value": "email",
    }
    return lambda sandbox: sandbox.add("value_mappings", **(given | cells))


def threshold(**cells: str) -> Edit:
    """A threshold added."""
    given = {
        "audit": "freshness",
        "source_system": "zoho",
        "tolerance": "1",
        "set_on": "2026-11-01",
        "reason": "A test.",
    }
    return lambda sandbox: sandbox.add("audit_thresholds", **(given | cells))


WRONG_CELLS: dict[str, tuple[str, Edit, str, str]] = {
    "no comment": ("exclusions", row("exclusions", {"kind": "email"}, comment=""), "blank", "say why"),
    "blank in a star column": (
        "touch_direction_rules",
        row("touch_direction_rules", CATEGORY, placement=""),
        "blank",
        "write * where anything may match",
    ),
    "blank required cell": (
        "exclusions",
        row("exclusions", {"kind": "email"}, reason=""),
        "blank",
        "required",
    ),
    "mark of an erasure": (
        "exclusions",
        row("exclusions", {"kind": "email"}, reason="asked for by (erased)"),
        "erased_mark",
        "say it in other words",
    ),
    "blank around a cell": (
        "stage_policy",
        row("stage_policy", {"key": "dormancy_days"}, value=" 180"),
        "shape",
        "value begins or ends with a blank",
    ),
    "unknown actor": (
        "touch_types",
        row("touch_types", DEMO, actor="person"),
        "unknown_value",
        "actor 'person'",
    ),
    "unknown direction": (
        "touch_direction_rules",
        row("touch_direction_rules", CATEGORY, direction="sideways"),
        "unknown_value",
        "direction 'sideways'",
    ),
    "unknown permission": (
        "touch_direction_rules",
        row("touch_direction_rules", CATEGORY, permission="maybe"),
        "unknown_value",
        "permission 'maybe'",
    ),
    "unknown channel": ("touch_direction_rules", rule(channel="phnoe"), "unknown_value", "channel 'phnoe'"),
    "unknown touch type": (
        "touch_direction_rules",
        rule(touch_type="demo_requst"),
        "unknown_value",
        "seeds/touch_types.csv",
    ),
    "unknown placement": (
        "touch_direction_rules",
        rule(placement="roof"),
        "unknown_value",
        "placement 'roof'",
    ),
    "unknown keyword intent": (
        "touch_direction_rules",
        rule(channel="paid_search", keyword_intent="competitor"),
        "unknown_value",
        "competitor_brand",
    ),
    "upper-case code": ("touch_direction_rules", rule(channel="Email"), "unknown_value", "lower-case"),
    "prior permission is no answer": (
        "touch_direction_rules",
        rule(channel="other", has_prior_permission="yes"),
        "boolean",
        "true or false or *",
    ),
    "boolean that is none": (
        "touch_types",
        row("touch_types", DEMO, is_response="yes"),
        "boolean",
        "is_response",
    ),
    "number that is none": ("touch_types", row("touch_types", DEMO, points="4O"), "number", "points '4O'"),
    "number with a comma": ("touch_types", row("touch_types", DEMO, points="1,5"), "number", "decimal point"),
    "negative points": ("touch_types", row("touch_types", DEMO, points="-1"), "range", "too small"),
    "cap of nothing": (
        "touch_types",
        row("touch_types", DEMO, max_scored_per_cycle="0"),
        "range",
        "smallest value allowed is 1",
    ),
    "priority that is no whole number": (
        "touch_direction_rules",
        rule(channel="other", priority="1.5"),
        "integer",
        "whole number",
    ),
    "date as a spreadsheet writes it": (
        "icp_profiles",
        row("icp_profiles", V1, effective_from="1/1/2010"),
        "timestamp",
        "2026-01-31T00:00:00",
    ),
    "moment that does not exist": (
        "stage_policy",
        row("stage_policy", {"key": "dormancy_days"}, effective_to="2026-02-30T00:00:00"),
        "timestamp",
        "effective_to",
    ),
    "moment with a zone": (
        "stage_policy",
        row("stage_policy", {"key": "dormancy_days"}, effective_from="2000-01-01T00:00:00+02:00"),
        "timestamp",
        "without a zone",
    ),
    "unknown attribute": (
        "segment_rules",
        segment(attribute="revenue"),
        "unknown_value",
        "attribute 'revenue'",
    ),
    "unknown operator": ("segment_rules", segment(operator="like"), "unknown_value", "operator 'like'"),
    "unknown exclusion kind": (
        "exclusions",
        row("exclusions", {"kind": "email"}, kind="phone"),
        "unknown_value",
        "kind 'phone'",
    ),
    "unknown stage policy key": (
        "stage_policy",
        new("stage_policy", key="mql_max_score", value="9"),
        "unknown_value",
        "key 'mql_max_score'",
    ),
    "unknown reporting key": (
        "reporting",
        new("reporting", key="locale", value="en"),
        "unknown_value",
        "key 'locale'",
    ),
    "unknown context field": (
        "context_requirements",
        new("context_requirements", direction="outbound", field="landing_page", is_required="true"),
        "unknown_value",
        "field 'landing_page'",
    ),
    "unknown audit": ("audit_thresholds", threshold(audit="freshnes"), "unknown_value", "audit 'freshnes'"),
    "unknown source system": ("audit_thresholds", threshold(source_system="zoo"), "unknown_value", "zoo"),
    "unknown seniority": (
        "seniority_rules",
        row("seniority_rules", {"priority": "70"}, seniority="boss"),
        "unknown_value",
        "seniority 'boss'",
    ),
    "unknown vocabulary column": (
        "vocabulary",
        new("vocabulary", column_name="colour", code="red"),
        "unknown_value",
        "column_name 'colour'",
    ),
    "unknown ICP version in the registry": (
        "campaign_registry",
        new(
            "campaign_registry",
            source_system="zoho",
            campaign_id="1",
            registered_at="2026-01-01T00:00:00",
            icp_version="v9",
        ),
        "unknown_value",
        "icp_version 'v9'",
    ),
    "empty part of a list": (
        "icp_profiles",
        row("icp_profiles", V1, allowed_values="software||retail"),
        "unknown_value",
        "empty part",
    ),
    "code twice in a list": (
        "icp_profiles",
        row("icp_profiles", V1, allowed_values="software|software"),
        "duplicate",
        "twice",
    ),
}

WRONG_ROWS: dict[str, tuple[str, Edit, str, str]] = {
    "unknown industry": (
        "icp_profiles",
        row("icp_profiles", V1, allowed_values="sofware"),
        "unknown_value",
        "'sofware'",
    ),
    "country that is no code": (
        "icp_profiles",
        row("icp_profiles", {"attribute": "country"}, allowed_values="germany"),
        "unknown_value",
        "two-letter",
    ),
    "in for a number": (
        "icp_profiles",
        row("icp_profiles", SIZE, operator="in", allowed_values="other", min_value="", max_value=""),
        "operator",
        "employee_count is compared with 'between'",
    ),
    "between for a code": (
        "icp_profiles",
        row("icp_profiles", V1, operator="between"),
        "operator",
        "industry is compared with 'in'",
    ),
    "range upside down": (
        "icp_profiles",
        row("icp_profiles", SIZE, min_value="3000"),
        "range",
        "larger than",
    ),
    "range without ends": (
        "icp_profiles",
        row("icp_profiles", SIZE, min_value="", max_value=""),
        "blank",
        "at least one",
    ),
    "list with between": (
        "icp_profiles",
        row("icp_profiles", SIZE, allowed_values="small"),
        "operator",
        "belongs to 'in'",
    ),
    "bounds with in": (
        "icp_profiles",
        row("icp_profiles", V1, min_value="1"),
        "operator",
        "belong to 'between'",
    ),
    "list without codes": (
        "icp_profiles",
        row("icp_profiles", V1, allowed_values=""),
        "blank",
        "at least one",
    ),
    "attribute twice in a version": (
        "icp_profiles",
        lambda sandbox: sandbox.add("icp_profiles", V1, allowed_values="retail"),
        "duplicate",
        "stand already in row 2",
    ),
    "half-life below seven days": (
        "stage_policy",
        row("stage_policy", {"key": "score_half_life_days"}, value="6.9"),
        "range",
        "smallest value allowed is 7",
    ),
    "stage policy value of another kind": (
        "stage_policy",
        row("stage_policy", {"key": "hand_raise_qualifies"}, value="1"),
        "range",
        "not true or false",
    ),
    "addresses in fractions": (
        "stage_policy",
        row("stage_policy", {"key": "max_contacts_per_address"}, value="2.5"),
        "range",
        "not a whole number",
    ),
    "alpha above a half": (
        "report_policy",
        row("report_policy", {"key": "verdict_alpha"}, value="5"),
        "range",
        "largest value allowed is 0.5",
    ),
    "report policy closed without successor": (
        "report_policy",
        row("report_policy", {"key": "maturity_days"}, effective_to="2026-01-01T00:00:00"),
        "gap",
        "no value after",
    ),
    "metric by an unknown touch type": (
        "success_metrics",
        row("success_metrics", {"success_metric": "meeting rate"}, touch_types="meeting_held"),
        "unknown_value",
        "'meeting_held' is not known",
    ),
    "metric by a touch that is no response": (
        "success_metrics",
        row("success_metrics", {"success_metric": "meeting rate"}, touch_types="meeting_scheduled"),
        "contradiction",
        "meeting_scheduled is no response",
    ),
    "metric in upper case": (
        "success_metrics",
        row("success_metrics", {"success_metric": "meeting rate"}, success_metric="Meeting rate"),
        "unknown_value",
        "must be lower-case words",
    ),
    "metric with an underscore": (
        "success_metrics",
        row("success_metrics", {"success_metric": "meeting rate"}, success_metric="meeting_rate"),
        "unknown_value",
        "must be lower-case words",
    ),
    "metric by an answer of another kind": (
        "success_metrics",
        row("success_metrics", {"success_metric": "meeting rate"}, answer="friendly"),
        "unknown_value",
        "'friendly' is not known",
    ),
    "stage policy closed without successor": (
        "stage_policy",
        row("stage_policy", {"key": "dormancy_days"}, effective_to="2026-01-01T00:00:00"),
        "gap",
        "no value after",
    ),
    "stage policy that begins late": (
        "stage_policy",
        row("stage_policy", {"key": "dormancy_days"}, effective_from="2020-01-01T00:00:00"),
        "gap",
        "begins later",
    ),
    "stage policy in two versions at once": (
        "stage_policy",
        new("stage_policy", key="dormancy_days", value="90", effective_from="2026-01-01T00:00:00"),
        "overlap",
        "in force together with row 4",
    ),
    "period without a moment": (
        "touch_types",
        row("touch_types", DEMO, effective_to="1999-01-01T00:00:00"),
        "period",
        "never in force",
    ),
    "touch type in two versions at once": (
        "touch_types",
        lambda sandbox: sandbox.add("touch_types", DEMO, points="41", effective_from="2026-01-01T00:00:00"),
        "overlap",
        "'demo_request' is in force together",
    ),
    "opt-out that is a response": (
        "touch_types",
        row("touch_types", {"touch_type": "unsubscribe"}, is_response="true"),
        "contradiction",
        "never a response",
    ),
    "opt-out that grants permission": (
        "touch_types",
        row("touch_types", {"touch_type": "unsubscribe"}, grants_permission="true"),
        "contradiction",
        "cannot grant permission",
    ),
    "hand-raise that is no response": (
        "touch_types",
        row("touch_types", DEMO, is_response="false", points="0"),
        "contradiction",
        "always a response",
    ),
    "response of the company": (
        "touch_types",
        row("touch_types", {"touch_type": "email_sent"}, is_response="true"),
        "contradiction",
        "actor is not the contact",
    ),
    "open that is a response": (
        "touch_types",
        row("touch_types", {"touch_type": "email_open"}, is_response="true"),
        "contradiction",
        "prove nothing",
    ),
    "points for no response": (
        "touch_types",
        row("touch_types", {"touch_type": "email_open"}, points="1"),
        "contradiction",
        "must be 0",
    ),
    "priority taken": (
        "touch_direction_rules",
        rule(channel="other", priority="300"),
        "priority",
        "Priority 300 is taken",
    ),
    "rule id taken": (
        "touch_direction_rules",
        rule(channel="other", rule_id="paid_search_category"),
        "overlap",
        "in force together",
    ),
    "inbound without permission": (
        "touch_direction_rules",
        row("touch_direction_rules", CATEGORY, permission="none"),
        "contradiction",
        "without permission",
    ),
    "context requirement twice": (
        "context_requirements",
        new("context_requirements", direction="outbound", field="campaign_name", is_required="false"),
        "overlap",
        "'outbound campaign_name'",
    ),
    "segment with two priorities": (
        "segment_rules",
        segment(segment_name="enterprise_finance", attribute="country", allowed_values="de"),
        "priority",
        "another priority than in row 2",
    ),
    "segments with one priority": (
        "segment_rules",
        segment(priority="10"),
        "priority",
        "taken by segment enterprise_finance",
    ),
    "campaign that ends before it starts": (
        "campaign_registry",
        new(
            "campaign_registry",
            source_system="zoho",
            campaign_id="1",
            registered_at="2026-01-01T00:00:00",
            starts_at="2026-02-01T00:00:00",
            ends_at="2026-01-01T00:00:00",
        ),
        "range",
        "before starts_at",
    ),
    "mapping to an unknown code": (
        "value_mappings",
        mapping(canonical_value="e-mail"),
        "unknown_value",
        "canonical_value 'e-mail'",
    ),
    "mapping to an unknown touch type": (
        "value_mappings",
        mapping(column_name="test__touch_type"),
        "unknown_value",
        "canonical_value 'email'",
    ),
    "mapping to an unknown outcome": (
        "value_mappings",
        mapping(column_name="test__outcome"),
        "unknown_value",
        "accepted, rejected",
    ),
    "mapping of no canonical column": (
        "value_mappings",
        mapping(column_name="lead_source"),
        "unknown_value",
        "lead_source__channel",
    ),
    "mapping of an upper-case value": (
        "value_mappings",
        mapping(source_value="X"),
        "unknown_value",
        "upper-case",
    ),
    "value mapped twice": (
        "value_mappings",
        mapping(column_name="call_type__touch_type", source_value="inbound", canonical_value="inbound_call"),
        "duplicate",
        "stand already",
    ),
    "title pattern that does not compile": (
        "seniority_rules",
        row("seniority_rules", {"priority": "70"}, job_title_pattern="director("),
        "pattern",
        "does not compile: missing )",
    ),
    "title pattern that only Python knows": (
        "seniority_rules",
        row("seniority_rules", {"priority": "70"}, job_title_pattern="(?<!art )director"),
        "pattern",
        "does not compile",
    ),
    "exclusion pattern that does not compile": (
        "exclusions",
        row("exclusions", {"kind": "job_title"}, pattern="seeker["),
        "pattern",
        "does not compile",
    ),
    "address without @": (
        "exclusions",
        row("exclusions", {"kind": "email"}, pattern="tester"),
        "pattern",
        "exactly one @",
    ),
    "domain with @": (
        "exclusions",
        row("exclusions", {"kind": "email_domain"}, pattern="@rival.example"),
        "pattern",
        "has no @",
    ),
    "exclusion of everybody": (
        "exclusions",
        row("exclusions", {"kind": "email"}, pattern="*@*"),
        "pattern",
        "matches everybody",
    ),
    "upper-case exclusion": (
        "exclusions",
        row("exclusions", {"kind": "email"}, pattern="Test@example.com"),
        "pattern",
        "lower-case",
    ),
    "exclusion twice": (
        "exclusions",
        lambda sandbox: sandbox.add("exclusions", {"kind": "email"}),
        "duplicate",
        "stand already",
    ),
    "mailbox with @": (
        "shared_mailboxes",
        row("shared_mailboxes", {"local_part": "info"}, local_part="info@example.com"),
        "pattern",
        "before the @",
    ),
    "mailbox twice": ("shared_mailboxes", new("shared_mailboxes", local_part="info"), "duplicate", "row 2"),
    "unknown time zone": (
        "reporting",
        row("reporting", {"key": "time_zone"}, value="Berlin"),
        "unknown_value",
        "Europe/Berlin",
    ),
    "unknown week day": (
        "reporting",
        row("reporting", {"key": "week_start"}, value="mon"),
        "unknown_value",
        "such as monday",
    ),
    "thirteenth month": (
        "reporting",
        row("reporting", {"key": "fiscal_year_start_month"}, value="13"),
        "unknown_value",
        "from 1 to 12",
    ),
    "currency that is none": (
        "exchange_rates",
        row("exchange_rates", {"currency": "BRL"}, currency="R$"),
        "unknown_value",
        "no ISO code",
    ),
    "reporting currency at another rate": (
        "exchange_rates",
        row("exchange_rates", {"currency": "USD"}, rate_to_reporting="1.1"),
        "contradiction",
        "must be 1",
    ),
    "rate of nothing": (
        "exchange_rates",
        row("exchange_rates", {"currency": "BRL"}, rate_to_reporting="0"),
        "range",
        "too small",
    ),
    "tolerance that is no share": (
        "audit_thresholds",
        threshold(audit="open_quarantine", tolerance="5"),
        "range",
        "from 0 to 1",
    ),
    "tolerance where none is negotiable": (
        "audit_thresholds",
        threshold(audit="mql_sql_icp_complete", tolerance="0.1"),
        "not_negotiable",
        "not negotiable",
    ),
    "baseline that ended before it began": (
        "audit_thresholds",
        threshold(until="2026-10-01"),
        "range",
        "before set_on",
    ),
    "standing row twice": (
        "audit_thresholds",
        threshold(source_system="*", tolerance="2"),
        "duplicate",
        "stand already",
    ),
}

NEVER_MATCHING: dict[str, tuple[str, Edit, str, str]] = {
    "a general rule before": (
        "touch_direction_rules",
        rule(channel="display", touch_type="ad_click"),
        "never_matches",
        "display (row",
    ),
    "two rules that share the touches": (
        "touch_direction_rules",
        rule(touch_type="follow_up_sent", channel="email"),
        "never_matches",
        "follow_up_to_request (row 2), follow_up_without_request (row 3) always decide first",
    ),
    "the same rule with a narrower cell": (
        "touch_direction_rules",
        rule(channel="paid_search", keyword_intent="category", placement="search_ad", initiated_by="contact"),
        "never_matches",
        "paid_search_category",
    ),
    "a segment before": (
        "segment_rules",
        segment(allowed_values="consulting"),
        "never_matches",
        "advisory (row",
    ),
    "segments that share the codes": (
        "segment_rules",
        segment(allowed_values="consulting|government"),
        "never_matches",
        "always decide first",
    ),
    "the same pattern": (
        "seniority_rules",
        new("seniority_rules", priority="200", job_title_pattern=r"\bDIRECTOR\b", seniority="vp"),
        "never_matches",
        "row 8",
    ),
}


def check(sandbox: Sandbox, case: tuple[str, Edit, str, str]) -> None:
    """The edit, and only the edit, is told: with its file, its row and why."""
    table, edit, rule_name, message = case
    line = edit(sandbox)
    told = sandbox.problems()
    assert [(each.file, each.row, each.rule) for each in told] == [(f"seeds/{table}.csv", line, rule_name)], (
        told
    )
    assert message in told[0].message


@pytest.mark.parametrize("case", WRONG_CELLS.values(), ids=WRONG_CELLS)
def test_wrong_cell_is_refused(sandbox: Sandbox, case: tuple[str, Edit, str, str]) -> None:
    check(sandbox, case)


@pytest.mark.parametrize("case", WRONG_ROWS.values(), ids=WRONG_ROWS)
def test_rows_that_disagree_are_refused(sandbox: Sandbox, case: tuple[str, Edit, str, str]) -> None:
    check(sandbox, case)


@pytest.mark.parametrize("case", NEVER_MATCHING.values(), ids=NEVER_MATCHING)
def test_rule_that_can_never_match_is_refused(sandbox: Sandbox, case: tuple[str, Edit, str, str]) -> None:
    check(sandbox, case)


def test_rule_shadowed_only_for_some_time_is_accepted(sandbox: Sandbox) -> None:
    sandbox.set("touch_direction_rules", {"rule_id": "display"}, effective_to="2026-01-01T00:00:00")
    rule(channel="display", touch_type="ad_click", direction="outbound")(sandbox)
    assert sandbox.problems() == []


def test_rule_shadowed_by_successive_rules_is_refused(sandbox: Sandbox) -> None:
    sandbox.set("touch_direction_rules", {"rule_id": "display"}, effective_to="2026-01-01T00:00:00")
    rule(channel="display", effective_from="2026-01-01T00:00:00", priority="651")(sandbox)
    line = rule(
        rule_id="late", channel="display", touch_type="ad_click", effective_from="2000-01-01T00:00:00"
    )(sandbox)
    assert [(each.row, each.rule) for each in sandbox.problems()] == [(line, "never_matches")]


def test_rule_that_covers_every_touch_type_in_force_shadows_the_rest(sandbox: Sandbox) -> None:
    types = [record[0] for record in sandbox.records("touch_types")[1:]]
    for place, touch_type in enumerate(types[1:]):
        rule(channel="other", touch_type=touch_type, priority=str(2000 + place), rule_id=f"other_{place}")(
            sandbox
        )
    line = rule(channel="other", placement="page")(sandbox)
    assert line not in {each.row for each in sandbox.problems()}, f"{types[0]} is left to it"
    rule(channel="other", touch_type=types[0], priority="1999", rule_id="other_first")(sandbox)
    assert line in {each.row for each in sandbox.problems()}


def test_rule_for_a_touch_type_that_ended_before_is_refused(sandbox: Sandbox) -> None:
    sandbox.set("touch_types", {"touch_type": "chat_message"}, effective_to="2020-01-01T00:00:00")
    line = rule(channel="other", touch_type="chat_message", effective_from="2021-01-01T00:00:00")(sandbox)
    told = sandbox.problems()
    assert [(each.row, each.rule) for each in told] == [(line, "never_matches")]
    assert "not in force while the rule is" in told[0].message


def test_segment_whose_rows_contradict_each_other_is_refused(sandbox: Sandbox) -> None:
    line = segment(attribute="employee_count", operator="between", allowed_values="", min_value="5")(sandbox)
    sandbox.add(
        "segment_rules",
        {"segment_name": "test_segment"},
        attribute="employee_count",
        min_value="",
        max_value="4",
        effective_from="2026-01-01T00:00:00",
    )
    sandbox.set("segment_rules", {"segment_name": "test_segment"}, effective_to="2026-01-01T00:00:00")
    assert sandbox.problems() == [], "successive versions of a row do not contradict each other"
    sandbox.set("segment_rules", {"segment_name": "test_segment"}, effective_to="")
    told = {(each.row, each.rule) for each in sandbox.problems()}
    assert (line + 1, "overlap") in told


def test_segment_with_a_wider_range_than_the_ones_before_is_accepted(sandbox: Sandbox) -> None:
    segment(
        priority="1000",
        attribute="industry",
        allowed_values="software",
    )(sandbox)
    assert sandbox.problems() == [], "a company of unknown size is in neither software segment"


@pytest.mark.parametrize(
    ("earlier", "later"),
    [("clerk", "chief clerk|payroll clerk"), (".*", r"\bowner\b"), ("cl.rk", "clerks")],
)
def test_pattern_found_wherever_a_later_one_is_shadows_it(sandbox: Sandbox, earlier: str, later: str) -> None:
    new("seniority_rules", priority="200", job_title_pattern=earlier, seniority="individual")(sandbox)
    line = new("seniority_rules", priority="210", job_title_pattern=later, seniority="manager")(sandbox)
    assert [(each.row, each.rule) for each in sandbox.problems()] == [(line, "never_matches")]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [(r"\bclerk\b", "clerks|clerk"), ("clerk", "clerk|cook"), ("^clerk$", "chief clerk")],
)
def test_pattern_that_leaves_something_shadows_nothing(sandbox: Sandbox, earlier: str, later: str) -> None:
    new("seniority_rules", priority="200", job_title_pattern=earlier, seniority="individual")(sandbox)
    new("seniority_rules", priority="210", job_title_pattern=later, seniority="manager")(sandbox)
    assert sandbox.problems() == []


def test_priority_may_be_used_again_after_its_rule_is_closed(sandbox: Sandbox) -> None:
    sandbox.set("touch_direction_rules", CATEGORY, effective_to="2027-01-01T00:00:00")
    sandbox.add("touch_direction_rules", CATEGORY, effective_from="2027-01-01T00:00:00", effective_to="")
    assert sandbox.problems() == []


def test_version_rows_that_begin_at_different_moments_are_refused(sandbox: Sandbox) -> None:
    line = sandbox.set("icp_profiles", SIZE, effective_from="2011-01-01T00:00:00")
    told = sandbox.problems()
    assert [(each.row, each.rule) for each in told] == [(line, "overlap")]
    assert "another moment than in row 2" in told[0].message


def test_versions_that_begin_at_one_moment_are_refused(sandbox: Sandbox) -> None:
    for attribute in ("industry", "employee_count", "seniority", "company_type", "country"):
        sandbox.set(
            "icp_profiles",
            {"icp_version": "v2", "attribute": attribute},
            effective_from="2010-01-01T00:00:00",
        )
    told = sandbox.problems()
    assert [(each.file, each.rule) for each in told] == [("seeds/icp_profiles.csv", "overlap")]
    assert "same moment as version v1" in told[0].message


def test_version_that_says_nothing_about_an_attribute_is_refused(sandbox: Sandbox) -> None:
    sandbox.delete("icp_profiles", {"icp_version": "v1", "attribute": "seniority"})
    assert [(each.row, each.rule) for each in sandbox.problems()] == [(2, "incomplete")]


def test_version_that_requires_nothing_is_refused(sandbox: Sandbox) -> None:
    for attribute in ("industry", "employee_count", "seniority", "company_type"):
        sandbox.set("icp_profiles", {"icp_version": "v1", "attribute": attribute}, is_required="false")
    told = sandbox.problems()
    assert [each.rule for each in told] == ["incomplete"]
    assert "everybody would be complete" in told[0].message


def test_stage_policy_with_a_gap_is_refused(sandbox: Sandbox) -> None:
    sandbox.set("stage_policy", {"key": "dormancy_days"}, effective_to="2026-01-01T00:00:00")
    line = sandbox.add("stage_policy", key="dormancy_days", value="90", effective_from="2026-02-01T00:00:00")
    told = sandbox.problems()
    assert [(each.row, each.rule) for each in told] == [(line, "gap")]


def test_stage_policy_with_a_successor_is_accepted(sandbox: Sandbox) -> None:
    sandbox.set("stage_policy", {"key": "dormancy_days"}, effective_to="2026-01-01T00:00:00")
    sandbox.add("stage_policy", key="dormancy_days", value="90", effective_from="2026-01-01T00:00:00")
    assert sandbox.problems() == []


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ("stage_policy", {"key": "dormancy_days"}),
        ("report_policy", {"key": "maturity_days"}),
        ("reporting", {"key": "time_zone"}),
        ("audit_thresholds", {"audit": "open_quarantine"}),
    ],
)
def test_missing_key_is_refused(sandbox: Sandbox, table: str, where: dict[str, str]) -> None:
    sandbox.delete(table, where)
    told = sandbox.problems()
    assert [(each.file, each.row, each.rule) for each in told] == [
        (f"seeds/{table}.csv", None, "missing_key")
    ]
    assert next(iter(where.values())) in told[0].message


@pytest.mark.parametrize(
    ("change", "rule_name", "message"),
    [
        (lambda text: b"\xef\xbb\xbf" + text, "spreadsheet_damage", "byte-order mark"),
        (lambda text: text.decode().encode("utf-16"), "spreadsheet_damage", "UTF-16"),
        (lambda text: text.replace(b",", b";"), "spreadsheet_damage", "semicolons"),
        (lambda text: text.replace(b",", b"\t"), "spreadsheet_damage", "tabs"),
        (lambda text: text.replace(b"v1", b"v\x001", 1), "spreadsheet_damage", "NUL"),
        (lambda text: text.replace(b"v1", b"v\xe4", 1), "spreadsheet_damage", "not UTF-8 (line 2)"),
        (lambda text: text.replace(b"operator,", b"", 1), "header", "lacks operator"),
        (lambda text: text.replace(b"operator", b"comparison", 1), "header", "unknown 'comparison'"),
        (
            lambda text: b"attribute,icp_version" + text[len("icp_version,attribute") :],
            "header",
            "The header",
        ),
        (lambda text: text.replace(b"v1,", b"v1,,", 1), "shape", "cells instead of"),
        (lambda text: text + b",,,,,,,,\n", "shape", "row is empty"),
        (
            lambda text: text.replace(b"in,software", b'in,"soft\nware', 1).replace(b",,", b'",,', 1),
            "shape",
            "line break",
        ),
        (lambda text: text.replace(b"in,software", b'in,"soft"ware', 1), "unreadable", "no valid CSV"),
        (lambda text: b'""\n', "header", "lacks icp_version"),
    ],
)
def test_damaged_file_is_told_in_one_sentence(
    sandbox: Sandbox, change: Callable[[bytes], bytes], rule_name: str, message: str
) -> None:
    sandbox.spoil("icp_profiles", change)
    told = [each for each in sandbox.problems() if each.rule == rule_name]
    assert len(told) == 1, sandbox.problems()
    assert told[0].file == "seeds/icp_profiles.csv"
    assert message in told[0].message


def test_damaged_file_does_not_make_the_others_wrong(sandbox: Sandbox) -> None:
    for table in ("vocabulary", "touch_types", "icp_profiles"):
        sandbox.spoil(table, lambda text: b"\xef\xbb\xbf" + text)
    assert [each.rule for each in sandbox.problems()] == ["spreadsheet_damage"] * 3


def test_missing_file_is_told(sandbox: Sandbox) -> None:
    sandbox.path("exclusions").unlink()
    told = sandbox.problems()
    assert [(each.file, each.rule) for each in told] == [("seeds/exclusions.csv", "missing_file")]


@pytest.mark.parametrize("content", [b"", b" \r\n\n"])
def test_emptied_file_is_told(sandbox: Sandbox, content: bytes) -> None:
    sandbox.spoil("segment_rules", lambda _: content)
    told = sandbox.problems()
    assert [(each.file, each.row, each.rule) for each in told] == [
        ("seeds/segment_rules.csv", None, "empty_file")
    ]
    assert "The file is empty" in told[0].message


def test_file_that_the_database_reads_differently_is_refused(sandbox: Sandbox) -> None:
    sandbox.spoil("shared_mailboxes", lambda text: text + b"x1,'Quoted as in SQL.'\n")
    told = sandbox.problems()
    assert [(each.file, each.row, each.rule) for each in told] == [
        ("seeds/shared_mailboxes.csv", 62, "misread")
    ]
    sandbox.spoil(
        "shared_mailboxes", lambda text: text.replace(b"'Quoted as in SQL.'", b"\"'Quoted as advised.'\"")
    )
    assert sandbox.problems() == []


def test_line_ends_of_a_spreadsheet_are_accepted(sandbox: Sandbox) -> None:
    for table in ("icp_profiles", "touch_direction_rules", "seniority_rules"):
        sandbox.spoil(table, lambda text: text.replace(b"\n", b"\r\n"))
    assert sandbox.problems() == []


def test_problems_that_say_the_same_are_told_together(sandbox: Sandbox) -> None:
    records = sandbox.records("shared_mailboxes")
    sandbox.write("shared_mailboxes", [records[0], *([name, ""] for name, _ in records[1:])])
    with pytest.raises(LeadproofError) as caught:
        require_valid(read_policy(sandbox.root))
    assert str(caught.value) == (
        "The policy tables in seeds/ hold 60 errors. "
        "seeds/shared_mailboxes.csv, rows 2, 3, 4, 5, 6 and 55 more: "
        "comment is blank; say why the row is as it is. Correct the rows and build again."
    )
    (whole,) = caught.value.details
    named = whole.split("rows ")[1].split(":")[0].split(", ")
    assert named == [str(line) for line in range(2, 62)]


def test_many_reasons_are_counted_and_named_in_the_details(sandbox: Sandbox) -> None:
    records = sandbox.records("shared_mailboxes")
    sandbox.write("shared_mailboxes", [records[0], *([f"{name}@", why] for name, why in records[1:7])])
    with pytest.raises(LeadproofError, match=r"hold 6 errors\. .*row 4: .*And 3 more\. Correct") as caught:
        require_valid(read_policy(sandbox.root))
    assert [each.split(":")[0] for each in caught.value.details] == [
        f"seeds/shared_mailboxes.csv, row {line}" for line in range(2, 8)
    ]


def test_one_reason_is_not_repeated_in_details(sandbox: Sandbox) -> None:
    sandbox.path("exclusions").unlink()
    with pytest.raises(LeadproofError) as caught:
        require_valid(read_policy(sandbox.root))
    assert caught.value.details == ()


def test_addresses_are_not_repeated_in_messages(sandbox: Sandbox) -> None:
    sandbox.set("exclusions", {"kind": "email"}, pattern="Someone@example.com")
    sandbox.add("exclusions", {"kind": "email_domain"}, kind="email", pattern=" someone@example.com")
    assert all("omeone" not in str(each) for each in sandbox.problems())


def test_wrong_edit_stops_with_file_row_and_reason(sandbox: Sandbox) -> None:
    line = sandbox.set("touch_direction_rules", CATEGORY, direction="sideways")
    with pytest.raises(LeadproofError) as caught:
        require_valid(read_policy(sandbox.root))
    assert str(caught.value) == (
        f"The policy tables in seeds/ hold an error. seeds/touch_direction_rules.csv, row {line}: "
        "direction 'sideways' is not known; it must be one of inbound, outbound. "
        "Correct the rows and build again."
    )
