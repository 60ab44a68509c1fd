"""What may go wrong with a build or a release, as a closed list: each alarm has a page in ``docs/runbooks/``.

Decides which alarm a build's record raises. Who is told, and how, belongs to ``notifications``.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from orchestration import records
from orchestration.errors import DISK_FULL, OUT_OF_MEMORY
from orchestration.records import BuildRecord
from orchestration.settings import PROJECT_ROOT, Settings

RUNBOOKS = "docs/runbooks"


@dataclass(frozen=True)
class Alarm:
    """One thing that may go wrong.

    Args:
        code: Its name for machines, in ``snake_case``.
        title: Its name for people.
        meaning: What it says of the data, in one sentence.
    """

    code: str
    title: str
    meaning: str

    @property
    def runbook(self) -> str:
        """Path of its page, from the project's root."""
        return f"{RUNBOOKS}/{self.code.replace('_', '-')}.md"

    @property
    def runbook_path(self) -> Path:
        """Where its page lies."""
        return PROJECT_ROOT / self.runbook


AUDIT_FAILED = Alarm(
    "audit_failed",
    "Audit failed",
    "The candidate breaks what was promised, so readers keep the release before it.",
)
POLICY_REFUSED = Alarm(
    "policy_refused",
    "Policy refused",
    "A policy table is wrong or was changed where it is locked; nothing was built.",
)
ERASURE_UNFINISHED = Alarm(
    "erasure_unfinished",
    "Erasure unfinished",
    "The forgetting of somebody was begun and is not finished; no build goes on before it is.",
)
LOAD_FAILED = Alarm("load_failed", "Load failed", "Landing files could not be loaded; nothing was built.")
MODELS_FAILED = Alarm(
    "models_failed", "Models failed", "dbt could not build the models; nothing was audited."
)
PUBLICATION_FAILED = Alarm(
    "publication_failed", "Publication failed", "What was built could not be written, audited or published."
)
BUILD_INTERRUPTED = Alarm(
    "build_interrupted",
    "Build interrupted",
    "The build's process ended before the build did; the next one catches up.",
)
DISK = Alarm(DISK_FULL, "Disk full", "A disk that the build writes to is full; readers keep their release.")
MEMORY = Alarm(
    OUT_OF_MEMORY, "Out of memory", "The build needs more memory than it may use, or space to spill."
)
RELEASE_STALE = Alarm(
    "release_stale",
    "Release stale",
    "Readers see a release that is older than it may be: builds fail or do not start.",
)
RELEASE_DAMAGED = Alarm("release_damaged", "Release damaged", "Readers cannot open the current release.")
NOTIFICATION_FAILED = Alarm(
    "notification_failed",
    "Notification failed",
    "An alarm was raised, and somebody who should know was not told.",
)
RECOVERED = Alarm("recovered", "Recovered", "A build has succeeded after one that raised an alarm.")

ALARMS = (
    AUDIT_FAILED,
    POLICY_REFUSED,
    ERASURE_UNFINISHED,
    LOAD_FAILED,
    MODELS_FAILED,
    PUBLICATION_FAILED,
    BUILD_INTERRUPTED,
    DISK,
    MEMORY,
    RELEASE_STALE,
    RELEASE_DAMAGED,
    NOTIFICATION_FAILED,
)
"""All of them. ``RECOVERED`` is their end and asks for nothing, so it has no page."""

_BY_CAUSE = {alarm.code: alarm for alarm in (DISK, MEMORY)}
_BY_PHASE = {
    "policy": POLICY_REFUSED,
    "erasure": ERASURE_UNFINISHED,
    "load": LOAD_FAILED,
    "start": MODELS_FAILED,
    "dbt": MODELS_FAILED,
}


def alarm_of(record: BuildRecord) -> Alarm | None:
    """Say which alarm a build raises.

    Args:
        record: The build.

    Returns:
        The alarm; None if the build went well, still runs, was ended by a person, or is a candidate, which
        somebody looks at who asked for it.
    """
    failure = record.failure
    if failure is None or record.status not in (records.FAILED, records.INTERRUPTED):
        return None
    if failure.is_by_person or record.is_candidate_only:
        return None
    if failure.cause in _BY_CAUSE:
        return _BY_CAUSE[failure.cause]
    if record.status == records.INTERRUPTED:
        return BUILD_INTERRUPTED
    if failure.phase == "audit" and record.audit:
        return AUDIT_FAILED
    return _BY_PHASE.get(failure.phase, PUBLICATION_FAILED)


def is_standing(record: BuildRecord) -> bool:
    """Say whether a build's end is what stands until a later one's does.

    Args:
        record: The build.

    Returns:
        False if it was a candidate only or was ended by a person: neither puts right what was wrong before.
    """
    return not record.is_candidate_only and not (record.failure and record.failure.is_by_person)


def true_as_of(settings: Settings, release_id: str, as_of: datetime) -> datetime:
    """Say up to when a release is known to be right: a later build may have found that nothing had changed.

    Args:
        settings: Where build records lie.
        release_id: The release.
        as_of: Its clock, with zone.

    Returns:
        Its clock, or that of the latest build that found nothing new, with zone.
    """
    latest = as_of
    of_release = (each for each in records.readable_records(settings) if each.release_id == release_id)
    for record in of_release:
        if record.status == records.PUBLISHED:
            break
        if record.status == records.UNCHANGED:
            latest = max(latest, datetime.fromisoformat(record.as_of))
    return latest


def is_stale(as_of: datetime, now: datetime, stale_after_hours: int) -> bool:
    """Say whether a release is older than it may be.

    Args:
        as_of: Up to when it is known to be right, with zone.
        now: The present moment, with zone.
        stale_after_hours: Hours a release may be old.

    Returns:
        True if it is older.
    """
    return (now - as_of).total_seconds() > stale_after_hours * 3600
