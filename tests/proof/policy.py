"""Edits of the policy tables that a sequence may make: dated successors, closed rows, further and other rows.

Each edit alone keeps the tables valid, and so do all of them together. What follows from one does not belong
here.
"""

import shutil
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from orchestration.settings import PROJECT_ROOT
from tests.proof.events import STEADY_CAMPAIGN
from tests.reference.worlds import append_policy, edit_policy, replace_policy

SHIPPED = PROJECT_ROOT / "seeds"


@dataclass(frozen=True)
class Succession:
    """A row that is closed at a moment, and what follows it.

    Args:
        table: Policy table.
        key: Columns by which the row is found.
        name: Their values.
        change: What is different in the row that follows; null if none follows.
    """

    table: str
    key: tuple[str, ...]
    name: tuple[str, ...]
    change: Mapping[str, str] | None


@dataclass(frozen=True)
class Addition:
    """Rows that are added.

    Args:
        table: Policy table.
        dated_by: The column that says from when on the rows hold; null for tables without.
        rows: The rows.
        later_by: What is added to the moment, because no two profiles may begin at one.
    """

    table: str
    dated_by: str | None
    rows: tuple[Mapping[str, str], ...]
    later_by: timedelta = timedelta(0)


@dataclass(frozen=True)
class Replacement:
    """A row of a table without dates that is written otherwise.

    Args:
        table: Policy table.
        name: Values of the columns by which the row is found.
        change: What is different in it.
    """

    table: str
    name: Mapping[str, str]
    change: Mapping[str, str]


Edit = Succession | Addition | Replacement


def _value(key: str, value: str) -> Succession:
    return Succession("stage_policy", ("key",), (key,), {"value": value})


def _report(key: str, value: str) -> Succession:
    return Succession("report_policy", ("key",), (key,), {"value": value})


def _type(touch_type: str, change: Mapping[str, str] | None) -> Succession:
    return Succession("touch_types", ("touch_type",), (touch_type,), change)


def _rule(rule_id: str, change: Mapping[str, str] | None) -> Succession:
    return Succession("touch_direction_rules", ("rule_id",), (rule_id,), change)


def _profile(version: str, industry: str, country_is_required: str, later_by: timedelta) -> Addition:
    conditions = (
        ("industry", "in", industry, "", "", "true"),
        ("employee_count", "between", "", "50", "2000", "true"),
        ("country", "in", "de|us|fr", "", "", country_is_required),
        ("seniority", "in", "vp|manager", "", "", "false"),
        ("company_type", "in", "private|startup", "", "", "false"),
    )
    names = ("attribute", "operator", "allowed_values", "min_value", "max_value", "is_required")
    rows = tuple({"icp_version": version, **dict(zip(names, each, strict=True))} for each in conditions)
    return Addition("icp_profiles", "effective_from", rows, later_by)


def _registered(campaign_id: str, **columns: str) -> Addition:
    row = {"source_system": "leadproof", "campaign_id": campaign_id, **columns}
    return Addition("campaign_registry", "registered_at", (row,))


EDITS: tuple[Edit, ...] = (
    _value("mql_min_score", "30"),
    _value("mql_min_score", "60"),
    _value("score_half_life_days", "7"),
    _value("dormancy_days", "60"),
    _value("dormancy_days", "10"),
    _value("response_window_days", "10"),
    _value("hand_raise_qualifies", "false"),
    _value("max_contacts_per_address", "2"),
    _value("max_contacts_per_address", "8"),
    _type("page_visit", {"max_scored_per_cycle": "2", "points": "30"}),
    _type("page_visit", {"is_response": "false", "points": "0", "max_scored_per_cycle": ""}),
    _type("demo_request", {"points": "20"}),
    _type("trial_signup", None),
    _type("email_click", {"is_response": "false", "points": "0", "max_scored_per_cycle": ""}),
    _type("event_visit", {"is_hand_raise": "true", "grants_permission": "true"}),
    _rule("organic_search", None),
    _rule(
        "follow_up_to_request",
        {"rule_id": "follow_up_inbound", "direction": "inbound", "permission": "granted"},
    ),
    _rule("email_to_opt_in", None),
    Succession(
        "context_requirements", ("direction", "field"), ("inbound", "campaign_name"), {"is_required": "true"}
    ),
    Succession(
        "context_requirements",
        ("direction", "field"),
        ("outbound", "success_threshold"),
        {"is_required": "false"},
    ),
    Succession("context_requirements", ("direction", "field"), ("unclassified", "message_hypothesis"), None),
    Succession(
        "segment_rules",
        ("segment_name", "attribute"),
        ("mid_market_software", "employee_count"),
        {"min_value": "2000"},
    ),
    _profile("proof_1", "software|retail", "true", timedelta(seconds=1)),
    _profile("proof_2", "retail", "false", timedelta(seconds=2)),
    _registered("camp-0", message_hypothesis="Registered", expected_response="talk"),
    _registered("camp-1", campaign_name="Registered", success_threshold="1 %"),
    _registered(STEADY_CAMPAIGN, message_name="Registered"),
    Addition(
        "exclusions",
        None,
        ({"kind": "email_domain", "pattern": "firm1.example", "reason": "competitor"},),
    ),
    Addition("exclusions", None, ({"kind": "job_title", "pattern": "head of", "reason": "job_seeker"},)),
    Addition(
        "seniority_rules",
        None,
        ({"priority": "1", "job_title_pattern": "head of sales", "seniority": "individual"},),
    ),
    Addition("shared_mailboxes", None, ({"local_part": "p1"},)),
    Addition("shared_mailboxes", None, ({"local_part": "desk"},)),
    _report("maturity_days", "5"),
    _report("maturity_days", "60"),
    _report("stage_maturity_days", "10"),
    Replacement("reporting", {"key": "time_zone"}, {"value": "Pacific/Auckland"}),
    Replacement("reporting", {"key": "week_start"}, {"value": "sunday"}),
    Replacement("reporting", {"key": "fiscal_year_start_month"}, {"value": "4"}),
    Replacement(
        "exchange_rates", {"currency": "EUR", "rate_date": "2024-01-01"}, {"rate_to_reporting": "1.5"}
    ),
    Addition(
        "success_metrics",
        None,
        ({"success_metric": "replies", "touch_types": "email_reply", "answer": "relevant"},),
    ),
)


def write_policy(folder: Path, edits: Mapping[int, datetime]) -> None:
    """Write the policy tables with edits made.

    Args:
        folder: Gets the tables; what lies there is replaced.
        edits: From when on each edit holds, by its index into `EDITS`; of two of one row at one moment the
            later in this order counts.
    """
    folder.mkdir(exist_ok=True)
    for path in SHIPPED.glob("*.csv"):
        shutil.copyfile(path, folder / path.name)
    successions: dict[
        tuple[str, tuple[str, ...]], dict[tuple[str, ...], dict[datetime, Mapping[str, str] | None]]
    ] = defaultdict(lambda: defaultdict(dict))
    for number, moment in edits.items():
        edit = EDITS[number]
        if isinstance(edit, Succession):
            successions[(edit.table, edit.key)][edit.name][moment] = edit.change
        elif isinstance(edit, Replacement):
            replace_policy(folder / f"{edit.table}.csv", edit.name, edit.change)
        else:
            dated = {edit.dated_by: (moment + edit.later_by).isoformat()} if edit.dated_by else {}
            append_policy(
                folder / f"{edit.table}.csv", [{"comment": "An edit.", **row, **dated} for row in edit.rows]
            )
    for (table, key), changes in successions.items():
        edit_policy(
            folder / f"{table}.csv", key, {name: sorted(dated.items()) for name, dated in changes.items()}
        )


def changed_tables(before: Mapping[int, datetime], after: Mapping[int, datetime]) -> set[str]:
    """The tables that two states of the policy differ in.

    Args:
        before: From when on each edit held, by its index into `EDITS`.
        after: The same, later.
    """
    if before == after and list(before) == list(after):
        return set()
    # Which of two edits counts depends on their order, so all that were made before are looked at.
    return {EDITS[number].table for number in before.keys() | after.keys()}
