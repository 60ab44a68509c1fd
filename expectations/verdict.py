"""The one place that decides whether an expectation holds and whether a candidate may be published.

Great Expectations' own ``success`` is necessary, never sufficient: an expectation that raised, that is
missing from the results, or that looked past rows counts as a failure here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from expectations.record import MAX_FAILING_KEYS, AuditResult, Verdict, counts_in_words, safe_key
from expectations.suites import NEGOTIABLE_AUDITS, PlannedExpectation


@dataclass(frozen=True)
class Finding:
    """What the engine reported for one expectation.

    Args:
        is_success: Great Expectations' own verdict.
        evaluated_rows: Rows examined.
        failing_rows: Rows that break the promise.
        scope_rows: Rows there were to examine, counted in another way.
        observed_value: What is compared with the tolerance.
        failing_keys: Keys of failing rows.
        error: What was raised, free of personal data; None when nothing was.
    """

    is_success: bool = False
    evaluated_rows: int = 0
    failing_rows: int = 0
    scope_rows: int = 0
    observed_value: float | None = None
    failing_keys: tuple[str, ...] = ()
    error: str | None = None


def judge(planned: PlannedExpectation, finding: Finding | None) -> AuditResult:
    """Decide whether one expectation holds.

    Args:
        planned: What was planned.
        finding: What the engine reported; None when it reported nothing.

    Returns:
        The result with its sentence.
    """
    found = finding or Finding(error="it reported no result")
    is_success, message = _judge(planned, found)
    return AuditResult(
        expectation=planned.promise.expectation,
        table_name=planned.promise.table,
        source_system=planned.source_system,
        severity="critical",
        is_success=is_success,
        evaluated_rows=found.evaluated_rows,
        failing_rows=found.failing_rows,
        observed_value=_finite(found.observed_value),
        tolerance=planned.tolerance.value,
        baselined_until=planned.tolerance.baselined_until,
        message=message,
        failing_keys=tuple(safe_key(key) for key in found.failing_keys[:MAX_FAILING_KEYS]),
    )


def verdict_of(planned: Sequence[PlannedExpectation], results: Sequence[AuditResult]) -> Verdict:
    """Decide whether a candidate may be published.

    Args:
        planned: Every expectation that had to be examined.
        results: What came of them.

    Returns:
        ``passed`` only if there is a result for each planned expectation and no other, every critical
        one holds, and some row was examined at all.
    """
    wanted = sorted(each.identity for each in planned)
    got = sorted((each.expectation, each.table_name, each.source_system) for each in results)
    complete = bool(wanted) and wanted == got
    holds = all(result.is_success for result in results if result.severity == "critical")
    examined = any(result.evaluated_rows > 0 for result in results)
    return "passed" if complete and holds and examined else "failed"


def _judge(planned: PlannedExpectation, found: Finding) -> tuple[bool, str]:
    sentence = planned.promise.sentence
    if found.error is not None:
        return False, f"Could not be examined ({found.error}): {sentence}"
    if found.evaluated_rows != found.scope_rows:
        counts = f"{found.evaluated_rows:,} of {found.scope_rows:,} rows"
        return False, f"Examined {counts}, so nothing is proved: {sentence}"
    observed = found.observed_value
    if observed is None or math.isnan(observed):
        return False, f"Nothing was observed, so nothing is proved: {sentence}"
    within = observed <= planned.tolerance.value
    if planned.promise.audit not in NEGOTIABLE_AUDITS:
        within = within and found.failing_rows == 0
    if within != found.is_success:
        return False, f"The engine and the counts disagree: {sentence}"
    return within, f"{_count(planned, found)} {sentence}"


def _count(planned: PlannedExpectation, found: Finding) -> str:
    tolerance = planned.tolerance
    if planned.promise.audit == "freshness":
        if not found.evaluated_rows:
            return "No rows to date:"
        observed = found.observed_value if found.observed_value is not None else math.inf
        age = f"{observed:,.1f} hours" if math.isfinite(observed) else "of unknown age"
        text = f"Newest row {age}, allowed {tolerance.value:,.1f} hours"
    else:
        text = counts_in_words(found.evaluated_rows, found.failing_rows)
        if planned.promise.audit in NEGOTIABLE_AUDITS and found.evaluated_rows:
            text += f" ({found.failing_rows / found.evaluated_rows:.2%}, allowed {tolerance.value:.2%})"
    if tolerance.baselined_until:
        text += f", baselined until {tolerance.baselined_until}"
    if not tolerance.is_declared:
        text += f", no tolerance for {planned.promise.audit} is in force"
    return text + ":"


def _finite(value: float | None) -> float | None:
    # JSON has no infinity; an age that cannot be told is left out and stands in the message.
    return value if value is not None and math.isfinite(value) else None
