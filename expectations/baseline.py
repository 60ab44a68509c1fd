"""What a baseline would have to tolerate: today's failing values of the negotiable thresholds."""

import math
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from expectations.record import AuditRecord, AuditResult
from expectations.suites import NEGOTIABLE_AUDITS, PROMISES

_AUDITS = {(promise.expectation, promise.table): promise.audit for promise in PROMISES}
_DECIMALS = 4
_SCALE = 10_000


@dataclass(frozen=True)
class BaselineCandidate:
    """A failing value that may be tolerated for a while.

    Args:
        audit: The audit's name in ``audit_thresholds``.
        source_system: The source system it failed for.
        observed_share: What was observed, rounded up: a share of rows (0-1), or hours for ``freshness``.
    """

    audit: str
    source_system: str
    observed_share: float


def failing_shares(record: AuditRecord, until: date | None = None) -> list[BaselineCandidate]:
    """List today's failing values of the negotiable thresholds.

    Args:
        record: An audit.
        until: Last day of the baseline. A source that brings nothing new grows older by a day each
            day, so with it ``freshness`` is what it will be at the end of that day.

    Returns:
        One candidate for each audit and source system that failed on its share. What could not be
        examined is no candidate: there is nothing to agree on.
    """
    candidates = [
        BaselineCandidate(audit, result.source_system, _tolerable(audit, result, record, until))
        for result in record.failing_results
        if (audit := audit_of(result)) in NEGOTIABLE_AUDITS
        and result.observed_value is not None
        and result.observed_value > result.tolerance
    ]
    return sorted(candidates, key=lambda each: (each.audit, each.source_system))


def audit_of(result: AuditResult) -> str:
    """The audit that a result belongs to.

    Args:
        result: A result of an audit.

    Returns:
        The audit's name; empty for a result that no promise of the present suite explains.
    """
    return _AUDITS.get((result.expectation, result.table_name), "")


def _tolerable(audit: str, result: AuditResult, record: AuditRecord, until: date | None) -> float:
    observed = result.observed_value or 0.0
    if audit == "freshness":
        if until is not None:
            end = datetime.combine(until + timedelta(days=1), time())
            observed += max((end - datetime.fromisoformat(record.as_of)).total_seconds() / 3600, 0.0)
        return _rounded_up(observed)
    return min(_rounded_up(observed), 1.0)


def _rounded_up(value: float) -> float:
    # The tolerance must not fall below the value: 0.25 stays 0.25 although 0.25 * 10000 may exceed 2500.
    rounded = round(value, _DECIMALS)
    if rounded >= value:
        return rounded
    return math.ceil(value * _SCALE) / _SCALE
