"""``leadproof demo``: a simulated company, from landing files to a published release.

The demo owns only what it wrote: a marker in the landing folder and one in the warehouse say so. Where
anything else lies it refuses, because it wipes its own files once they are too old to pass an audit.
"""

import argparse
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestration import release
from orchestration.commands.build import build
from orchestration.commands.console import out, say_share, working
from orchestration.environment import load_env_file
from orchestration.errors import LeadproofError
from orchestration.release.files import explained, read_json, write_json
from orchestration.settings import Settings, load_settings

MARKER = ".leadproof_demo.json"
_FRESH = timedelta(days=2)
_ELSEWHERE = "Set LEADPROOF_LANDING and LEADPROOF_WAREHOUSE to other folders, or move it away."


@dataclass(frozen=True)
class DemoPlan:
    """What the demo has to do before it builds.

    Args:
        is_reused: The files that lie there are still good.
        is_wiped: Files of an earlier demo are in the way.
    """

    is_reused: bool
    is_wiped: bool


def run(options: argparse.Namespace) -> int:
    """Simulate, build, and say where to look.

    Args:
        options: ``people``, ``days``, ``seed``, ``debug``.

    Returns:
        0 if the demo is published.
    """
    load_env_file()
    settings = load_settings()
    wanted = {"people": options.people, "days": options.days, "seed": options.seed}
    now = datetime.now(UTC)
    plan = plan_demo(settings, wanted, now)
    if plan.is_wiped:
        _wipe(settings)
    if not plan.is_reused:
        _simulate(settings, wanted, now)
    code = build(settings, {}, is_debug=options.debug)
    if code == 0:
        _tell_where_to_look(settings)
    return code


def plan_demo(settings: Settings, wanted: dict[str, Any], now: datetime) -> DemoPlan:
    """Decide what to do with what lies in the landing folder and the warehouse.

    Args:
        settings: Where both lie.
        wanted: Parameters of the simulation.
        now: The present moment, UTC.

    Returns:
        The plan.

    Raises:
        LeadproofError: If either folder holds something that the demo did not write.
    """
    landing_note = read_json(settings.landing / MARKER)
    warehouse_note = read_json(settings.warehouse / MARKER)
    foreign = _foreign(settings.landing, landing_note)
    if foreign is not None:
        raise LeadproofError(f"{foreign} was not written by the demo.", _ELSEWHERE)
    if warehouse_note is None and _holds_builds(settings.warehouse):
        raise LeadproofError(f"The warehouse {settings.warehouse} was not built by the demo.", _ELSEWHERE)
    if landing_note is None:
        return DemoPlan(is_reused=False, is_wiped=warehouse_note is not None)
    is_whole = bool(landing_note.get("files"))
    is_fresh = now - datetime.fromisoformat(landing_note["written_at"]) < _FRESH
    is_same = landing_note.get("wanted") == wanted
    is_reused = is_whole and is_fresh and is_same
    return DemoPlan(is_reused=is_reused, is_wiped=not is_reused)


def _foreign(landing: Path, note: dict[str, Any] | None) -> Path | None:
    if not landing.is_dir():
        return None
    if note is not None and not note.get("files"):
        return None  # a demo was interrupted while it wrote into an empty folder
    own = set(note["files"]) if note else set()
    for path in sorted(landing.rglob("*")):
        if path.is_file() and path.name != MARKER and path.relative_to(landing).as_posix() not in own:
            return path
    return None


def _holds_builds(warehouse: Path) -> bool:
    return any((warehouse / name).exists() for name in ("build/leadproof.duckdb", "releases", "current"))


def _wipe(settings: Settings) -> None:
    out.print("The files of an earlier demo are too old or other ones; starting over.")
    with (
        explained("Removing the earlier demo", settings.warehouse),
        release.build_lock(settings, "leadproof demo"),
    ):
        for path in settings.landing.iterdir() if settings.landing.is_dir() else ():
            _remove(path)
        for path in settings.warehouse.iterdir() if settings.warehouse.is_dir() else ():
            if path != settings.state:
                release.files.remove_tree(path)
        for path in settings.state.iterdir():
            if path.name != "build.lock":
                release.files.remove_tree(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _simulate(settings: Settings, wanted: dict[str, Any], now: datetime) -> None:
    from orchestration.simulation import simulate

    note = {"written_at": now.isoformat(), "wanted": wanted, "files": []}
    with explained("Writing the demo's files", settings.landing):
        for folder in (settings.landing, settings.warehouse):
            folder.mkdir(parents=True, exist_ok=True)
            # Before the first file: an interrupted demo must recognise its own remains.
            write_json(folder / MARKER, note)
        with working(f"Simulating {wanted['people']:,} people over {wanted['days']} days"):
            simulate(settings.landing, **wanted, progress=say_share)
        files = sorted(
            path.relative_to(settings.landing).as_posix()
            for path in settings.landing.rglob("*")
            if path.is_file() and path.name != MARKER
        )
        write_json(settings.landing / MARKER, {**note, "files": files})


def _tell_where_to_look(settings: Settings) -> None:
    with release.open_release(settings) as connection:
        person = connection.execute(
            """
            select people.person_id
            from marts.people as people
            where people.current_stage = 'sql'
            order by
                people.inbound_touches > 0 and people.outbound_touches > 0 desc,
                people.current_cycle desc,
                people.inbound_touches + people.outbound_touches desc,
                people.person_id
            limit 1
            """
        ).fetchone()
    out.print()
    out.print("Now look at")
    out.print(f"  {settings.current / 'site' / 'index.html'}   the funnel, report by report", markup=False)
    out.print(f"  {settings.quality / 'index.html'}   what was proved, page by page", markup=False)
    if person:
        out.print(f"  leadproof explain {person[0]}   why this person is sales-qualified", markup=False)
    out.print("  leadproof dev   the same runs and checks in Dagster's UI", markup=False)
