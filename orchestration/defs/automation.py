"""When the funnel is built: one job, for the command line, the schedule, the sensor and the UI alike."""

import hashlib
import json

import dagster as dg

from orchestration.settings import load_settings

JOB_NAME = "funnel_job"

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
    seen = landing_digest()
    if seen is None:
        return dg.SkipReason("The landing folder holds no files.")
    if seen == context.cursor:
        return dg.SkipReason("No landing file is new or changed.")
    context.update_cursor(seen)
    return dg.RunRequest(run_key=seen)


def landing_digest() -> str | None:
    """Digest names, sizes and modification times of the files that the loader would look at.

    Returns:
        A hexadecimal digest; None without files.
    """
    from orchestration.landing import discover

    files = [
        (str(found.relative_path), found.size_bytes, found.mtime_ns) for found in discover(load_settings())
    ]
    return hashlib.sha256(json.dumps(sorted(files)).encode()).hexdigest() if files else None
