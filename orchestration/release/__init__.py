"""Write a candidate, check its audit record, publish it, roll back, give readers access.

What the tables mean, how they are audited and when a build runs is decided elsewhere; nothing here imports
Dagster or Great Expectations, so a release can be made, listed and rolled back with this package alone.
"""

from orchestration.release.candidate import Candidate, read_candidate, write_candidate
from orchestration.release.history import AUDIT_RESULTS_COLUMNS, RELEASES_COLUMNS, Column
from orchestration.release.locks import (
    LockHolder,
    build_lock,
    check_build_token,
    claim_build_token,
    notification_lock,
    running_build,
)
from orchestration.release.publication import StagedRelease, publish
from orchestration.release.readers import open_release
from orchestration.release.record import AuditRecord, AuditResult, read_audit_record
from orchestration.release.retention import apply_retention
from orchestration.release.seals import seal_record
from orchestration.release.store import (
    Release,
    current_release,
    damaged_file,
    list_releases,
    newest_whole,
    released_policy,
    rollback,
)

__all__ = [
    "AUDIT_RESULTS_COLUMNS",
    "RELEASES_COLUMNS",
    "AuditRecord",
    "AuditResult",
    "Candidate",
    "Column",
    "LockHolder",
    "Release",
    "StagedRelease",
    "apply_retention",
    "build_lock",
    "check_build_token",
    "claim_build_token",
    "current_release",
    "damaged_file",
    "list_releases",
    "newest_whole",
    "notification_lock",
    "open_release",
    "publish",
    "read_audit_record",
    "read_candidate",
    "released_policy",
    "rollback",
    "running_build",
    "seal_record",
    "write_candidate",
]
