"""The simulated world speaks the words of the default policy, so that its people can be judged by it."""

import csv
from datetime import datetime

import duckdb
import numpy as np
import pytest

from orchestration.settings import PROJECT_ROOT
from orchestration.simulation import vocabulary as words
from orchestration.simulation.campaigns import PROGRAMS, REGISTERED_ELSEWHERE, TARGETED, plan_campaigns
from orchestration.simulation.clock import DAY, to_seconds
from orchestration.simulation.population import CROWD

UNDECIDABLE = {"unknown_keyword_click", "unknown_influencer", "unknown_click"}
# No rule knows these by themselves; they inherit from what they answer.
INHERITING = {"plain_reply", "meeting", "call_answered"}


def seed(name: str) -> list[dict[str, str]]:
    with (PROJECT_ROOT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_codes_are_in_the_vocabulary() -> None:
    known = {(row["column_name"], row["code"]) for row in seed("vocabulary")}
    touch_types = {row["touch_type"]: row["actor"] for row in seed("touch_types")}
    for kind in words.KINDS:
        for column in (
            "channel",
            "placement",
            "keyword_intent",
            "audience_consent",
            "content_fit",
            "initiated_by",
        ):
            value = getattr(kind, column)
            assert value is None or (column, value) in known, (kind.name, column, value)
        assert touch_types[kind.touch_type] == kind.actor, kind.name
    for segment in words.SEGMENTS:
        assert {("industry", name) for name in segment.industries} <= known
        assert {("company_type", name) for name in segment.types} <= known
    assert {("acquisition_source", name) for name in words.ACQUISITIONS} <= known


def direction(kind: words.Kind, permission: str) -> tuple[str, str] | None:
    facts = {
        name: getattr(kind, name)
        for name in (
            "channel",
            "touch_type",
            "placement",
            "keyword_intent",
            "audience_consent",
            "content_fit",
            "initiated_by",
        )
    } | {"has_prior_permission": permission}
    rules = sorted(seed("touch_direction_rules"), key=lambda row: float(row["priority"]))
    for rule in rules:
        if rule["effective_to"] == "" and all(rule[name] in {"*", value} for name, value in facts.items()):
            return rule["direction"], rule["rule_id"]
    return None


@pytest.mark.parametrize("kind", words.KINDS, ids=lambda kind: kind.name)
def test_direction_is_decided_except_where_context_is_missing(kind: words.Kind) -> None:
    decided = direction(kind, "false")
    if kind.name in UNDECIDABLE | INHERITING | set(words.OPT_OUTS):
        return
    assert decided is not None


def test_named_examples_have_the_direction_that_the_field_gives_them() -> None:
    expected = {
        "category_click": "inbound",
        "brand_click": "inbound",
        "competitor_click": "outbound",
        "news_mail": "inbound",
        "cold_mail": "outbound",
        "video_visit": "inbound",
        "video_click": "outbound",
        "fitting_influencer": "inbound",
        "unfit_influencer": "outbound",
        "popup": "outbound",
        "popup_form": "outbound",
        "organic_visit": "inbound",
        "download": "inbound",
        "webinar_signup": "inbound",
        "tool_use": "inbound",
        "social_follow": "inbound",
        "print_visit": "outbound",
        "tv_visit": "outbound",
        "radio_visit": "outbound",
        "outdoor_visit": "outbound",
        "letter": "outbound",
        "booth_visit": "outbound",
        "cold_call": "outbound",
        "social_message": "outbound",
        "feed_click": "outbound",
        "lead_form": "outbound",
        "introduction": "inbound",
        "partner_form": "inbound",
    }
    for name, wanted in expected.items():
        decided = direction(words.KINDS[words.KIND[name]], "false")
        assert decided is not None
        assert decided[0] == wanted, (name, decided)
    for name in UNDECIDABLE:
        assert direction(words.KINDS[words.KIND[name]], "false") is None
    asked = direction(words.KINDS[words.KIND["follow_up"]], "true")
    assert asked is not None
    assert asked[1] == "follow_up_to_request"


def test_titles_lead_to_their_seniority() -> None:
    rules = sorted(seed("seniority_rules"), key=lambda row: int(row["priority"]))
    with duckdb.connect() as database:
        for seniority, titles in zip(words.SENIORITIES, words.TITLES, strict=True):
            for title in titles:
                found = next(
                    row["seniority"]
                    for row in rules
                    if database.execute(
                        "select regexp_matches(?, ?, 'i')", [title, row["job_title_pattern"]]
                    ).fetchone()
                    == (True,)
                )
                assert found == seniority, title


def test_segments_and_icp_exist() -> None:
    assert {segment.name for segment in words.SEGMENTS if segment.name} == {
        row["segment_name"] for row in seed("segment_rules")
    }
    assert set(TARGETED) <= {segment.name for segment in words.SEGMENTS}
    latest = {row["attribute"]: row for row in seed("icp_profiles") if row["icp_version"] == "v2"}
    assert set(latest["industry"]["allowed_values"].split("|")) >= words.FIT_INDUSTRIES
    assert set(latest["company_type"]["allowed_values"].split("|")) >= words.FIT_TYPES
    assert (float(latest["employee_count"]["min_value"]), float(latest["employee_count"]["max_value"])) == (
        words.FIT_SIZES
    )
    assert set(latest["country"]["allowed_values"].split("|")) >= words.FIT_COUNTRIES


def test_excluded_people_are_recognised() -> None:
    patterns = {(row["kind"], row["pattern"]) for row in seed("exclusions")}
    assert ("email_domain", words.VENDOR_DOMAIN) in patterns
    assert ("email_domain", words.RIVAL_DOMAIN) in patterns
    assert ("email", "test@*") in patterns
    titles = [row["pattern"] for row in seed("exclusions") if row["kind"] == "job_title"]
    with duckdb.connect() as database:
        for title in words.JOB_SEEKER_TITLES:
            assert any(
                database.execute("select regexp_matches(?, ?, 'i')", [title, pattern]).fetchone() == (True,)
                for pattern in titles
            ), title


def test_registry_fills_what_the_simulated_crm_lacks() -> None:
    registered = {row["campaign_id"]: row for row in seed("campaign_registry")}
    end = to_seconds(datetime(2026, 6, 30))
    for campaign in plan_campaigns(np.random.default_rng(1), end - 400 * DAY, end).campaigns:
        if campaign.program in REGISTERED_ELSEWHERE:
            row = registered[campaign.campaign_id]
            for name in ("segment_definition", "message_hypothesis", "success_metric"):
                assert campaign.versions[0][name] is None
                assert row[name]


def test_limits_and_currencies_of_the_policy() -> None:
    limits = {row["key"]: row["value"] for row in seed("stage_policy")}
    assert int(limits["max_contacts_per_address"]) < CROWD
    shared = {row["local_part"] for row in seed("shared_mailboxes")}
    assert {"info", "sales"} <= shared
    reporting = {row["key"]: row["value"] for row in seed("reporting")}["currency"]
    rates = {row["currency"] for row in seed("exchange_rates")} | {reporting}
    assert {program.currency for program in PROGRAMS} <= rates
