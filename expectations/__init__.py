"""What is promised at the edge: suites, the engine that runs them inside DuckDB, the verdict.

Importing this package is cheap; Great Expectations is imported by ``run_audit``, or ahead of it by
``warm_up``. Knows neither Dagster nor how a release is made.
"""

from expectations.audit import AUDIT_FILE, record_error, run_audit, warm_up
from expectations.baseline import BaselineCandidate, audit_of, failing_shares
from expectations.docs import build_data_docs
from expectations.history import append_audit_history
from expectations.record import RESULT_COLUMNS, AuditRecord, AuditResult
from expectations.suites import NEGOTIABLE_AUDITS, PROMISES, Promise, suite_digest
from expectations.thresholds import Threshold, thresholds_digest

__all__ = [
    "AUDIT_FILE",
    "NEGOTIABLE_AUDITS",
    "PROMISES",
    "RESULT_COLUMNS",
    "AuditRecord",
    "AuditResult",
    "BaselineCandidate",
    "Promise",
    "Threshold",
    "append_audit_history",
    "audit_of",
    "build_data_docs",
    "failing_shares",
    "record_error",
    "run_audit",
    "suite_digest",
    "thresholds_digest",
    "warm_up",
]
