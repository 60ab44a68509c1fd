"""A build's outcome in one sentence with the next step, and its audit's results as people read them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration import records
from orchestration.records import BuildRecord
from orchestration.report.words import counted, day, minute, number, parsed
from orchestration.settings import Settings

if TYPE_CHECKING:
    from expectations import Promise

_HOURS_SHOWN = 240


@dataclass(frozen=True)
class Verdict:
    """How a build ended.

    Args:
        tone: ``good``, ``bad`` or ``note``.
        short: In a few words.
        sentence: In one sentence.
        next_step: What to do; empty if nothing.
    """

    tone: str
    short: str
    sentence: str
    next_step: str = ""


@dataclass(frozen=True)
class Issue:
    """One expectation's result, ready to be shown.

    Args:
        promise: What was promised.
        table: The mart it is about.
        system: The source system; ``all`` for all of them.
        is_success: Whether it holds.
        evaluated: Rows examined.
        failing: Rows that break it.
        observed: What was found: a share or an age.
        told: The audit's own sentence where it could measure nothing; else empty.
        counted: The rows behind a share; empty without one.
        tolerance: The most that still passes.
        until: Last day of the baseline that set the tolerance; empty without one.
        keys: Keys of failing rows.
    """

    promise: str
    table: str
    system: str
    is_success: bool
    evaluated: int
    failing: int
    observed: str
    told: str
    counted: str
    tolerance: str
    until: str
    keys: list[str]

    @property
    def has_more_keys(self) -> bool:
        """Whether more rows fail than keys are named."""
        return bool(self.keys) and self.failing > len(self.keys)


def page_path(settings: Settings, build_id: str) -> Path:
    """Return where a build's page lies."""
    return settings.quality / "builds" / build_id / "index.html"


def verdict_of(record: BuildRecord) -> Verdict:
    """Say how a build ended.

    Args:
        record: The build.

    Returns:
        The verdict.
    """
    name = f"Build {record.build_id}"
    if record.status == records.PUBLISHED:
        return Verdict(
            "good", "published", f"{name} passed its audit and is published as release {record.release_id}."
        )
    if record.status == records.CANDIDATE:
        return Verdict(
            "good",
            "candidate",
            f"{name} passed its audit; nothing is published, as asked for.",
            "Run leadproof build without --candidate to publish.",
        )
    if record.status == records.UNCHANGED:
        due = parsed(record.next_due_at)
        until = f" Without new files the next change falls due {minute(due)} UTC." if due else ""
        return Verdict(
            "good",
            "unchanged",
            f"{name} found nothing new since build {record.unchanged_since}: release {record.release_id}"
            f" stays current.{until}",
        )
    if record.status == records.BUILT:
        return Verdict("note", "models only", f"{name} rebuilt the models and went no further.")
    failure = record.failure
    if failure is None and record.status == records.RUNNING:
        return Verdict("note", "running", f"{name} has not ended.")
    if failure is None:
        return Verdict(
            "note",
            "ended early",
            f"{name} ended before its models were complete.",
            "Run leadproof build; nothing is loaded twice.",
        )
    if failure.phase == "audit" and record.audit:
        return Verdict(
            "bad",
            "blocked",
            f"{name} is blocked: {blocked_sentence(record)}",
            after_blocked(record, "in the quality report"),
        )
    short = "interrupted" if record.status == records.INTERRUPTED else f"failed in {failure.phase}"
    return Verdict(
        "bad",
        short,
        f"{name} stopped in the phase {failure.phase}: {failure.message}",
        failure.hint,
    )


def blocked_sentence(record: BuildRecord) -> str:
    """Say how many expectations do not hold.

    Args:
        record: A build whose audit failed.

    Returns:
        One sentence.
    """
    failed = len(record.audit["failed"])
    verb = "does not hold" if failed == 1 else "do not hold"
    examined = counted(record.audit["expectations"], "expectation")
    return f"{failed:,} of {examined} {verb}, so nothing is published."


def after_blocked(record: BuildRecord, place: str) -> str:
    """Say what to do about a failed audit; a baseline is offered only for what it can accept.

    Args:
        record: A build whose audit failed.
        place: Where the failing rows are named.

    Returns:
        One sentence.
    """
    failed = record.audit["failed"]
    accepted = sum(bool(each.get("is_negotiable", True)) for each in failed)
    repair = f"Repair the rows named {place}"
    if not accepted:
        return f"{repair} and build again; no baseline can accept them."
    if accepted == len(failed):
        return f"{repair} or, for a source that is new, see leadproof baseline --help."
    return (
        f"{repair}; for a source that is new, leadproof baseline can accept {accepted:,} of the"
        f" {len(failed):,} for a while, and not the others."
    )


def read_issues(settings: Settings, record: BuildRecord) -> list[Issue]:
    """Read the results of a build's audit.

    Args:
        settings: Where the warehouse lies.
        record: The build.

    Returns:
        The results, those that do not hold first; from the build's own summary if the audit record is gone.
    """
    from expectations import AUDIT_FILE, PROMISES
    from expectations.record import AuditRecord

    path = settings.candidates / record.build_id / AUDIT_FILE
    rows: list[dict[str, Any]]
    if path.is_file():
        audit = AuditRecord.from_json(path.read_text(encoding="utf-8")).to_dict()
        rows = list(audit["results"])
    else:
        rows = list(record.audit.get("failed", []))
    promises = {(promise.expectation, promise.table): promise for promise in PROMISES}
    issues = [_issue(row, promises.get((row["expectation"], row["table_name"]))) for row in rows]
    return sorted(issues, key=lambda issue: (issue.is_success, issue.promise, issue.system))


def _issue(row: dict[str, Any], promise: "Promise | None") -> Issue:
    is_age = promise is not None and promise.audit == "freshness"
    failing, evaluated = int(row["failing_rows"]), int(row["evaluated_rows"])
    is_success = bool(row.get("is_success", False))
    until = parsed(row.get("baselined_until"))
    is_share = not is_age and bool(evaluated) and (is_success or bool(failing))
    found = _measure(row.get("observed_value"), is_age)
    # Nothing was examined, or the counts prove nothing: the audit's own sentence says why.
    told = "" if is_age or is_share or is_success else str(row["message"])
    if not is_age and not is_share:
        found = "no rows" if is_success else "–"
    return Issue(
        promise=promise.sentence if promise else str(row["message"]),
        table=str(row["table_name"]),
        system="all" if row["source_system"] in (None, "*") else str(row["source_system"]),
        is_success=is_success,
        evaluated=evaluated,
        failing=failing,
        observed=found,
        told=told,
        counted=f"{failing:,} of {evaluated:,} rows" if is_share and failing else "",
        tolerance=_measure(row.get("tolerance"), is_age),
        until=day(until) if until else "",
        keys=[str(key) for key in row.get("failing_keys", [])],
    )


def _measure(value: float | None, is_age: bool) -> str:
    if value is None:
        return "–"
    if is_age:
        return f"{number(value)} hours" if value < _HOURS_SHOWN else f"{value / 24:,.0f} days"
    return f"{value:.2%}" if value else "none"
