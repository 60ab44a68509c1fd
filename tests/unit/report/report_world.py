"""A small release with the published columns, filled by hand: a few people in every situation that is told.

The columns come from the marts' contracts, so a query for a column that is not published fails here.
"""

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from orchestration import records
from orchestration.records import BuildRecord, Failure, Phase
from orchestration.release import Release, claim_build_token, seal_record, write_candidate
from orchestration.release.database import literal
from orchestration.settings import PROJECT_ROOT, Settings
from tests.fixtures.release_world import audit_of, build_id_of, moment_of, publish_candidate

POLICY = PROJECT_ROOT / "tests" / "fixtures" / "golden" / "policy"
NUMBER = 1
BUILD = build_id_of(NUMBER)
AS_OF = datetime(2026, 6, 30, 12)
ESCAPE = "\x1b[31mSpring\x1b[0m\u202e mail\r\n"

PROSPECT, ARRIVED, EXCLUDED, VISITOR, LEFT = (f"p_{number:016x}" for number in range(1, 6))
RETIRED = "p_00000000000000ff"


def write_world(settings: Settings, **rows: list[dict[str, Any]]) -> None:
    """Write a build database whose marts hold the given rows and no others."""
    settings.build_db.parent.mkdir(parents=True, exist_ok=True)
    settings.build_db.unlink(missing_ok=True)
    with duckdb.connect(settings.build_db) as database:
        database.execute("begin")
        database.execute("create schema marts; create schema restricted; create schema ops")
        database.execute(f"create table ops.current_build as select '{BUILD}' as build_id")
        for model in _contracts():
            columns = ", ".join(f'"{column["name"]}" {column["data_type"]}' for column in model["columns"])
            database.execute(f"create table marts.{model['name']} ({columns})")
            for row in rows.pop(model["name"], []):
                _insert(database, f"marts.{model['name']}", row)
        database.execute(
            "create table restricted.contacts (person_id varchar, full_name varchar, email varchar,"
            " phone varchar, consent varchar, consent_since timestamp)"
        )
        for row in rows.pop("contacts", []):
            _insert(database, "restricted.contacts", row)
        database.execute("commit")
    assert not rows, f"no such tables: {sorted(rows)}"


@cache
def _contracts() -> list[dict[str, Any]]:
    paths = sorted((PROJECT_ROOT / "models/marts").rglob("*__models.yml"))
    return [model for path in paths for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]]


def _insert(database: duckdb.DuckDBPyConnection, table: str, row: dict[str, Any]) -> None:
    values = ", ".join("null" if value is None else literal(str(value)) for value in row.values())
    database.execute(f"insert into {table} ({', '.join(row)}) values ({values})")


def person(person_id: str, **known: Any) -> dict[str, Any]:
    """A row of ``people`` with what every row has."""
    return {
        "person_id": person_id,
        "is_excluded": False,
        "inbound_touches": 0,
        "outbound_touches": 0,
        "unclassified_touches": 0,
        "source_systems": "leadproof",
        **known,
    }


def touch(number: int, person_id: str, at: str, touch_type: str, **known: Any) -> dict[str, Any]:
    """A row of ``touches`` with what every row has."""
    return {
        "touch_id": f"leadproof:t{number}",
        "person_id": person_id,
        "cycle_number": 1,
        "source_system": "leadproof",
        "occurred_at": at,
        "channel": "email",
        "touch_type": touch_type,
        "actor": "contact",
        "is_response": True,
        "is_hand_raise": False,
        "is_opt_out": False,
        "direction": "outbound",
        "direction_rule_id": "g_cold_mail",
        "is_qualifying_response": False,
        "points": 20,
        "is_context_complete": True,
        "context_source": "own",
        **known,
    }


def sent(number: int, person_id: str, at: str, **known: Any) -> dict[str, Any]:
    """A mail of ours."""
    return touch(number, person_id, at, "email_sent", actor="company", is_response=False, points=0, **known)


def step(person_id: str, to_stage: str, at: str, **known: Any) -> dict[str, Any]:
    """A row of ``stage_transitions`` with what every row has."""
    return {
        "transition_id": f"{person_id}:1:{to_stage}",
        "person_id": person_id,
        "cycle_number": 1,
        "to_stage": to_stage,
        "transition_kind": "advance",
        "occurred_at": at,
        "policy": "digest",
        **known,
    }


PROVED = {"icp_version": "v2", "is_icp_complete": True, "is_icp_fit": True, "is_context_complete": True}


def people_told() -> dict[str, list[dict[str, Any]]]:
    """Everybody, with touches, log, claims and addresses."""
    campaign = {"campaign_id": "c1", "campaign_name": ESCAPE, "expected_response": "meeting|pricing"}
    evidence = {
        "evidence_touch_id": "leadproof:t5",
        "direction": "outbound",
        "direction_rule_id": "g_cold_mail",
    }
    raised = {"evidence_touch_id": "leadproof:t20", "direction": "inbound", "direction_rule_id": "g_website"}
    reply = "2026-06-10 10:00:00"
    return {
        "people": [
            person(
                PROSPECT,
                first_known_at="2026-05-01",
                current_stage="prospect",
                current_cycle=1,
                current_stage_since=reply,
                days_in_stage=20.1,
                next_stage="mql",
                blocked_by="icp_missing:industry|icp_mismatch:seniority|score:32/60"
                "|context_missing:message_hypothesis",
                seniority="individual",
                employee_count=200,
                company_type="b2b",
                icp_version="v2",
                is_icp_complete=False,
                is_icp_fit=False,
                engagement_score=32.456789,
                outbound_touches=6,
            ),
            person(
                ARRIVED,
                first_known_at="2026-06-01",
                current_stage="sql",
                current_cycle=1,
                current_stage_since="2026-06-02",
                days_in_stage=28.5,
                industry="software",
                icp_version="v2",
                is_icp_complete=True,
                is_icp_fit=True,
                engagement_score=5,
                inbound_touches=1,
            ),
            person(
                EXCLUDED, is_excluded=True, exclusion_reason="competitor", blocked_by="excluded:competitor"
            ),
            person(VISITOR, next_stage="suspect", blocked_by="not_known", inbound_touches=1),
            person(
                LEFT,
                first_known_at="2026-05-01",
                current_stage="disqualified",
                current_cycle=1,
                current_stage_since="2026-06-05",
                days_in_stage=25.0,
                next_stage="suspect",
                blocked_by="exited:disqualified",
                inbound_touches=1,
            ),
        ],
        "person_aliases": [{"alias_id": RETIRED, "person_id": PROSPECT}],
        "touches": [
            *(sent(number, PROSPECT, f"2026-06-0{number} 08:00:00", **campaign) for number in (1, 2, 3)),
            sent(4, PROSPECT, "2026-06-04 08:00:00", **{**campaign, "campaign_name": "Other mail"}),
            touch(
                5,
                PROSPECT,
                reply,
                "email_reply",
                **{
                    **campaign,
                    "is_context_complete": False,
                    "missing_context_fields": "message_hypothesis",
                    "response_relevance": "relevant",
                    "response_intent": "meeting",
                },
            ),
            touch(
                6,
                PROSPECT,
                "2026-06-11 10:00:00",
                "page_visit",
                channel="influencer",
                direction="unclassified",
                direction_rule_id=None,
                points=5,
            ),
            touch(
                20,
                ARRIVED,
                "2026-06-02 09:00:00",
                "demo_request",
                channel="website",
                direction="inbound",
                direction_rule_id="g_website",
                is_hand_raise=True,
                is_qualifying_response=True,
                points=30,
            ),
            touch(30, VISITOR, "2026-06-02 09:00:00", "page_visit", cycle_number=None, direction="inbound"),
            touch(
                40,
                LEFT,
                "2026-06-05 09:00:00",
                "unsubscribe",
                is_response=False,
                is_opt_out=True,
                direction="inbound",
            ),
        ],
        "stage_transitions": [
            step(PROSPECT, "suspect", "2026-05-01"),
            step(
                PROSPECT,
                "prospect",
                reply,
                **{**PROVED, **evidence, "is_context_complete": False, "is_icp_fit": False},
                missing_context_fields="message_hypothesis",
                engagement_score=20,
            ),
            step(ARRIVED, "suspect", "2026-06-01"),
            *(
                step(ARRIVED, stage, "2026-06-02 09:00:00", **PROVED, **raised, engagement_score=30)
                | ({"mql_route": "qualifying_response"} if stage != "prospect" else {})
                for stage in ("prospect", "mql", "sql")
            ),
            step(LEFT, "suspect", "2026-05-01"),
            step(
                LEFT,
                "disqualified",
                "2026-06-05 09:00:00",
                transition_kind="disqualify",
                evidence_touch_id="leadproof:t40",
            ),
        ],
        "stage_claims": [
            {
                "person_id": PROSPECT,
                "source_system": "leadproof",
                "claimed_stage": "sql",
                "proved_stage": "prospect",
                "is_claim_proved": False,
                "missing_for_claim": "icp_missing:industry|no_qualifying_response",
            },
            {
                "person_id": ARRIVED,
                "source_system": "leadproof",
                "claimed_stage": "mql",
                "proved_stage": "sql",
                "is_claim_proved": True,
            },
        ],
        "suspects": [
            {"person_id": each, "cycle_number": 1, "source_system": "leadproof"}
            for each in (PROSPECT, ARRIVED, LEFT)
        ],
        "prospects": [
            {"person_id": each, "cycle_number": 1, "source_system": "leadproof"}
            for each in (PROSPECT, ARRIVED)
        ],
        "mqls": [{"person_id": ARRIVED, "cycle_number": 1, "source_system": "leadproof"}],
        "sqls": [{"person_id": ARRIVED, "cycle_number": 1, "source_system": "leadproof"}],
        "quarantine": [quarantined(row, "unknown_code", "touch_type") for row in (12, 7, 31, 44)],
        "row_reconciliation": [reconciled("touches", landed=13, accepted=9, quarantined=4)],
        "contacts": [
            {"person_id": PROSPECT, "email": "first@example.com", "full_name": "Somebody Private"},
            {"person_id": PROSPECT, "email": "o'second@example.com"},
            {"person_id": ARRIVED, "email": "info@example.com"},
            {"person_id": LEFT, "email": "info@example.com"},
        ],
    }


def quarantined(row: int, reason: str, column: str, table: str = "touches") -> dict[str, Any]:
    """An open row of ``quarantine``."""
    return {
        "quarantine_id": f"q{row}",
        "source_system": "leadproof",
        "source_table": table,
        "entity": table,
        "source_file": f"leadproof/{table}/first.csv",
        "source_row": row,
        "reason_code": reason,
        "reason_column": column,
        "first_seen_at": "2026-06-30",
        "status": "open",
    }


def reconciled(table: str, landed: int, accepted: int, quarantined: int = 0) -> dict[str, Any]:
    """A row of ``row_reconciliation`` of this build."""
    return {
        "build_id": BUILD,
        "source_system": "leadproof",
        "source_table": table,
        "entity": table,
        "landed_rows": landed,
        "accepted_rows": accepted,
        "superseded_rows": 0,
        "quarantined_rows": quarantined,
        "pending_rows": 0,
        "open_quarantined_rows": quarantined,
        "warning_values": 0,
        "files": 1,
        "latest_observed_at": "2026-06-30",
        "latest_row_at": "2026-06-29",
        "as_of": "2026-06-30",
    }


def result(**known: Any) -> dict[str, Any]:
    """One result of an audit record; it holds unless told otherwise."""
    return {
        "expectation": "ExpectTouchesClassified",
        "table_name": "touches",
        "source_system": "leadproof",
        "severity": "critical",
        "is_success": True,
        "evaluated_rows": 9,
        "failing_rows": 0,
        "observed_value": 0.0,
        "tolerance": 0.15,
        "baselined_until": None,
        "message": "Every touch is classified.",
        "failing_keys": [],
        **known,
    }


def make_candidate(settings: Settings, results: list[dict[str, Any]], verdict: str = "passed") -> Path:
    """Write the candidate of the world that lies in the build database, with an audit record."""
    claim_build_token(settings, BUILD)
    candidate = write_candidate(settings, build_id=BUILD, as_of=AS_OF.replace(tzinfo=UTC))
    path = candidate.folder / "audit.json"
    path.write_text(json.dumps(audit_of(candidate, results=results, verdict=verdict)), encoding="utf-8")
    seal_record(settings, path)
    return path


def make_release(settings: Settings, policy: Path = POLICY, **rows: list[dict[str, Any]]) -> Release:
    """Publish a world; by default the one of ``people_told``."""
    write_world(settings, **(rows or people_told()))
    make_candidate(settings, [result()])
    return publish_candidate(settings, NUMBER, policy_dir=policy)


def record_build(settings: Settings, **known: Any) -> BuildRecord:
    """Write a build's record."""
    values: dict[str, Any] = {
        "build_id": BUILD,
        "status": records.PUBLISHED,
        "as_of": AS_OF.replace(tzinfo=UTC).isoformat(),
        "started_at": moment_of(NUMBER).isoformat(),
        "source_systems": ["leadproof"],
        "phases": [Phase("load", 1.5, "ok"), Phase("candidate", 0.5, "ok")],
        **known,
    }
    record = BuildRecord(**values)
    records.write_record(settings, record)
    return record


def failure(phase: str, message: str, hint: str = "", details: list[str] | None = None) -> Failure:
    """Why a build stopped."""
    return Failure(phase, message, hint, details or [])
