"""The shipped policy tables: valid, as dbt declares them, and saying what the field's examples say."""

import time

import pytest
import yaml

from orchestration.policy import Policy, check_policy, read_policy, require_valid
from orchestration.policy.schema import RULE_FIELDS, TABLES
from orchestration.settings import PROJECT_ROOT

DBT_TYPES = {
    "text": {"varchar"},
    "code": {"varchar"},
    "codes": {"varchar"},
    "pattern": {"varchar"},
    "number": {"double"},
    "integer": {"integer"},
    "boolean": {"boolean", "varchar"},
    "timestamp": {"timestamp"},
    "date": {"date"},
}


@pytest.fixture(scope="module")
def policy() -> Policy:
    """The shipped tables."""
    return read_policy(PROJECT_ROOT)


def test_shipped_seeds_are_valid(policy: Policy) -> None:
    require_valid(policy)


def test_shipped_seeds_are_checked_fast(policy: Policy) -> None:
    check_policy(policy)  # DuckDB is loaded once and not counted
    started = time.process_time()
    check_policy(read_policy(PROJECT_ROOT))
    assert time.process_time() - started < 0.5


def test_seeds_yml_declares_every_column_with_type_and_description() -> None:
    declared = {
        seed["name"]: seed
        for seed in yaml.safe_load((PROJECT_ROOT / "seeds" / "_seeds.yml").read_text())["seeds"]
    }
    assert set(declared) == set(TABLES)
    for name, table in TABLES.items():
        types = declared[name]["config"]["column_types"]
        assert tuple(types) == table.header, name
        assert tuple(column["name"] for column in declared[name]["columns"]) == table.header, name
        assert all(column["description"] for column in declared[name]["columns"]), name
        assert declared[name]["description"], name
        for column in table.columns:
            assert types[column.name] in DBT_TYPES[column.kind], (name, column.name)


def test_no_csv_lies_in_seeds_that_is_no_policy_table() -> None:
    assert {path.stem for path in (PROJECT_ROOT / "seeds").glob("*.csv")} == set(TABLES)


def direction(policy: Policy, **touch: str) -> str:
    """Direction of a touch by the shipped rules, fields that are not given being unknown."""
    touch = {"has_prior_permission": "false"} | touch
    rules = sorted(policy.rows("touch_direction_rules"), key=lambda row: int(row["priority"]))
    for rule in rules:
        if all(rule[name] in ("*", touch.get(name)) for name in RULE_FIELDS):
            return rule["direction"]
    return "unclassified"


@pytest.mark.parametrize(
    ("touch", "expected"),
    [
        ("paid_search ad_click keyword_intent=category", "inbound"),
        ("paid_search ad_click keyword_intent=own_brand", "inbound"),
        ("paid_search ad_click keyword_intent=competitor_brand", "outbound"),
        ("paid_search ad_click", "unclassified"),
        ("email email_sent audience_consent=opt_in", "inbound"),
        ("email email_sent audience_consent=none", "outbound"),
        ("email email_sent", "unclassified"),
        ("email email_sent audience_consent=opt_in placement=cold_list", "outbound"),
        ("video page_visit placement=search_result", "inbound"),
        ("video page_visit placement=pre_roll", "outbound"),
        ("video ad_impression placement=video_ad", "outbound"),
        ("video ad_impression", "outbound"),
        ("video page_visit", "unclassified"),
        ("influencer page_visit content_fit=on_topic", "inbound"),
        ("influencer page_visit content_fit=off_topic", "outbound"),
        ("influencer page_visit", "unclassified"),
        ("website popup_shown placement=popup", "outbound"),
        ("website form_submit placement=popup", "outbound"),
        ("organic_search page_visit", "inbound"),
        ("content content_download", "inbound"),
        ("webinar webinar_registration", "inbound"),
        ("webinar webinar_attendance", "inbound"),
        ("free_tool free_tool_use", "inbound"),
        ("organic_social social_follow", "inbound"),
        ("organic_social page_visit", "inbound"),
        ("social page_visit", "unclassified"),
        ("print page_visit", "outbound"),
        ("tv broadcast_aired", "outbound"),
        ("radio broadcast_aired", "outbound"),
        ("outdoor broadcast_aired", "outbound"),
        ("direct_mail direct_mail_sent", "outbound"),
        ("event event_visit placement=booth", "outbound"),
        ("event event_visit placement=own_event", "inbound"),
        ("event event_visit", "unclassified"),
        ("phone call_made", "outbound"),
        ("phone inbound_call", "inbound"),
        ("social_selling message_sent", "outbound"),
        ("paid_social ad_click placement=feed_ad", "outbound"),
        ("paid_social lead_form_submit placement=lead_form_ad", "outbound"),
        ("paid_social lead_form_submit", "outbound"),
        ("display ad_impression", "outbound"),
        ("website demo_request", "inbound"),
        ("referral referral_introduction", "inbound"),
        ("partner referral_introduction", "inbound"),
        ("email follow_up_sent has_prior_permission=true", "outbound"),
        ("phone follow_up_sent has_prior_permission=false", "outbound"),
    ],
)
def test_shipped_rules_decide_the_examples(policy: Policy, touch: str, expected: str) -> None:
    channel, touch_type, *fields = touch.split()
    given = dict(field.split("=") for field in fields)
    assert direction(policy, channel=channel, touch_type=touch_type, **given) == expected


@pytest.mark.parametrize(
    "touch",
    [
        "email email_reply",
        "email email_click",
        "phone call_answered",
        "event meeting_attended",
        "phone meeting_attended",
        "organic_social message_reply",
        "chat message_reply",
    ],
)
@pytest.mark.parametrize("has_prior_permission", ["true", "false"])
def test_answers_without_context_match_no_rule_and_so_inherit(
    policy: Policy, touch: str, has_prior_permission: str
) -> None:
    channel, touch_type = touch.split()
    found = direction(
        policy, channel=channel, touch_type=touch_type, has_prior_permission=has_prior_permission
    )
    assert found == "unclassified"


def test_the_disputed_follow_up_is_one_row_that_says_so(policy: Policy) -> None:
    disputed = [row for row in policy.rows("touch_direction_rules") if row["permission"] == "disputed"]
    assert len(disputed) == 1
    assert "Disputed" in disputed[0]["reason"]
    assert disputed[0]["has_prior_permission"] == "true"


def test_context_requirements_hold_outbound_and_unclassified_to_the_same(policy: Policy) -> None:
    required: dict[str, set[str]] = {}
    for row in policy.rows("context_requirements"):
        if row["is_required"] == "true":
            required.setdefault(row["direction"], set()).add(row["field"])
    fields = {
        "campaign_name",
        "segment_definition",
        "message_hypothesis",
        "expected_response",
        "success_metric",
        "success_threshold",
    }
    assert required == {"outbound": fields, "unclassified": fields}


def test_stage_policy_holds_the_defaults(policy: Policy) -> None:
    assert {row["key"]: row["value"] for row in policy.rows("stage_policy")} == {
        "mql_min_score": "50",
        "score_half_life_days": "14",
        "dormancy_days": "180",
        "response_window_days": "30",
        "hand_raise_qualifies": "true",
        "max_contacts_per_address": "5",
    }
