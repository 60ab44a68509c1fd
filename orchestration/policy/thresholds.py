"""The tolerances of the audits: which rows are in force, and the baselines that are written for a while.

What an audit counts stands in ``expectations/``.
"""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from orchestration.errors import LeadproofError
from orchestration.policy import values
from orchestration.policy.reading import FOLDER, Policy, Row, read_policy
from orchestration.policy.schema import ANY, NEGOTIABLE_AUDITS, TABLES

_TABLE = "audit_thresholds"


@dataclass(frozen=True)
class Threshold:
    """A row of ``audit_thresholds``.

    Args:
        audit: The audit it belongs to.
        source_system: The source system it belongs to; ``*`` for any without a row of its own.
        tolerance: Largest share (0-1) of failing rows that passes; hours for ``freshness``.
        set_on: Day on which it was set.
        reason: Why this much is tolerable.
        until: Last day of a baseline; None for a standing row.
    """

    audit: str
    source_system: str
    tolerance: float
    set_on: date
    reason: str
    until: date | None = None


def thresholds(policy: Policy, today: date) -> list[Threshold]:
    """The rows in force on a day, one for each audit and source system that has any.

    A baseline goes before the standing row until its last day has passed. The row of a system goes before
    the row for ``*``; choosing between the two is left to who knows the system.

    Args:
        policy: Valid policy tables.
        today: The day (UTC).

    Returns:
        The rows, by audit and source system.
    """
    in_force: dict[tuple[str, str], Threshold] = {}
    for row in policy.rows(_TABLE):
        threshold = _threshold(row)
        if threshold.until is not None and threshold.until < today:
            continue
        place = (threshold.audit, threshold.source_system)
        if place not in in_force or threshold.until is not None:
            in_force[place] = threshold
    return [in_force[place] for place in sorted(in_force)]


def add_baseline_rows(root: Path, rows: Sequence[Threshold]) -> None:
    """Write baselines into ``seeds/audit_thresholds.csv``, in place of older ones of their audit and system.

    The file is replaced in one step, and every other line stays as it is, byte for byte.

    Args:
        root: The project's root folder.
        rows: The baselines, each with an ``until``.

    Raises:
        LeadproofError: If a baseline is not allowed, or the file cannot be read or written.
    """
    for row in rows:
        _require_allowed(row)
    policy = read_policy(root)
    if _TABLE in policy.unread_tables:
        told = " ".join(str(each) for each in policy.unreadable if each.file == f"{FOLDER}/{_TABLE}.csv")
        raise LeadproofError(f"The baseline cannot be written. {told}", "Repair the file first.")
    systems = policy.source_systems
    for row in rows:
        if systems is not None and row.source_system not in (ANY, *systems):
            raise LeadproofError(
                f"There is no source system '{row.source_system}'.",
                f"It is one of {', '.join(sorted(systems))}, or * for any.",
            )
    written = {(row.audit, row.source_system): row for row in rows}
    replaced = {
        row.line
        for row in policy.rows(_TABLE)
        if row["until"] and (row["audit"], row["source_system"]) in written
    }
    path = root / FOLDER / f"{_TABLE}.csv"
    lines = path.read_bytes().splitlines(keepends=True)
    ending = b"\r\n" if lines[0].endswith(b"\r\n") else b"\n"
    kept = [line for number, line in enumerate(lines, start=1) if number not in replaced]
    if not kept[-1].endswith(b"\n"):
        kept[-1] += ending
    added = [_line(row).encode() + ending for row in written.values()]
    _replace(path, b"".join([*kept, *added]))


def _threshold(row: Row) -> Threshold:
    set_on = values.day(row["set_on"])
    tolerance = values.number(row["tolerance"])
    if set_on is None or tolerance is None:
        raise LeadproofError(
            f"{FOLDER}/{_TABLE}.csv, row {row.line}: tolerance or set_on cannot be read.",
            "Check the policy tables before the audit.",
        )
    return Threshold(
        row["audit"], row["source_system"], tolerance, set_on, row["reason"], values.day(row["until"])
    )


def _require_allowed(row: Threshold) -> None:
    if row.audit not in NEGOTIABLE_AUDITS:
        raise LeadproofError(
            f"The audit {row.audit} is not negotiable and cannot be baselined.",
            "Repair the rows that fail it.",
        )
    if row.until is None or row.until < row.set_on:
        raise LeadproofError("A baseline needs a last day that is not over.", "Give --until <date> to come.")
    if row.tolerance < 0 or (row.audit != "freshness" and row.tolerance > 1):
        raise LeadproofError(f"The tolerance {row.tolerance:g} of {row.audit} is no share from 0 to 1.")
    if not row.reason.strip() or any(sign in row.reason for sign in "\r\n\x00"):
        raise LeadproofError("A baseline needs a reason in one line.", "Give --reason '<text>'.")


def _line(row: Threshold) -> str:
    """The CSV line of a baseline, without its end."""
    scope = "any source system" if row.source_system == ANY else row.source_system
    cells = {
        "audit": row.audit,
        "source_system": row.source_system,
        "tolerance": f"{row.tolerance:.10f}".rstrip("0").rstrip("."),
        "set_on": row.set_on.isoformat(),
        "reason": row.reason.strip(),
        "until": row.until.isoformat() if row.until else "",
        "comment": f"Baseline of {row.audit} for {scope}; the standing row is back in force afterwards.",
    }
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow([cells[name] for name in TABLES[_TABLE].header])
    return buffer.getvalue()


def _replace(path: Path, content: bytes) -> None:
    """Replace a file in one step. The temporary name does not end in ``.csv``, or dbt would load it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise LeadproofError(
            f"{FOLDER}/{path.name} cannot be written: {error.strerror}.",
            "Check its permissions and the space left on the disk.",
        ) from error
