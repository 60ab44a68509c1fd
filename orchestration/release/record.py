"""The audit record, and the check that publication makes of it whatever route led there.

The record is a JSON file; how audits run is decided in ``expectations/``.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration.errors import LeadproofError
from orchestration.release.candidate import Candidate
from orchestration.release.files import explained, utc
from orchestration.release.seals import is_sealed
from orchestration.settings import Settings

# Any other severity blocks, so that a new one cannot slip through unknown.
_NOT_BLOCKING = {"warning", "info"}
_AGAIN = "Run leadproof build again; the release that readers see is unchanged."


@dataclass(frozen=True)
class AuditResult:
    """One expectation's outcome.

    Args:
        expectation: What was expected.
        table_name: Table it is about.
        source_system: Source system it was measured for; ``None`` for all together.
        severity: ``warning`` and ``info`` do not block, everything else does.
        is_success: Whether it held.
        evaluated_rows: Rows it looked at.
        failing_rows: Rows that fail it.
        observed_value: What was measured.
        tolerance: What would still have passed.
        baselined_until: ISO date until which today's failure is tolerated.
        message: One sentence for people.
        failing_keys: Some keys of failing rows, never values.
    """

    expectation: str
    table_name: str | None
    source_system: str | None
    severity: str
    is_success: bool
    evaluated_rows: int
    failing_rows: int | None
    observed_value: float | None
    tolerance: float | None
    baselined_until: str | None
    message: str | None
    failing_keys: tuple[str, ...]

    @property
    def is_blocking(self) -> bool:
        """Whether its failure stops publication."""
        return self.severity not in _NOT_BLOCKING


@dataclass(frozen=True)
class AuditRecord:
    """What an audit said about one candidate.

    Args:
        build_id: Build whose candidate was audited.
        candidate_sha256: Hex digest of the bytes that were audited.
        suite_digest: Digest of the suite that ran.
        thresholds_digest: Digest of the tolerances that were in force.
        as_of: The clock it judged freshness by (UTC).
        audited_at: When it ran (UTC).
        verdict: ``passed`` or ``failed``.
        results: One per expectation, table and source system.
    """

    build_id: str
    candidate_sha256: str
    suite_digest: str
    thresholds_digest: str
    as_of: datetime
    audited_at: datetime
    verdict: str
    results: tuple[AuditResult, ...]


def read_audit_record(settings: Settings, path: Path) -> AuditRecord:
    """Read an audit record.

    Args:
        settings: Where the key of its seal lies.
        path: The ``audit.json``.

    Returns:
        The record.

    Raises:
        LeadproofError: If it is absent, is not a whole record, or not the one that an audit has written.
    """
    with explained("Reading the audit record", path):
        if not path.is_file():
            raise LeadproofError(f"There is no audit record at {path}.", "Audit the candidate first.")
        written = path.read_bytes()
        if not is_sealed(settings, path, written):
            raise LeadproofError(f"The audit record at {path} is not what an audit wrote there.", _AGAIN)
    try:
        content = json.loads(written)
        return AuditRecord(
            build_id=_text(content, "build_id"),
            candidate_sha256=_text(content, "candidate_sha256"),
            suite_digest=_text(content, "suite_digest"),
            thresholds_digest=_text(content, "thresholds_digest"),
            as_of=utc(datetime.fromisoformat(_text(content, "as_of"))),
            audited_at=utc(datetime.fromisoformat(_text(content, "audited_at"))),
            verdict=_text(content, "verdict"),
            results=tuple(_result(entry) for entry in content["results"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LeadproofError(f"The audit record at {path} is not whole.", _AGAIN) from error


def check_audit_record(
    record: AuditRecord,
    candidate: Candidate,
    *,
    expected_suite_digest: str,
    expected_thresholds_digest: str | None = None,
    expected_promises: Collection[tuple[str, str]] = (),
) -> None:
    """Refuse a record that does not allow this candidate to be published.

    Args:
        record: The record that the publication relies on.
        candidate: What is to be published.
        expected_suite_digest: Digest of the suite as it is now.
        expected_thresholds_digest: Digest of the tolerances as they are now; ``None`` leaves them unchecked.
        expected_promises: Expectation and table of everything that the suite promises; each needs a result.

    Raises:
        LeadproofError: With the first reason found.
    """
    reason = _refusal(record, candidate, expected_suite_digest, expected_thresholds_digest)
    reason = reason or _unasked(record, expected_promises)
    if reason:
        raise LeadproofError(f"Build {candidate.build_id} is not published: {reason}.", _AGAIN)


def _refusal(
    record: AuditRecord, candidate: Candidate, suite_digest: str, thresholds_digest: str | None
) -> str | None:
    if record.build_id != candidate.build_id:
        return f"the audit record belongs to build {record.build_id}"
    if record.candidate_sha256 != candidate.sha256:
        return "the audit record belongs to other bytes than the candidate's"
    if record.as_of != candidate.as_of:
        return "the audit was made for another as-of than the candidate's"
    if record.suite_digest != suite_digest:
        return "the audit ran another suite of expectations than the present one"
    if thresholds_digest is not None and record.thresholds_digest != thresholds_digest:
        return "the audit used other tolerances than the present ones"
    if not record.results:
        return "the audit record holds no result"
    if record.verdict != "passed":
        return "the audit did not pass"
    failed = [result for result in record.results if result.is_blocking and not result.is_success]
    if failed:
        return f"the blocking expectation {failed[0].expectation} failed although the verdict says passed"
    if not any(result.is_blocking for result in record.results):
        return "the audit record holds no blocking expectation"
    if all(result.evaluated_rows == 0 for result in record.results):
        return "the audit looked at no row"
    return None


def _unasked(record: AuditRecord, promises: Collection[tuple[str, str]]) -> str | None:
    answered = {(result.expectation, result.table_name) for result in record.results}
    missing = sorted(promise for promise in promises if promise not in answered)
    return f"the audit says nothing of {missing[0][0]} in {missing[0][1]}" if missing else None


def _result(entry: Mapping[str, Any]) -> AuditResult:
    is_success = entry["is_success"]
    if not isinstance(is_success, bool):
        raise TypeError("is_success is neither true nor false")
    return AuditResult(
        expectation=_text(entry, "expectation"),
        table_name=entry.get("table_name"),
        source_system=entry.get("source_system"),
        severity=_text(entry, "severity"),
        is_success=is_success,
        evaluated_rows=int(entry["evaluated_rows"] or 0),
        failing_rows=entry.get("failing_rows"),
        observed_value=entry.get("observed_value"),
        tolerance=entry.get("tolerance"),
        baselined_until=entry.get("baselined_until"),
        message=entry.get("message"),
        failing_keys=tuple(str(key) for key in entry.get("failing_keys") or ()),
    )


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value
