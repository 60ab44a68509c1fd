"""The record of each build: ``state/builds/<build_id>.json``, small, without personal values.

Written while the build goes on and finished on every route, so ``status``, the quality report and the
next build know what happened without opening the build database.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.release.files import explained, write_json
from orchestration.settings import Settings
from orchestration.source_text import impersonal

RUNNING, FAILED, INTERRUPTED, CANDIDATE, PUBLISHED, BUILT, UNCHANGED = (
    "running",
    "failed",
    "interrupted",
    "candidate",
    "published",
    "built",
    "unchanged",
)


@dataclass
class Phase:
    """One phase of a build.

    Args:
        name: ``erasure`` (where one was left to be finished), ``policy``, ``load``, ``dbt``, ``candidate``,
            ``audit``, ``publish`` or ``compare``, ``report``.
        seconds: Wall time.
        status: ``ok`` or ``failed``.
    """

    name: str
    seconds: float
    status: str


@dataclass
class Failure:
    """Why a build stopped.

    Args:
        phase: Phase in which it stopped.
        message: One sentence.
        hint: The next step.
        details: What failed and in which rows, one line each, by key and never by value.
        cause: ``disk_full`` or ``out_of_memory``; empty for any other.
        is_by_person: Whether somebody ended the build, who needs not be told.
    """

    phase: str
    message: str
    hint: str
    details: list[str] = field(default_factory=list)
    cause: str = ""
    is_by_person: bool = False


@dataclass
class BuildRecord:
    """What is known of one build.

    Args:
        build_id: Id of the build; ids sort by time.
        status: ``running``, ``failed``, ``interrupted``, ``built`` (models only), ``candidate``,
            ``published`` or ``unchanged`` (nothing new, so nothing was built).
        as_of: The build's clock, ISO, UTC.
        started_at: ISO, UTC.
        finished_at: ISO, UTC; None while it runs.
        run_id: Dagster's run; None outside Dagster.
        is_full_refresh: Whether everything is rebuilt from nothing.
        full_refresh_reason: Why it is; None if it is not.
        continued_from: The completed build from which affected people were computed anew; None if all were.
        computed_people: People computed anew; None until the models are complete.
        people: People there are; None until the models are complete.
        is_candidate_only: Whether nothing is to be published.
        restatement_reason: Reason for changing locked policy; None without one.
        is_salted: Whether person ids carry a secret salt.
        source_systems: Source systems that are on.
        policy_digest: Digest of the policy tables it follows.
        inputs_digest: Digest of the files loaded so far.
        starting_point: Digests of what it starts from: files, policy, thresholds, code, settings.
        next_due_at: The first moment, ISO, UTC, after as-of at which the result changes without new files.
        unchanged_since: The earlier build whose release stays current because nothing is new; None if built.
        is_dbt_complete: Whether every model was rebuilt for this build and passed its tests.
        phases: Phases so far.
        load: Summary of the load.
        audit: Verdict and failed expectations.
        changes: For a candidate only: who would enter or leave each stage, and why.
        release_id: The release it became; None if none.
        report: Path of its quality report; None until written.
        failure: Why it stopped; None if it did not.
        log: Path of its structured log; None until it has one.
        notified: Who was told of its end, or why not, by channel; empty if nobody was to be.
    """

    build_id: str
    status: str
    as_of: str
    started_at: str
    finished_at: str | None = None
    run_id: str | None = None
    is_full_refresh: bool = False
    full_refresh_reason: str | None = None
    continued_from: str | None = None
    computed_people: int | None = None
    people: int | None = None
    is_candidate_only: bool = False
    restatement_reason: str | None = None
    is_salted: bool = False
    source_systems: list[str] = field(default_factory=list)
    policy_digest: str = ""
    inputs_digest: str = ""
    starting_point: dict[str, str] = field(default_factory=dict)
    next_due_at: str | None = None
    unchanged_since: str | None = None
    is_dbt_complete: bool = False
    phases: list[Phase] = field(default_factory=list)
    load: dict[str, Any] = field(default_factory=dict)
    audit: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    release_id: str | None = None
    report: str | None = None
    failure: Failure | None = None
    log: str | None = None
    notified: dict[str, str] = field(default_factory=dict)


def record_path(settings: Settings, build_id: str) -> Path:
    """Return where a build's record lies."""
    return settings.state / "builds" / f"{build_id}.json"


def write_record(settings: Settings, record: BuildRecord) -> None:
    """Write a record so that a reader sees the old one or the new one, never half of one.

    Args:
        settings: Where state lies.
        record: The record.
    """
    path = record_path(settings, record.build_id)
    with explained(f"Writing the record of build {record.build_id}", path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, asdict(record))


def read_record(settings: Settings, build_id: str) -> BuildRecord:
    """Read one record.

    Args:
        settings: Where state lies.
        build_id: Id of the build.

    Returns:
        The record.
    """
    raw = json.loads(record_path(settings, build_id).read_text(encoding="utf-8"))
    raw["phases"] = [Phase(**phase) for phase in raw["phases"]]
    raw["failure"] = Failure(**raw["failure"]) if raw["failure"] else None
    # Earlier versions took any reason, and this one is told in pages and logs.
    raw["restatement_reason"] = impersonal(raw["restatement_reason"])
    return BuildRecord(**raw)


def build_ids(settings: Settings) -> list[str]:
    """List the ids of all recorded builds, latest first."""
    return sorted((path.stem for path in (settings.state / "builds").glob("b*.json")), reverse=True)


def find_run(settings: Settings, run_id: str) -> BuildRecord | None:
    """Return the build of one Dagster run, or None if the run never began one."""
    for build_id in build_ids(settings):
        record = read_record(settings, build_id)
        if record.run_id == run_id:
            return record
    return None


def close_abandoned(settings: Settings) -> list[BuildRecord]:
    """Mark builds that a kill left running. Only for the holder of the build lock.

    Args:
        settings: Where state lies.

    Returns:
        Their records, as they are now.
    """
    closed = []
    for build_id in build_ids(settings)[:20]:
        record = read_record(settings, build_id)
        if record.status == RUNNING:
            record.status = INTERRUPTED
            record.finished_at = utc_text(utc_now())
            record.failure = Failure(
                phase=record.phases[-1].name if record.phases else "load",
                message="The process ended before the build did.",
                hint="Run leadproof build again; nothing is loaded twice.",
            )
            write_record(settings, record)
            closed.append(record)
    return closed


def utc_now() -> datetime:
    """Return the present moment in UTC, with zone."""
    return datetime.now(UTC)


def utc_text(moment: datetime) -> str:
    """Return a moment as ISO text in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
