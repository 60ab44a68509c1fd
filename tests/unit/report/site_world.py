"""A release with figures in every report, filled by hand: round numbers, easy to find on a page."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.report.site.source import Drift, Source
from orchestration.settings import PROJECT_ROOT, Settings
from tests.unit.report.report_world import BUILD, _contracts, quarantined, reconciled, write_world

AS_OF = datetime(2026, 6, 30, 12)
MESSAGE = "Proof <b>before</b> & features"
WHOLE = {"segment": "(all)", "channel": "(all)", "acquisition_source": "(all)"}
NO_CAMPAIGN = {"scoped_campaign_id": "(all)", "campaign_name": "(all)"}


def rich_world() -> dict[str, list[dict[str, Any]]]:
    """Rows for every report that there is."""
    rows = {
        "funnel_by_day": [
            _entered("suspect", "outbound", 1000),
            _entered("suspect", "inbound", 200),
            _entered("prospect", "outbound", 100),
            _entered("prospect", "inbound", 200),
            _entered("mql", "inbound", 60),
            _entered("sql", "inbound", 24),
        ],
        "conversion_by_cohort": [
            *(_cohort(month, 50, converted) for month, converted in ((1, 5), (2, 9), (3, 7))),
            _reached("suspect", "prospect", "outbound", 800, 0.0625),
            _reached("suspect", "prospect", "(all)", 900, 0.31),
            _reached("prospect", "mql", "(all)", 250, 0.184),
            _reached("mql", "sql", "(all)", 0, None),
        ],
        "stage_velocity": [
            _velocity(step, cut, direction)
            for step in ("suspect_to_prospect", "prospect_to_mql", "mql_to_sql", "response_to_handoff")
            for cut, direction in (("all", "(all)"), ("direction", "inbound"), ("direction", "outbound"))
        ],
        "stage_velocity_curve": [
            _curve(step, direction, day)
            for step in ("suspect_to_prospect", "prospect_to_mql", "mql_to_sql", "response_to_handoff")
            for direction in ("inbound", "outbound")
            for day in (1, 4, 9)
        ],
        "stage_age": [
            {
                "stage": "prospect",
                "cut": "all",
                "direction": "(all)",
                **WHOLE,
                **NO_CAMPAIGN,
                "open_count": 200,
                "open_0_to_7_days_count": 20,
                "open_7_to_30_days_count": 60,
                "open_30_to_90_days_count": 70,
                "open_90_to_180_days_count": 30,
                "open_from_180_days_count": 20,
                "median_age_days": 44.0,
                "max_age_days": 300.0,
            }
        ],
        "worklist": [
            {
                "person_id": f"p_{number:016x}",
                "action": "hand_off",
                "because": "not_handed_off",
                "waiting_days": 3,
            }
            for number in range(7)
        ],
        "message_scorecard": [
            _message(MESSAGE, "scale", 40, 400, 0.05),
            _message("Straight pitch", "stop", 2, 400, 0.05),
            _message("Customer quote", "keep_testing", 18, 300, 0.05),
            _message("No metric", "insufficient_data", 0, 0, None),
        ],
        "inbound_vs_outbound": [
            {
                "cut": "all",
                **WHOLE,
                "funnel_step": "prospect_to_sql",
                "inbound_entries": 20,
                "outbound_entries": 4,
                "inbound_n": 180,
                "inbound_count": 18,
                "inbound_rate": 0.1,
                "outbound_n": 90,
                "outbound_count": 4,
                "outbound_rate": 0.044444,
                "crude_difference": 0.055556,
                "crude_difference_low": 0.001,
                "crude_difference_high": 0.11,
                "adjusted_difference": 0.0612,
                "adjusted_difference_low": 0.0021,
                "adjusted_difference_high": 0.1203,
                "comparison_verdict": "inbound_better",
            }
        ],
        "journey_mix": [
            _journey("inbound_then_outbound", "yes", 15),
            _journey("inbound_only", "yes", 2),
            _journey("inbound_only", "unknown", 3),
            _journey("inbound_only", "no", 4),
        ],
        "cost_per_stage": [
            _cost("all", "(all)", None, 48000),
            _cost("direction", "inbound", None, 40000),
            _cost("direction", "unattributed", None, 8000),
            _cost("month × direction", "inbound", "2026-05", 40000),
            _cost(
                "campaign",
                "(all)",
                None,
                40000,
                campaign_name="Spring mail",
                scoped_campaign_id="leadproof:c1",
            ),
        ],
        "attribution": [
            {
                "stage": "sql",
                "scoped_campaign_id": "leadproof:c1",
                "campaign_name": "Spring mail",
                "first_touch_credit": 24,
                "last_touch_credit": 20,
                "linear_credit": 24,
                "position_based_credit": 22.5,
            }
        ],
        "constraint_audit": [
            _lever("offer_relevance", 200, 60, 0.5),
            _lever("traffic_quality", 300, 240, 0.7),
        ],
        "closed_loop": [
            {
                "stage_at_opening": "sql",
                "deals": 11,
                "won_deals": 6,
                "lost_deals": 2,
                "open_deals": 3,
                "won_amount": 66000,
                "reporting_currency": "USD",
                "deals_without_amount": 1,
            }
        ],
        "score_calibration": [
            {
                "cut": "all",
                "stage": "prospect",
                "score_band": "00-09",
                "sql_n": 100,
                "sql_count": 8,
                "sql_rate": 0.08,
                "sql_low": 0.04,
                "sql_high": 0.15,
            }
        ],
        "quarantine": [quarantined(row, "unknown_code", "touch_type") for row in (12, 7, 31, 44)],
        "row_reconciliation": [reconciled("touches", landed=1300, accepted=1296, quarantined=4)],
    }
    published = {model["name"] for model in _contracts()}
    return {table: found for table, found in rows.items() if table in published}


@contextmanager
def opened(settings: Settings, policy: Path | None = None, **rows: list[dict[str, Any]]) -> Iterator[Source]:
    """The pages' view of a release with these rows, with the tables that publication adds."""
    write_world(settings, **rows)
    drift = [Drift("new_column", "leadproof.contacts", "column 'lead_rating' has appeared")]
    with opened_build(settings, policy, has_audits=bool(rows), drift=drift if rows else []) as source:
        yield source


def add_audits(database: duckdb.DuckDBPyConnection, builds: Sequence[str]) -> None:
    """Add the audits of builds, the latest first, of which each earlier one has a failure more."""
    database.execute(
        "create table marts.audit_results (build_id varchar, audited_at timestamp, expectation varchar,"
        " table_name varchar, source_system varchar, severity varchar, is_success boolean,"
        " baselined_until date, message varchar)"
    )
    for number, audited in enumerate(builds):
        database.execute(
            "insert into marts.audit_results select ?, timestamp '2026-06-30' - interval (?) day,"
            " 'promise ' || range, 'touches', null, 'error', range >= ?, null, 'It holds.'"
            " from range(190)",
            [audited, number, number],
        )


@contextmanager
def opened_build(
    settings: Settings,
    policy: Path | None = None,
    *,
    build_id: str = BUILD,
    has_audits: bool = True,
    drift: Sequence[Drift] = (),
) -> Iterator[Source]:
    """The pages' view of a build database as it will be once it is published."""
    with duckdb.connect(settings.build_db) as database:
        add_audits(database, (build_id, "b20260629T060000000000") if has_audits else ())
        for table, column in _published_columns():
            database.execute(f"comment on column marts.{table}.\"{column}\" is 'What {column} means.'")
    connection = duckdb.connect(settings.build_db, read_only=True)
    try:
        yield Source(
            connection=connection,
            policy_dir=policy or PROJECT_ROOT / "seeds",
            release_id="r20260630T120500_000001",
            build_id=build_id,
            as_of=AS_OF,
            published_at=AS_OF,
            code_version="abc",
            drift=drift,
        )
    finally:
        connection.close()


def _published_columns() -> Iterator[tuple[str, str]]:
    for model in _contracts():
        for column in model["columns"]:
            yield model["name"], column["name"]
    # Publication adds this table, and describes these columns of it.
    for name in ("audited_at", "build_id", "expectation", "is_success", "baselined_until"):
        yield "audit_results", name


def _entered(stage: str, direction: str, entries: int) -> dict[str, Any]:
    return {
        "funnel_date": "2026-06-10",
        "funnel_week": "2026-06-08",
        "funnel_month": "2026-06-01",
        "stage": stage,
        "direction": direction,
        "segment": "none",
        "scoped_campaign_id": "none",
        "channel": "email",
        "acquisition_source": "unknown",
        "entries": entries,
        "exits": 0,
        "open_stock": entries,
    }


def _cohort(month: int, matured: int, converted: int) -> dict[str, Any]:
    rate = converted / matured
    return {
        "stage": "prospect",
        "cohort": f"2026-{month:02}",
        "entry_month": f"2026-{month:02}-01",
        "cut": "all",
        "direction": "(all)",
        **WHOLE,
        **NO_CAMPAIGN,
        "entries": matured + 3,
        "within_60_days_n": matured,
        "within_60_days_count": converted,
        "within_60_days_rate": rate,
        "within_60_days_low": rate / 2,
        "within_60_days_high": rate * 2,
        "within_60_days_maturing_count": 3,
    }


def _reached(stage: str, next_stage: str, direction: str, matured: int, rate: float | None) -> dict[str, Any]:
    return {
        "stage": stage,
        "next_stage": next_stage,
        "cohort": "(all)",
        "cut": "all" if direction == "(all)" else "direction",
        "direction": direction,
        **WHOLE,
        **NO_CAMPAIGN,
        "within_90_days_n": matured,
        "within_90_days_rate": rate,
        "within_90_days_low": rate and rate - 0.01,
        "within_90_days_high": rate and rate + 0.02,
    }


def _velocity(step: str, cut: str, direction: str) -> dict[str, Any]:
    return {
        "step": step,
        "cut": cut,
        "direction": direction,
        **WHOLE,
        **NO_CAMPAIGN,
        "entries": 300,
        "converted_count": 60,
        "censored_count": 240,
        "followed_days": 90,
        "converted_share": 0.25,
        "converted_share_low": 0.2,
        "converted_share_high": 0.3,
        "converted_within_1_hour_share": 0.01,
        "converted_within_1_day_share": 0.05,
        "converted_within_7_days_share": 0.1,
        "converted_within_30_days_share": 0.17,
        "converted_within_90_days_share": 0.25,
        "converter_median_days": 12,
    }


def _curve(step: str, direction: str, day: int) -> dict[str, Any]:
    return {
        "step": step,
        "cut": "direction",
        "direction": direction,
        **WHOLE,
        **NO_CAMPAIGN,
        "elapsed_days": day,
        "at_risk_count": 100 - day,
        "converted_count": 2,
        "censored_count": 0,
        "converted_share": day / 40,
        "converted_share_low": day / 50,
        "converted_share_high": day / 30,
    }


def _journey(journey: str, outbound_ever: str, sqls: int) -> dict[str, Any]:
    return {
        "journey": journey,
        "prospect_direction": "inbound",
        "outbound_ever": outbound_ever,
        "sqls": sqls,
    }


def _message(name: str, verdict: str, succeeded: int, matured: int, promised: float | None) -> dict[str, Any]:
    rate = succeeded / matured if matured else None
    found: dict[str, Any] = {
        "cut": "direction × message",
        "direction": "outbound",
        "message_name": name,
        **WHOLE,
        "reached_count": matured + 10,
        "maturing_count": 10,
        "success_metric": "reply rate",
        "promised_rate": promised,
        "success_n": matured,
        "success_count": succeeded,
        "success_rate": rate,
        "success_low": rate / 2 if rate else None,
        "success_high": rate * 1.6 if rate else None,
        "verdict": verdict,
        "verdict_because": verdict if matured else "no_metric",
        "verdict_sentence": f"{name}: {succeeded} of {matured} people succeeded.",
    }
    return found | {"delivered_rate": 0.98, "response_rate": 0.07}


def _cost(cut: str, direction: str, month: str | None, spent: int, **known: Any) -> dict[str, Any]:
    return {
        "cut": cut,
        "calendar_month": month,
        "direction": direction,
        **WHOLE,
        **NO_CAMPAIGN,
        "spend_amount": spent,
        "reporting_currency": "USD",
        "spend_status": "recorded",
        "suspects": 1200,
        "prospects": 300,
        "mqls": 60,
        "sqls": 24,
        "cost_per_prospect": spent / 300,
        "cost_per_mql": spent / 60,
        "cost_per_sql": spent / 24,
        **known,
    }


def _lever(lever: str, people: int, passed: int, target: float) -> dict[str, Any]:
    return {
        "cut": "all",
        **WHOLE,
        **NO_CAMPAIGN,
        "lever": lever,
        "lever_n": people,
        "lever_count": passed,
        "lever_rate": passed / people,
        "lever_low": passed / people - 0.05,
        "lever_high": passed / people + 0.05,
        "target_rate": target,
        "target_source": "policy",
        "lever_status": "below_target" if passed / people < target else "at_target",
        "extra_sqls": 21,
        "extra_sqls_low": 9,
        "extra_sqls_high": 33,
        "dominant_constraint": "offer_relevance",
    }
