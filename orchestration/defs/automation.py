"""When the funnel is built: one job, for the command line, the schedule, the sensor and the UI alike.

What a run does belongs to the assets.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import dagster as dg

from orchestration import records
from orchestration.alarms import (
    BUILD_INTERRUPTED,
    PUBLICATION_FAILED,
    RELEASE_DAMAGED,
    RELEASE_STALE,
    alarm_of,
    is_stale,
    true_as_of,
)
from orchestration.errors import LeadproofError
from orchestration.landing.discovery import discover
from orchestration.notifications import Notice, announce, tell, tell_again, withdraw
from orchestration.processes import is_running
from orchestration.release import current_release, running_build
from orchestration.release.files import utc
from orchestration.report.status import read_status
from orchestration.settings import Settings, load_settings

JOB_NAME = "funnel_job"
# Set by the command line, which Dagster does not watch: the process that executes the run.
PROCESS_TAG = "leadproof/process"

funnel_job = dg.define_asset_job(
    JOB_NAME,
    selection=dg.AssetSelection.all(),
    description="Landing files to an audited, published release. `leadproof build` runs exactly this.",
    executor_def=dg.in_process_executor,
    tags={"leadproof/writer": "build"},
)

funnel_daily_schedule = dg.ScheduleDefinition(
    name="funnel_daily_schedule",
    job=funnel_job,
    cron_schedule="0 5 * * *",
    execution_timezone="UTC",
    description="A build each morning; switch it on in the UI.",
)


# Between a run's start and its taking of the lock lie the imports of its process.
_LOCK_TAKEN_WITHIN = timedelta(minutes=5)
_TELL_AGAIN_WITHIN_SECONDS = 10


@dg.sensor(
    name="landing_sensor",
    job=funnel_job,
    minimum_interval_seconds=60,
    description="A build when landing files are new or changed; switch it on in the UI.",
)
def landing_sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Ask for a run when the landing folder is not what it was at the last tick.

    The cursor only saves runs. That a file is loaded once is the ledger's promise, so a tick that comes
    twice, or a lost cursor, costs one build that finds nothing new.
    """
    try:
        seen = landing_digest(load_settings())
    except LeadproofError as error:
        return dg.SkipReason(str(error))
    if seen is None:
        return dg.SkipReason("The landing folder holds no files.")
    if seen == context.cursor:
        return dg.SkipReason("No landing file is new or changed.")
    context.update_cursor(seen)
    return dg.RunRequest(run_key=seen)


def landing_digest(settings: Settings) -> str | None:
    """Digest names, sizes and modification times of the files that the loader would look at.

    Args:
        settings: Where the landing folder lies.

    Returns:
        A hexadecimal digest; None without files.

    Raises:
        LeadproofError: If the landing folder is missing or cannot be read.
    """
    files = [(found.relative_path, found.size_bytes, found.mtime_ns) for found in discover(settings)]
    return hashlib.sha256(json.dumps(sorted(files)).encode()).hexdigest() if files else None


@dg.sensor(
    name="abandoned_run_sensor",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Closes runs whose process was killed; they would hold the only slot for ever.",
)
def abandoned_run_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Fail every run that says it builds while nobody holds the build lock."""
    closed = close_abandoned_runs(context.instance, load_settings(), _LOCK_TAKEN_WITHIN)
    return dg.SkipReason(f"Closed {len(closed)} abandoned runs." if closed else "No run is abandoned.")


def close_abandoned_runs(
    instance: dg.DagsterInstance, settings: Settings, lock_taken_within: timedelta
) -> list[str]:
    """Mark runs as failed whose process has ended without saying so.

    Dagster cannot tell on one machine: its launcher does not watch the processes, and runs of the command
    line are not its own.

    Args:
        instance: Dagster's storage.
        settings: Where the build lock lies.
        lock_taken_within: Time after its start in which a run that is alive has taken the lock.

    Returns:
        Ids of the runs.
    """
    if running_build(settings) is not None:
        return []
    started = instance.get_run_records(
        dg.RunsFilter(job_name=JOB_NAME, statuses=[dg.DagsterRunStatus.STARTED])
    )
    abandoned = [record for record in started if _is_abandoned(record, lock_taken_within)]
    for record in abandoned:
        instance.report_run_failed(record.dagster_run, "The process ended before the run did.")
    return [record.dagster_run.run_id for record in abandoned]


@dg.run_failure_sensor(
    name="failed_run_sensor",
    monitored_jobs=[funnel_job],
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells of failed runs that could not do so themselves, because their process was killed.",
)
def failed_run_sensor(context: dg.RunFailureSensorContext) -> None:
    """Send the alarm of a run unless its build has sent it."""
    tell_of_run(load_settings(), context.dagster_run.run_id)


def tell_of_run(settings: Settings, run_id: str) -> None:
    """Send the alarm of a failed run, once.

    Args:
        settings: The channels, and where records lie.
        run_id: Dagster's run.
    """
    record = records.find_run(settings, run_id)
    if record is None:
        # It failed before it became a build: the code cannot be loaded, or another build held the lock.
        alarm = PUBLICATION_FAILED
        tell(
            settings,
            f"run_{run_id}",
            Notice(
                alarm.code,
                alarm.title,
                f"Run {run_id} failed before it became a build.",
                "See the run in Dagster's UI, then run leadproof build.",
                runbook=alarm.runbook,
            ),
            records.utc_now(),
        )
        return
    is_killed = record.status == records.RUNNING and running_build(settings) is None
    found = BUILD_INTERRUPTED if is_killed else alarm_of(record)
    if found is not None:
        announce(settings, record, found)


@dg.sensor(
    name="stale_release_sensor",
    minimum_interval_seconds=900,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells once a day that readers see an old release, whatever the reason (no run, no alarm), or"
    " a damaged one. Tries again what nobody has got that day.",
)
def stale_release_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Send an alarm for the day if the current release is damaged, or older than it may be."""
    settings = load_settings()
    began, now = time.monotonic(), records.utc_now()
    told_on = _told_on(context.cursor)
    damaged, stale = told_on.get(RELEASE_DAMAGED.code), told_on.get(RELEASE_STALE.code)
    # Each step by itself: with an error, what the others have told would not be remembered, and be told again
    # every quarter of an hour.
    with _noted(context, "looking for damage"):
        damaged = tell_if_damaged(settings, now, damaged)
    if not damaged:  # how old a release is that cannot be read, nobody knows
        with _noted(context, "looking at the age"):
            stale = tell_if_stale(settings, now, stale)
    # The sensor of failed runs looks at each run once, so what it could not tell is told here. But Dagster
    # ends a tick that takes long, and forgets what it has told.
    if time.monotonic() - began < _TELL_AGAIN_WITHIN_SECONDS:
        with _noted(context, "telling again"):
            tell_again(settings, now)
    context.update_cursor(json.dumps({RELEASE_DAMAGED.code: damaged, RELEASE_STALE.code: stale}))
    if damaged:
        return dg.SkipReason("The current release is damaged.")
    return dg.SkipReason(
        "The current release is too old." if stale else "The current release is young enough."
    )


@contextmanager
def _noted(context: dg.SensorEvaluationContext, step: str) -> Iterator[None]:
    """Go on after an error, and leave it in the log of the sensor."""
    try:
        yield
    except Exception as error:
        context.log.error(f"The release's sensor failed at {step}: {type(error).__name__}: {error}")


def tell_if_damaged(settings: Settings, now: datetime, told_on: str | None) -> str:
    """Send the alarm of a release that readers cannot open or that lacks a file, once a day.

    Args:
        settings: The channels, and where releases lie.
        now: The present moment, with zone.
        told_on: The day it was told of last, ISO; None or empty if it was whole since.

    Returns:
        The day it was told of; empty if there is nothing to tell.
    """
    trouble = read_status(settings, now).release_trouble
    if not trouble:
        withdraw(settings, RELEASE_DAMAGED.code)
        return ""
    today = now.date().isoformat()
    if told_on != today:
        alarm = RELEASE_DAMAGED
        notice = Notice(alarm.code, alarm.title, trouble, "See leadproof status.", runbook=alarm.runbook)
        tell(settings, alarm.code, notice, now)
    return today


def tell_if_stale(settings: Settings, now: datetime, told_on: str | None) -> str:
    """Send the alarm of a release that is too old, once a day.

    Args:
        settings: The channels, where releases lie, and how old one may be.
        now: The present moment, with zone.
        told_on: The day it was told of last, ISO; None or empty if it was young enough since.

    Returns:
        The day it was told of; empty if there is nothing to tell.
    """
    release = current_release(settings)
    if release is None:
        return ""
    as_of = true_as_of(settings, release.release_id, utc(release.as_of))
    if not is_stale(as_of, now, settings.stale_after_hours):
        withdraw(settings, RELEASE_STALE.code)
        return ""
    today = now.date().isoformat()
    if told_on != today:
        hours = int((now - as_of).total_seconds() // 3600)
        alarm = RELEASE_STALE
        tell(
            settings,
            alarm.code,
            Notice(
                alarm.code,
                alarm.title,
                f"Release {release.release_id} was up to date {hours:,} hours ago, and may be so for"
                f" {settings.stale_after_hours:,}.",
                "See leadproof status.",
                as_of=f"{as_of:%Y-%m-%dT%H:%M:%S}",
                runbook=alarm.runbook,
            ),
            now,
        )
    return today


def _told_on(cursor: str | None) -> dict[str, str]:
    try:
        told = json.loads(cursor or "{}")
    except ValueError:
        return {}  # of an earlier version: a day
    return told if isinstance(told, dict) else {}


def _is_abandoned(record: dg.RunRecord, lock_taken_within: timedelta) -> bool:
    runs = is_running(record.dagster_run.tags.get(PROCESS_TAG, ""))
    if runs is not None:
        return not runs
    age = time.time() - (record.start_time or time.time())
    return age > lock_taken_within.total_seconds()
