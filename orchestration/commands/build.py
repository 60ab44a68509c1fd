"""``leadproof build``: the Dagster job, run in this process, recorded where the UI looks."""

import argparse
import contextlib
import logging
import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.table import Table

from orchestration import policy, records, release
from orchestration.commands.console import out, working
from orchestration.dbt import ensure_manifest
from orchestration.environment import load_env_file, prepare_environment
from orchestration.errors import LeadproofError
from orchestration.moments import parse_moment
from orchestration.private_files import close_to_others
from orchestration.processes import own_mark
from orchestration.progress import say
from orchestration.records import BuildRecord
from orchestration.release.files import explained
from orchestration.settings import Settings, load_settings

if TYPE_CHECKING:
    from dagster import ExecuteInProcessResult

_SHOWN_DETAILS = 12
_SHOWN_KEYS = 5
_SHOWN_NOTES = 6
_REFUSED = "refused_file"
_STARTING_WITHIN = timedelta(minutes=1)


def run(options: argparse.Namespace) -> int:
    """Build, audit and publish.

    Args:
        options: ``as_of``, ``full_refresh``, ``candidate``, ``restate``, ``debug``.

    Returns:
        0 if what was asked for happened.
    """
    load_env_file()
    return build(
        load_settings(),
        {
            "as_of": options.as_of,
            "full_refresh": options.full_refresh,
            "candidate": options.candidate,
            "restate": options.restate,
        },
        is_debug=options.debug,
    )


def build(settings: Settings, request: dict[str, Any], *, is_debug: bool = False) -> int:
    """Run the funnel job and say how it ended.

    Args:
        settings: Where things lie.
        request: Configuration of the job's ``session`` resource.
        is_debug: Let Dagster and dbt speak on the terminal.

    Returns:
        0 if what was asked for happened.
    """
    # Before Dagster keeps what was asked for.
    policy.require_nameless(request.get("restate"))
    prepare_environment(settings)
    _refuse_early(settings)
    with working("Starting"):
        result = _run_job(settings, request, is_debug)
    record = records.find_run(settings, result.run_id)
    if result.success and record is not None:
        tell_success(settings, record)
        return 0
    tell_failure(settings, result, record)
    return 1


def _refuse_early(settings: Settings) -> None:
    """Say at once what the build would say after the seconds that starting Dagster takes."""
    if not settings.landing.is_dir():
        raise LeadproofError(
            f"The landing folder {settings.landing} does not exist.",
            "Create it and drop files into <source_system>/<table>/, or set LEADPROOF_LANDING.",
        )
    with explained("Opening the warehouse", settings.warehouse):
        close_to_others(settings.build_db.parent)
    with release.build_lock(settings, "leadproof build"):
        pass


def _run_job(settings: Settings, request: dict[str, Any], is_debug: bool) -> "ExecuteInProcessResult":
    quiet: contextlib.AbstractContextManager[Any] = contextlib.nullcontext()
    if not is_debug:
        # dbt quotes values of rows where a model fails, so this lies in the closed folder.
        log = settings.build_db.parent / "last_build.log"
        quiet = contextlib.redirect_stdout(log.open("w", encoding="utf-8"))
        logging.getLogger("dagster").setLevel(logging.CRITICAL)
    parsing = threading.Thread(target=_parse_quietly, args=(settings,), daemon=True)
    parsing.start()
    with quiet:
        say("Starting Dagster")
        import dagster_dbt  # noqa: F401

        parsing.join()
        say("Reading the dbt project")
        ensure_manifest(settings)
        from orchestration.definitions import defs
        from orchestration.defs.automation import PROCESS_TAG, close_abandoned_runs
        from orchestration.defs.event_storage import own_process_instance

        with own_process_instance(settings) as instance:
            close_abandoned_runs(instance, settings, _STARTING_WITHIN)
            return defs.resolve_job_def("funnel_job").execute_in_process(
                instance=instance,
                run_config={
                    "resources": {
                        "session": {
                            "config": {
                                "owner": "leadproof build",
                                **{name: value for name, value in request.items() if value is not None},
                            }
                        }
                    },
                    "loggers": {"console": {"config": {"log_level": "DEBUG" if is_debug else "CRITICAL"}}},
                },
                raise_on_error=False,
                tags={PROCESS_TAG: own_mark()},
            )


def _parse_quietly(settings: Settings) -> None:
    # dbt starts in a process of its own while this one imports Dagster; what goes wrong is told later.
    with contextlib.suppress(LeadproofError):
        ensure_manifest(settings)


def tell_success(settings: Settings, record: BuildRecord) -> None:
    """Print what a build did.

    Args:
        settings: Where things lie.
        record: The build's record.
    """
    out.print(_phase_table(record))
    for line in load_lines(record):
        out.print(line, markup=False)
    if record.changes:
        _tell_changes(record)
    if record.status == records.UNCHANGED:
        out.print(f"Nothing is new since build {record.unchanged_since}, so nothing was built.", markup=False)
        out.print(f"[bold green]Current[/] stays release {record.release_id}")
        out.print(f"  next due    {_due_words(record)}", markup=False)
        out.print("  build anew  leadproof build --full-refresh", markup=False)
    elif record.people is not None:
        out.print(_computed_words(record), markup=False)
    if record.release_id and record.status != records.UNCHANGED:
        out.print(f"[bold green]Published[/] release {record.release_id} as of {record.as_of[:19]} UTC")
        out.print(f"  read it at  {settings.current / 'leadproof.duckdb'} (schema marts)", markup=False)
        out.print(f"  reports     {settings.current / 'site' / 'index.html'}", markup=False)
    if record.report:
        out.print(f"  quality     {record.report}", markup=False)
    if not record.is_salted:
        out.print(
            "Person ids are unsalted: who knows an address can compute its id. "
            "Set LEADPROOF_ID_SALT (in .env) to a secret before real data is published.",
            style="yellow",
        )


def _computed_words(record: BuildRecord) -> str:
    if record.continued_from is None:
        return f"Computed all {record.people:,} people anew: {record.full_refresh_reason}."
    return (
        f"Computed {record.computed_people:,} of {record.people:,} people anew:"
        f" those whom something new since build {record.continued_from} has touched."
    )


def _due_words(record: BuildRecord) -> str:
    tomorrow = parse_moment(record.as_of[:10]) + timedelta(days=1)
    due = datetime.fromisoformat(record.next_due_at) if record.next_due_at else tomorrow
    return f"with the first new file, or {min(due, tomorrow):%Y-%m-%d %H:%M} UTC"


def tell_failure(settings: Settings, result: "ExecuteInProcessResult", record: BuildRecord | None) -> None:
    """Print why a build failed, in which rows, and where the report lies.

    Args:
        settings: Where things lie.
        result: Dagster's result.
        record: The build's record; None if it never began.
    """
    if record is not None and record.status == records.INTERRUPTED:
        raise KeyboardInterrupt
    failure = record.failure if record else None
    if record is None or failure is None:
        message, hint = _dagster_failure(result)
        raise LeadproofError(message, hint)
    out.print(_phase_table(record))
    # What was refused is often why the rest failed, and is told by the load that refused it alone.
    for line in load_lines(record):
        out.print(line, markup=False)
    for line in [*audit_lines(record), *failure.details][:_SHOWN_DETAILS]:
        out.print(f"  - {line}", markup=False)
    if record.changes:
        _tell_changes(record)
    if record.report:
        out.print(f"Quality report: {record.report}", markup=False)
    for channel, told in record.notified.items():
        out.print(f"Notified by {channel}: {told}", markup=False)
    kept = "The previous release stays current." if settings.current.exists() else "Nothing is published yet."
    raise LeadproofError(
        f"Build {record.build_id} failed: {failure.message}", f"{failure.hint} {kept}".strip()
    )


def audit_lines(record: BuildRecord) -> list[str]:
    """Say which expectations failed, for which source system and in which rows, by key.

    Args:
        record: The build's record.

    Returns:
        One line for each.
    """
    lines = []
    for failed in record.audit.get("failed", []):
        keys = failed["failing_keys"]
        shown = (
            f" [{', '.join(keys[:_SHOWN_KEYS])}{', …' if len(keys) > _SHOWN_KEYS else ''}]" if keys else ""
        )
        system = "" if failed["source_system"] == "*" else f"{failed['source_system']}: "
        lines.append(f"{failed['table_name']} · {system}{failed['message']}{shown}")
    return lines


def load_lines(record: BuildRecord) -> list[str]:
    """Say what was loaded.

    Args:
        record: The build's record.

    Returns:
        A few lines, refused files first, drift and what else there is to say of the inputs after them.
    """
    load = record.load
    if not load:
        return []
    rejects = sum(table["rejects"] for table in load["tables"])
    duplicates = sum(table["duplicates"] for table in load["tables"])
    lines = [
        f"Loaded {load['files']:,} files: {load['rows']:,} rows, {rejects:,} rejected lines"
        + (f", {duplicates:,} files with content already loaded." if duplicates else ".")
    ]
    notes = [*load["notes"], *(note["detail"] for note in load["drift"] if note["kind"] != _REFUSED)]
    refused = {f"{note['source_file']} was refused: {note['detail']}" for note in load["drift"]}
    told = sorted(dict.fromkeys(notes), key=lambda text: text not in refused)
    lines += [f"  - {text}" for text in told[:_SHOWN_NOTES]]
    if len(told) > _SHOWN_NOTES:
        lines.append(f"  … and {len(told) - _SHOWN_NOTES} more, in the quality report")
    return lines


def _tell_changes(record: BuildRecord) -> None:
    changes = record.changes
    out.print(f"[bold]Candidate[/] {record.build_id}: nothing is published.")
    compared = changes["compared_with"] or "nothing, because no release exists"
    out.print(f"Compared with {compared}:", markup=False)
    for stage, counts in changes["counts"].items():
        out.print(f"  {stage:<9} {counts['enters']:>7,} enter  {counts['leaves']:>7,} leave", markup=False)
    for row in changes["listed"]:
        out.print(
            f"  {row['stage']} {row['change']}: {row['person_id']} cycle {row['cycle_number']}: {row['why']}",
            markup=False,
        )
    out.print(f"All of them: {changes['path']}", markup=False)


def _phase_table(record: BuildRecord) -> Table:
    table = Table(title=f"Build {record.build_id}", title_justify="left", box=None, pad_edge=False)
    table.add_column("phase")
    table.add_column("seconds", justify="right")
    table.add_column("")
    for phase in record.phases:
        table.add_row(phase.name, f"{phase.seconds:.1f}", "" if phase.status == "ok" else phase.status)
    table.add_row("all", f"{sum(phase.seconds for phase in record.phases):.1f}", "")
    return table


def _dagster_failure(result: "ExecuteInProcessResult") -> tuple[str, str]:
    for event in result.all_events:
        if event.is_step_failure:
            told = event.step_failure_data.user_failure_data
            if told is not None:
                step = told.metadata.get("next_step")
                return told.description or "The build failed.", str(step.value) if step else ""
    return "The build failed before its first phase.", "Run it again with --debug for the whole trace."
