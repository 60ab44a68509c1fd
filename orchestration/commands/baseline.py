"""``leadproof baseline``: accept today's failing values of the negotiable audits until a date.

Which audits are negotiable, and how a row of ``audit_thresholds`` is written, belongs to ``policy/``.
"""

import argparse
import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from rich.table import Table

from expectations import AUDIT_FILE, NEGOTIABLE_AUDITS, PROMISES
from orchestration import records
from orchestration.commands.console import out
from orchestration.environment import load_env_file
from orchestration.errors import LeadproofError
from orchestration.moments import parse_day
from orchestration.policy import Threshold, add_baseline_rows
from orchestration.release import AuditRecord, AuditResult, read_audit_record
from orchestration.settings import PROJECT_ROOT, Settings, load_settings

_AUDITS = {(promise.expectation, promise.table): promise.audit for promise in PROMISES}
# Rounded up at this digit, so that the value that was observed passes.
_DIGITS = 1_000_000


def run(options: argparse.Namespace) -> int:
    """Write the baseline rows and say what they are.

    Args:
        options: ``system``, ``until``, ``reason``.

    Returns:
        0.
    """
    load_env_file()
    settings = load_settings()
    until = parse_day(options.until)
    today = datetime.now(UTC).date()
    if until <= today:
        raise LeadproofError(
            f"{until} is not in the future.", "Give the last day on which the baseline holds."
        )
    if options.system not in settings.source_systems:
        raise LeadproofError(
            f"'{options.system}' is no source system that is on.",
            f"On are: {', '.join(settings.source_systems)}.",
        )
    record = last_audit(settings)
    rows = baseline_rows(record, options.system, until, options.reason, today)
    if not rows:
        raise LeadproofError(
            f"No negotiable audit of {options.system} failed in build {record.build_id}.",
            "Run leadproof status to see what did.",
        )
    add_baseline_rows(PROJECT_ROOT, rows)
    _tell(record, rows, options.system)
    return 0


def last_audit(settings: Settings) -> AuditRecord:
    """Read the audit of the last build that was audited.

    Args:
        settings: Where candidates lie.

    Returns:
        The record.

    Raises:
        LeadproofError: If no audit is on record.
    """
    for build_id in records.build_ids(settings):
        path = settings.candidates / build_id / AUDIT_FILE
        if path.is_file():
            return read_audit_record(path)
    raise LeadproofError(
        "No audit that failed is on record, so there is nothing to baseline.", "Run leadproof build first."
    )


def baseline_rows(record: AuditRecord, system: str, until: date, reason: str, today: date) -> list[Threshold]:
    """Turn the failing values of a system into rows of ``audit_thresholds``.

    Args:
        record: The audit.
        system: The source system.
        until: Last day on which the rows hold.
        reason: Why this is acceptable for now.
        today: The day on which they are set.

    Returns:
        One row for each negotiable audit that failed. Data that is stale today is staler tomorrow, so
        freshness is given the time until the last day has passed on top of today's value.
    """
    worst: dict[str, float] = {}
    for result in record.results:
        audit = _audit_of(result)
        if result.is_success or result.source_system != system or audit not in NEGOTIABLE_AUDITS:
            continue
        value = float(result.observed_value or 0.0)
        if audit == "freshness":
            last_moment = datetime.combine(until, time.min, UTC) + timedelta(days=1)
            value += (last_moment - record.as_of).total_seconds() / 3600
        worst[audit] = max(worst.get(audit, 0.0), math.ceil(value * _DIGITS) / _DIGITS)
    return [
        Threshold(audit, system, value if audit == "freshness" else min(value, 1.0), today, reason, until)
        for audit, value in sorted(worst.items())
    ]


def _audit_of(result: AuditResult) -> str | None:
    return _AUDITS.get((result.expectation, str(result.table_name)))


def _tell(record: AuditRecord, rows: Sequence[Threshold], system: str) -> None:
    table = Table(
        title=f"Baselined for {system}, from build {record.build_id}", title_justify="left", box=None
    )
    for name in ("audit", "tolerated", "until"):
        table.add_column(name)
    for row in rows:
        shown = f"{row.tolerance:,.1f} hours" if row.audit == "freshness" else f"{row.tolerance:.2%} of rows"
        table.add_row(row.audit, shown, str(row.until))
    out.print(table)
    out.print("Written to seeds/audit_thresholds.csv; commit it, then run leadproof build.")
    baselined = {row.audit for row in rows}
    firm = [
        result
        for result in record.results
        if not result.is_success and not (result.source_system == system and _audit_of(result) in baselined)
    ]
    for result in firm:
        scope = "" if result.source_system in (None, "*") else f"{result.source_system}: "
        out.print(f"Still failing: {result.table_name} · {scope}{result.message}", markup=False)
