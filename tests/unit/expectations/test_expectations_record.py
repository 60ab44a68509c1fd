"""The audit record, its history and the baselines read from it."""

from dataclasses import replace
from datetime import date

import duckdb
import pytest

from expectations import AuditRecord, AuditResult, append_audit_history, failing_shares
from expectations.baseline import BaselineCandidate
from expectations.record import RESULT_COLUMNS
from orchestration.errors import LeadproofError
from orchestration.release import read_audit_record, seal_record
from orchestration.release.history import AUDIT_RESULTS_COLUMNS
from tests.fixtures.release_world import make_settings

_RESULT = AuditResult(
    expectation="ExpectUnclassifiedShare",
    table_name="touches",
    source_system="zoho",
    severity="critical",
    is_success=False,
    evaluated_rows=3,
    failing_rows=1,
    observed_value=1 / 3,
    tolerance=0.15,
    baselined_until="2026-06-30",
    message="1 of 3 rows fail.",
    failing_keys=("zoho:t1", "zoho:t2"),
)


def _record(*results: AuditResult, **more) -> AuditRecord:
    fields = {
        "build_id": "b20260301T060000abc123",
        "candidate_sha256": "ab" * 32,
        "suite_digest": "cd" * 32,
        "thresholds_digest": "ef" * 32,
        "as_of": "2026-03-01T06:00:00",
        "audited_at": "2026-03-01T06:01:02.345",
        "verdict": "failed",
        "results": results,
    }
    return AuditRecord(**{**fields, **more})


def test_record_survives_json_and_is_readable_by_publication(tmp_path):
    record = _record(_RESULT)

    assert AuditRecord.from_json(record.to_json()) == record
    path = record.write(tmp_path / "audit.json")
    assert AuditRecord.from_json(path.read_text()) == record
    assert [file.name for file in tmp_path.iterdir()] == ["audit.json"]
    settings = make_settings(tmp_path)
    seal_record(settings, path)
    assert read_audit_record(settings, path).results[0].failing_keys == _RESULT.failing_keys


@pytest.mark.parametrize("text", ["{}", "[]", "", '{"verdict": "passed"}'])
def test_half_a_record_is_refused(text):
    with pytest.raises((KeyError, ValueError, TypeError)):
        AuditRecord.from_json(text)


def test_an_unknown_verdict_is_refused():
    with pytest.raises(ValueError, match="verdict"):
        AuditRecord.from_dict({**_record(_RESULT).to_dict(), "verdict": "probably"})


def test_history_has_the_columns_that_publication_publishes():
    assert [name for name, _ in RESULT_COLUMNS] == [column.name for column in AUDIT_RESULTS_COLUMNS]
    assert [kind.lower() for _, kind in RESULT_COLUMNS] == [
        column.data_type for column in AUDIT_RESULTS_COLUMNS
    ]


def test_history_is_appended_and_never_overwritten(tmp_path):
    record = _record(_RESULT)

    first = append_audit_history(tmp_path, record)
    bytes_before = first.read_bytes()
    again = append_audit_history(tmp_path, record)
    second = append_audit_history(tmp_path, replace(record, audited_at="2026-03-01T07:00:00.000"))

    assert first.name == "b20260301T060000abc123.parquet"
    assert again == first
    assert second.name == "b20260301T060000abc123_2.parquet"
    assert first.read_bytes() == bytes_before
    assert sorted(path.name for path in first.parent.iterdir()) == [first.name, second.name]
    rows = duckdb.sql(
        f"select expectation, audited_at::varchar, baselined_until::varchar, failing_keys, observed_value"
        f" from '{first}'"
    ).fetchall()
    assert rows == [
        ("ExpectUnclassifiedShare", "2026-03-01 06:01:02.345", "2026-06-30", "zoho:t1|zoho:t2", 1 / 3)
    ]


def test_history_that_cannot_be_written_says_so_in_one_sentence(tmp_path):
    (tmp_path / "audit_results").write_text("in the way")

    with pytest.raises(LeadproofError, match="could not be added"):
        append_audit_history(tmp_path, _record(_RESULT))


def test_baseline_rounds_up_at_four_decimals():
    (candidate,) = failing_shares(_record(_RESULT))

    assert candidate == BaselineCandidate("unclassified_touches", "zoho", 0.3334)


@pytest.mark.parametrize(("observed", "rounded"), [(0.25, 0.25), (0.30001, 0.3001), (1.0, 1.0), (0.3, 0.3)])
def test_baseline_never_falls_below_what_was_observed(observed, rounded):
    (candidate,) = failing_shares(_record(replace(_RESULT, observed_value=observed)))

    assert candidate.observed_share == rounded
    assert candidate.observed_share >= observed


def test_baseline_of_freshness_holds_until_its_last_day():
    stale = replace(
        _RESULT,
        expectation="ExpectFreshness",
        table_name="row_reconciliation",
        observed_value=100.0,
        tolerance=72.0,
    )

    today = failing_shares(_record(stale))
    until = failing_shares(_record(stale), date(2026, 3, 2))

    assert [each.observed_share for each in today] == [100.0]
    assert [each.observed_share for each in until] == [100.0 + 18 + 24]


@pytest.mark.parametrize(
    "change",
    [
        {"is_success": True},
        {"expectation": "ExpectConservation", "table_name": "row_reconciliation"},
        {"expectation": "ExpectContextComplete", "table_name": "mqls"},
        {"observed_value": None},
        {"observed_value": 0.0},
    ],
    ids=["it holds", "no threshold", "not negotiable", "not examined", "failed for another reason"],
)
def test_baseline_lists_nothing_that_cannot_be_agreed_on(change):
    assert failing_shares(_record(replace(_RESULT, **change))) == []
