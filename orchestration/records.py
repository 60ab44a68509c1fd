"""The record of each build: ``state/builds/<build_id>.json``, small, without personal values.

Written while the build goes on and finished on every route, so ``status``, the quality report and the
next build know what happened without opening the build database.

A record may be of an earlier or a later version of the code: what it says that is unknown here is left aside,
and what it does not say has its default. One that cannot be read at all is passed over, never removed.
"""

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from orchestration.errors import LeadproofError
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

_LOG = logging.getLogger(__name__)
_PASSED_OVER: set[Path] = set()
# A copy that somebody has laid beside a record is none.
_RECORD = re.compile(r"b\d[0-9A-Za-z]*")
_MOMENTS = ("as_of", "started_at", "finished_at", "next_due_at")
# What others look for in the summaries of the load, the audit and the comparison.
_LOAD: dict[str, Any] = {"files": 0, "rows": 0, "tables": [], "drift": [], "notes": []}
_TABLE: dict[str, Any] = {"rejects": 0, "duplicates": 0, "refused": 0}
_DRIFT: dict[str, Any] = {
    "kind": "",
    "source_system": None,
    "source_table": None,
    "detail": "",
    "source_file": None,
}
_AUDIT: dict[str, Any] = {"verdict": "", "expectations": 0, "failed": []}
_FAILED_EXPECTATION: dict[str, Any] = {
    "expectation": "",
    "table_name": "",
    "source_system": "*",
    "message": "",
    "failing_rows": 0,
    "evaluated_rows": 0,
    "failing_keys": [],
}
_CHANGES: dict[str, Any] = {"compared_with": None, "counts": {}, "listed": [], "path": ""}
_MOVED: dict[str, Any] = {"enters": 0, "leaves": 0}


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
    seconds: float = 0.0
    status: str = ""


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
    message: str = ""
    hint: str = ""
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
        earlier_runs: Runs that had it before, where another has taken it up.
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
    earlier_runs: list[str] = field(default_factory=list)
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

    def taken_up_by(self, run_id: str | None) -> None:
        """Note that another of Dagster's runs goes on with the build.

        Args:
            run_id: The run; None outside Dagster.
        """
        if self.run_id is not None and self.run_id != run_id:
            self.earlier_runs.append(self.run_id)
        self.run_id = run_id


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

    Raises:
        LeadproofError: If there is none, or it cannot be read.
    """
    path = record_path(settings, build_id)
    try:
        # The file's name is what it is found and written by.
        record: BuildRecord = _made(
            BuildRecord, {**json.loads(path.read_text(encoding="utf-8")), "build_id": build_id}
        )
        for name in _MOMENTS:
            if (moment := getattr(record, name)) and (told := datetime.fromisoformat(moment)).tzinfo is None:
                setattr(record, name, told.replace(tzinfo=UTC).isoformat())
        record.load, record.audit = _load_of(record.load), _audit_of(record.audit)
        record.changes = _changes_of(record.changes)
    except FileNotFoundError as error:
        raise LeadproofError(
            f"There is no build '{build_id}'.", "leadproof status names the last one."
        ) from error
    except (OSError, TypeError, ValueError, RecursionError) as error:
        raise LeadproofError(
            f"The record of build {build_id} cannot be read.",
            f"Restore {path} from a backup, or move it away.",
        ) from error
    # Earlier versions took any reason, and this one is told in pages and logs.
    record.restatement_reason = impersonal(record.restatement_reason)
    return record


def readable_record(settings: Settings, build_id: str) -> BuildRecord | None:
    """Read one record, for whoever can do without it.

    Args:
        settings: Where state lies.
        build_id: Id of the build.

    Returns:
        The record. None if there is none, or it cannot be read, which is told once.
    """
    path = record_path(settings, build_id)
    try:
        return read_record(settings, build_id)
    except LeadproofError:
        # Once in a process: many go through all records, and a sensor does so every minute.
        if path not in _PASSED_OVER and path.exists():
            _PASSED_OVER.add(path)
            _LOG.warning(
                "The build record %s cannot be read and is passed over;"
                " restore it from a backup, or move it away.",
                path,
            )
        return None


def readable_records(settings: Settings) -> Iterator[BuildRecord]:
    """Go through all records that can be read, latest first.

    Args:
        settings: Where state lies.

    Yields:
        Each record, read when it is asked for.
    """
    for build_id in build_ids(settings):
        record = readable_record(settings, build_id)
        if record is not None:
            yield record


def build_ids(settings: Settings) -> list[str]:
    """List the ids of all recorded builds, latest first, readable or not."""
    names = (path.stem for path in (settings.state / "builds").glob("b*.json"))
    return sorted((name for name in names if _RECORD.fullmatch(name)), reverse=True)


def find_run(settings: Settings, run_id: str) -> BuildRecord | None:
    """Return the build of one Dagster run, or None if the run never began one."""
    return next(
        (each for each in readable_records(settings) if run_id in (each.run_id, *each.earlier_runs)), None
    )


def close_abandoned(settings: Settings) -> list[BuildRecord]:
    """Mark builds that a kill left running. Only for the holder of the build lock.

    Args:
        settings: Where state lies.

    Returns:
        Their records, as they are now.
    """
    closed = []
    for build_id in build_ids(settings)[:20]:
        record = readable_record(settings, build_id)
        if record is not None and record.status == RUNNING:
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


def _made(kind: Any, value: Any) -> Any:
    """Make of JSON what a field holds.

    Raises:
        TypeError: If the value is of another kind, or lacks what has no default.
    """
    if is_dataclass(kind) and isinstance(value, dict):
        kinds = get_type_hints(kind)
        # Null where something belongs is as good as nothing.
        known = {
            each.name: _made(kinds[each.name], value[each.name])
            for each in fields(kind)
            if value.get(each.name) is not None
        }
        return kind(**known)  # type: ignore[operator]
    if get_origin(kind) is UnionType:
        (kind,) = (each for each in get_args(kind) if each is not NoneType)
        return _made(kind, value)
    if get_origin(kind) is list and isinstance(value, list):
        return [_made(get_args(kind)[0], each) for each in value]
    if get_origin(kind) is dict and isinstance(value, dict):
        return {name: _made(get_args(kind)[1], each) for name, each in value.items()}
    if kind is Any or (
        get_origin(kind) is None and isinstance(value, float | int if kind is float else kind)
    ):
        return value
    raise TypeError(f"{type(value).__name__} where {kind} belongs")


def _load_of(load: dict[str, Any]) -> dict[str, Any]:
    if load:
        load = _filled(load, _LOAD)
        load["tables"] = [_filled(each, _TABLE) for each in load["tables"]]
        load["drift"] = [_filled(each, _DRIFT) for each in load["drift"]]
    return load


def _audit_of(audit: dict[str, Any]) -> dict[str, Any]:
    if audit:
        audit = _filled(audit, _AUDIT)
        audit["failed"] = [_filled(each, _FAILED_EXPECTATION) for each in audit["failed"]]
    return audit


def _changes_of(changes: dict[str, Any]) -> dict[str, Any]:
    if changes:
        changes = _filled(changes, _CHANGES)
        changes["counts"] = {name: _filled(each, _MOVED) for name, each in changes["counts"].items()}
    return changes


def _filled(value: Any, defaults: dict[str, Any]) -> dict[str, Any]:
    """Give a summary's part what it lacks.

    Raises:
        TypeError: If it, or what is looked for in it, is of another kind.
    """
    if not isinstance(value, dict):
        raise TypeError(f"{type(value).__name__} where an object belongs")
    filled = dict(value)
    for name, default in defaults.items():
        if filled.get(name) is None:
            # Not the same list for all.
            filled[name] = type(default)(default) if isinstance(default, list | dict) else default
        elif not isinstance(filled[name], str if default is None else type(default)):
            raise TypeError(f"{type(filled[name]).__name__} as {name}")
    return filled
