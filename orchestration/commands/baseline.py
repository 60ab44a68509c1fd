"""``leadproof baseline``: accept today's failing values of the negotiable audits until a date.

Which audits are negotiable, and how a row of ``audit_thresholds`` is written, belongs to ``policy/``.
"""

import argparse
from collections.abc import Sequence
from datetime import UTC, date, datetime

from rich.table import Table

from expectations import AUDIT_FILE, AuditRecord, audit_of, failing_shares
from orchestration import records
from orchestration.commands.console import out
from orchestration.environment import load_env_file
from orchestration.errors import LeadproofError
from orchestration.policy import Threshold, add_baseline_rows, read_policy, thresholds
from orchestration.release.files import explained
from orchestration.settings import PROJECT_ROOT, Settings, load_settings


def run(options: argparse.Namespace) -> int:
    """Write the baseline rows and say what they are.

    Args:
        options: ``system``, ``until``, ``reason``.

    Returns:
        0.
    """
    load_env_file()
    settings = load_settings()
    today = datetime.now(UTC).date()
    if options.system not in settings.source_systems:
        raise LeadproofError(
            f"'{options.system}' is no source system that is on.",
            f"On are: {', '.join(settings.source_systems)}.",
        )
    record = last_audit(settings)
    rows = [
        Threshold(
            share.audit, share.source_system, share.observed_share, today, options.reason, options.until
        )
        for share in failing_shares(record, options.until)
        if share.source_system == options.system
    ]
    if not rows and record.passed:
        raise LeadproofError(
            f"The audit of build {record.build_id} passed, so there is nothing to baseline.",
            "Run leadproof build; a baseline is for what it finds failing.",
        )
    if not rows:
        raise LeadproofError(
            f"No negotiable audit of {options.system} failed in build {record.build_id}.",
            "Run leadproof status to see what did.",
        )
    add_baseline_rows(PROJECT_ROOT, rows)
    _tell(record, rows, options.system, _baselined(record, today))
    return 0


def _baselined(record: AuditRecord, today: date) -> set[tuple[str, str]]:
    """List (audit, source system) whose failing value is tolerated by now, by these rows or earlier ones."""
    tolerated = {(row.audit, row.source_system): row for row in thresholds(read_policy(PROJECT_ROOT), today)}
    return {
        (share.audit, share.source_system)
        for share in failing_shares(record)
        if (row := tolerated.get((share.audit, share.source_system))) is not None
        and share.observed_share <= row.tolerance
    }


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
            with explained("Reading the last audit", path):
                return AuditRecord.from_json(path.read_text(encoding="utf-8"))
    raise LeadproofError(
        "No audit that failed is on record, so there is nothing to baseline.", "Run leadproof build first."
    )


def _tell(
    record: AuditRecord, rows: Sequence[Threshold], system: str, baselined: set[tuple[str, str]]
) -> None:
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
    for result in record.failing_results:
        if (audit_of(result), result.source_system) not in baselined:
            scope = "" if result.source_system == "*" else f"{result.source_system}: "
            out.print(f"Still failing: {result.table_name} · {scope}{result.message}", markup=False)
