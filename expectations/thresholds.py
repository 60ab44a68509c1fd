"""Which tolerance is in force for an audit and a source system.

The rows come from ``seeds/audit_thresholds.csv``, read and checked elsewhere; this module only chooses.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

ANY_SYSTEM = "*"


class Threshold(Protocol):
    """A row of ``audit_thresholds``."""

    @property
    def audit(self) -> str:
        """The audit it belongs to."""

    @property
    def source_system(self) -> str:
        """The source system it belongs to; ``*`` for any."""

    @property
    def tolerance(self) -> float:
        """Largest share of failing rows (0-1) that passes; hours for freshness."""

    @property
    def until(self) -> date | datetime | None:
        """Last day on which it holds; None without an end."""


@dataclass(frozen=True)
class Tolerance:
    """The tolerance in force.

    Args:
        value: Largest observed value that passes.
        baselined_until: Last day (ISO) of the baseline that set it; None without one.
        is_declared: False when no row of ``audit_thresholds`` was in force, which leaves zero.
    """

    value: float
    baselined_until: str | None
    is_declared: bool


def tolerance_in_force(
    thresholds: Sequence[Threshold], audit: str, source_system: str, as_of: datetime
) -> Tolerance:
    """Choose the tolerance of an audit for a source system.

    The system's own rows come before ``*``; among the rows of one of them, a baseline that has not
    ended comes before a permanent row.

    Args:
        thresholds: The rows of ``audit_thresholds``.
        audit: The audit's name.
        source_system: The source system's name.
        as_of: The build's clock, UTC.

    Returns:
        The tolerance; zero and undeclared when no row is in force.
    """
    for system in (source_system, ANY_SYSTEM):
        rows = [
            row
            for row in thresholds
            if row.audit == audit and row.source_system == system and not _has_ended(row, as_of)
        ]
        if rows:
            row = min(rows, key=lambda each: (each.until is None, each.tolerance))
            until = _last_day(row)
            return Tolerance(float(row.tolerance), until.isoformat() if until else None, True)
    return Tolerance(0.0, None, False)


def thresholds_digest(thresholds: Sequence[Threshold]) -> str:
    """The digest of the thresholds, independent of their order.

    Args:
        thresholds: The rows of ``audit_thresholds``.

    Returns:
        A sha256 in hex.
    """
    rows = sorted(
        [row.audit, row.source_system, repr(float(row.tolerance)), str(_last_day(row))] for row in thresholds
    )
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _last_day(row: Threshold) -> date | None:
    return row.until.date() if isinstance(row.until, datetime) else row.until


def _has_ended(row: Threshold, as_of: datetime) -> bool:
    last_day = _last_day(row)
    return last_day is not None and as_of.date() > last_day
