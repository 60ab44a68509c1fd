"""The policy tables in ``seeds/``: read, checked, compared with what a release has used.

What the tables mean is decided in ``models/``; nothing here imports Dagster, dbt or Great Expectations, and
importing it costs no more than the standard library.
"""

from orchestration.policy.lock import (
    LockBreach,
    ReleasedPolicy,
    check_lock,
    deleted_rows,
    policy_digest,
    require_nameless,
    require_unlocked,
)
from orchestration.policy.reading import Policy, Row, read_policy
from orchestration.policy.thresholds import Threshold, add_baseline_rows, thresholds
from orchestration.policy.validity import PolicyProblem, check_policy, require_valid

__all__ = [
    "LockBreach",
    "Policy",
    "PolicyProblem",
    "ReleasedPolicy",
    "Row",
    "Threshold",
    "add_baseline_rows",
    "check_lock",
    "check_policy",
    "deleted_rows",
    "policy_digest",
    "read_policy",
    "require_nameless",
    "require_unlocked",
    "require_valid",
    "thresholds",
]
