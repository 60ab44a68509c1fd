"""One audit: hash the candidate, plan, run the checkpoint, judge, and write the record before raising."""

import contextlib
import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from expectations import suites
from expectations.catalogue import read_catalogue
from expectations.record import AuditRecord, AuditResult
from expectations.suites import PlannedExpectation
from expectations.thresholds import ANY_SYSTEM, Threshold, thresholds_digest
from expectations.verdict import Finding, judge, verdict_of
from orchestration.digests import sha256_of, sha256_with_shared

AUDIT_FILE = "audit.json"
_LOG = logging.getLogger(__name__)


def run_audit(
    candidate_db: Path,
    build_id: str,
    as_of: datetime,
    thresholds: Sequence[Threshold],
    out_dir: Path,
    context_dir: Path | None = None,
    *,
    memory_limit: str | None = None,
    threads: int | None = None,
    shared_files: Sequence[Path] = (),
) -> AuditRecord:
    """Audit a candidate and write ``audit.json``.

    A failing audit is an answer, not an error: nothing is raised for it, nor for an expectation or
    an engine that breaks. Both are written down as failures.

    Args:
        candidate_db: The candidate's DuckDB file, closed by its writer.
        build_id: The build that wrote it.
        as_of: The build's clock; without a zone it is UTC.
        thresholds: The rows of ``audit_thresholds``.
        out_dir: Folder into which ``audit.json`` is written.
        context_dir: Folder of the file Data Context, for Data Docs; None keeps none.
        memory_limit: DuckDB's memory limit with its unit (``16GB``); None leaves DuckDB's default.
        threads: DuckDB threads; None leaves DuckDB's default.
        shared_files: Files that views of the candidate read; they are audited with it, each in a folder
            that is named after its table.

    Returns:
        The record, as written.
    """
    candidate_db = candidate_db.resolve()
    clock = as_of.astimezone(UTC).replace(tzinfo=None) if as_of.tzinfo else as_of
    out_dir.mkdir(parents=True, exist_ok=True)
    sha256 = ""
    try:
        before = _fingerprints(candidate_db, shared_files)
        sha256 = _sha256(candidate_db, shared_files)
        planned, results = _examine(
            candidate_db,
            build_id,
            clock,
            thresholds,
            out_dir,
            context_dir,
            memory_limit,
            threads,
            shared_files,
        )
        verdict = verdict_of(planned, results)
        if _fingerprints(candidate_db, shared_files) != before:
            results = (*results, _broken("the candidate changed while it was audited"))
            verdict = "failed"
    except Exception as error:
        _LOG.debug("The audit of build %s raised.", build_id, exc_info=True)
        return record_error(candidate_db, build_id, clock, thresholds, out_dir, error, sha256)
    record = AuditRecord(
        build_id=build_id,
        candidate_sha256=sha256,
        suite_digest=suites.suite_digest(),
        thresholds_digest=thresholds_digest(thresholds),
        as_of=clock.isoformat(),
        audited_at=_now(),
        verdict=verdict,
        results=results,
    )
    record.write(out_dir / AUDIT_FILE)
    return record


def record_error(
    candidate_db: Path,
    build_id: str,
    as_of: datetime,
    thresholds: Sequence[Threshold],
    out_dir: Path,
    error: BaseException,
    candidate_sha256: str = "",
) -> AuditRecord:
    """Write the failed record of an audit that raised.

    Args:
        candidate_db: The candidate's DuckDB file; it need not exist.
        build_id: The build that wrote it.
        as_of: The build's clock.
        thresholds: The rows of ``audit_thresholds``.
        out_dir: Folder into which ``audit.json`` is written.
        error: What was raised. Only its kind is written, because its text may quote a row.
        candidate_sha256: The candidate's hash, if it is known.

    Returns:
        The record, as written.
    """
    if not candidate_sha256:
        with contextlib.suppress(OSError):
            candidate_sha256 = sha256_of(candidate_db)
    record = AuditRecord(
        build_id=build_id,
        candidate_sha256=candidate_sha256,
        suite_digest=suites.suite_digest(),
        thresholds_digest=thresholds_digest(thresholds),
        as_of=as_of.isoformat(),
        audited_at=_now(),
        verdict="failed",
        results=(_broken(_kind(error)),),
    )
    record.write(out_dir / AUDIT_FILE)
    return record


def warm_up() -> None:
    """Import Great Expectations and the expectation classes, which takes seconds.

    May run in a thread while dbt builds; telemetry is switched off before the import.
    """
    _switch_telemetry_off()
    import expectations.context  # noqa: F401


def _examine(
    candidate_db: Path,
    build_id: str,
    as_of: datetime,
    thresholds: Sequence[Threshold],
    out_dir: Path,
    context_dir: Path | None,
    memory_limit: str | None,
    threads: int | None,
    shared_files: Sequence[Path],
) -> tuple[tuple[PlannedExpectation, ...], tuple[AuditResult, ...]]:
    if candidate_db.with_name(candidate_db.name + ".wal").exists():
        raise UnclosedCandidateError
    catalogue = read_catalogue(candidate_db, build_id, shared_files)
    planned = suites.plan(catalogue, build_id, as_of, thresholds)
    present = [each for each in planned if each.promise.table in catalogue.columns]
    with tempfile.TemporaryDirectory(dir=out_dir, prefix=".audit-") as scratch:
        findings = _run_checkpoint(
            build_id,
            context_dir or Path(scratch) / "context",
            candidate_db,
            present,
            memory_limit,
            threads,
            Path(scratch) / "spill",
            shared_files,
        )
    missing = {
        each.identity: Finding(error="the table is missing")
        for each in planned
        if each.promise.table not in catalogue.columns
    }
    found = {**findings, **missing}
    return planned, tuple(judge(each, found.get(each.identity)) for each in planned)


def _run_checkpoint(
    build_id: str,
    context_dir: Path,
    candidate_db: Path,
    planned: Sequence[PlannedExpectation],
    memory_limit: str | None,
    threads: int | None,
    spill_dir: Path,
    shared_files: Sequence[Path],
) -> dict[tuple[str, str, str], Finding]:
    if not planned:
        return {}
    _switch_telemetry_off()
    from expectations.context import close_context, run_checkpoint, write_context

    context, checkpoint = write_context(
        context_dir, candidate_db, planned, memory_limit, threads, spill_dir, shared_files
    )
    try:
        return dict(_findings(run_checkpoint(checkpoint, build_id)))
    finally:
        close_context(context)


def _findings(checkpoint_result: Any) -> Iterator[tuple[tuple[str, str, str], Finding]]:
    for suite_result in checkpoint_result.run_results.values():
        for result in suite_result.results:
            config = result.expectation_config
            identity = (
                "".join(part.capitalize() for part in config.type.split("_")),
                suite_result.suite_name,
                config.kwargs.get("source_system", ANY_SYSTEM),
            )
            yield identity, finding_of(result)


def finding_of(result: Any) -> Finding:
    """Read what Great Expectations reports for one expectation.

    Args:
        result: An ``ExpectationValidationResult``.

    Returns:
        The finding; an error's own text is left out unless the expectation itself found it harmless.
    """
    details = (result.result or {}).get("details") or {}
    error = details.get("error") or _raised(result.exception_info)
    if error is not None:
        return Finding(error=error)
    return Finding(
        is_success=result.success is True,
        evaluated_rows=int(details.get("evaluated_rows", 0)),
        failing_rows=int(details.get("failing_rows", 0)),
        scope_rows=int(details.get("scope_rows", 0)),
        observed_value=result.result.get("observed_value"),
        failing_keys=tuple(details.get("failing_keys", ())),
    )


def _raised(exception_info: Any) -> str | None:
    """What raised, without its text; Great Expectations nests the entry by metric when a metric raised."""
    if not exception_info:
        return None
    entries = [exception_info] if "raised_exception" in exception_info else list(exception_info.values())
    return "it raised an error" if any(entry["raised_exception"] for entry in entries) else None


def _broken(reason: str) -> AuditResult:
    return AuditResult(
        expectation="ExpectAuditToRun",
        table_name=ANY_SYSTEM,
        source_system=ANY_SYSTEM,
        severity="critical",
        is_success=False,
        evaluated_rows=0,
        failing_rows=0,
        observed_value=None,
        tolerance=0.0,
        baselined_until=None,
        message=f"The audit could not be completed: {reason}.",
    )


class UnclosedCandidateError(Exception):
    """The candidate has a write-ahead log, so its bytes are not all in the file."""


def _kind(error: BaseException) -> str:
    if isinstance(error, UnclosedCandidateError):
        return "the candidate was not closed by its writer (a .wal file lies beside it)"
    if isinstance(error, FileNotFoundError):
        return "the candidate or a file that it reads does not exist"
    return type(error).__name__


def _sha256(candidate_db: Path, shared_files: Sequence[Path]) -> str:
    shared = {f"{path.parent.name}/{path.name}": sha256_of(path) for path in shared_files}
    return sha256_with_shared(sha256_of(candidate_db), shared)


def _fingerprints(candidate_db: Path, shared_files: Sequence[Path]) -> list[tuple[int, int, int]]:
    found = [path.stat() for path in (candidate_db, *shared_files)]
    return [(stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in found]


def _now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")


def _switch_telemetry_off() -> None:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
