"""``leadproof report``: the quality report of a build and the site of a release, and where they lie."""

import argparse
from pathlib import Path

from orchestration import records
from orchestration.commands.console import out, working
from orchestration.environment import load_env_file
from orchestration.errors import LeadproofError
from orchestration.settings import Settings, load_settings


def run(options: argparse.Namespace) -> int:
    """Write what was asked for and say where it lies.

    Args:
        options: ``build``, a build id or None for the last build; ``release``, a release id or None for the
            current one; ``out``, a folder for the site of the release, or None.

    Returns:
        0.

    Raises:
        LeadproofError: If there is no such build or release.
    """
    load_env_file()
    settings = load_settings()
    if options.out or options.release:
        return _site(settings, options.release, options.out)
    from orchestration.report import write_quality_report

    known = records.build_ids(settings)
    if not known:
        raise LeadproofError("There is no build to report on.", "Run leadproof build first.")
    newest = next(records.readable_records(settings), None)
    build_id = options.build or (newest.build_id if newest else known[0])
    if build_id not in known:
        raise LeadproofError(f"There is no build '{build_id}'.", f"The last ones are {', '.join(known[:3])}.")
    with working("Writing the quality report"):
        page = write_quality_report(settings, build_id)
    out.print(f"Quality report: {page}", markup=False)
    return 0 if options.build else _tell_site(settings)


def _tell_site(settings: Settings) -> int:
    from orchestration.report.site import SITE

    page = settings.current / SITE / "index.html"
    if page.is_file():
        out.print(f"Reports:        {page}", markup=False)
    return 0


def _site(settings: Settings, release_id: str | None, folder: Path | None) -> int:
    from orchestration.release import current_release
    from orchestration.release.store import find_release
    from orchestration.report.site import SITE, write_released_site

    release = find_release(settings, release_id) if release_id else current_release(settings)
    if release is None:
        raise LeadproofError("Nothing is published yet.", "Run leadproof build, or make demo for an example.")
    page = release.path / SITE / "index.html"
    if folder is not None:
        if folder.is_file():
            raise LeadproofError(f"{folder} is a file.", "Name a folder; it is made where it is missing.")
        if folder.resolve().is_relative_to(settings.warehouse.resolve()):
            raise LeadproofError(
                f"{folder} lies in the warehouse, whose releases never change.", "Name a folder outside it."
            )
        with working(f"Writing the reports of release {release.release_id}"):
            page = write_released_site(settings, release.release_id, folder)
    elif not page.is_file():
        raise LeadproofError(
            f"Release {release.release_id} was published without reports.",
            f"leadproof report --release {release.release_id} --out <folder> writes them.",
        )
    out.print(f"Reports: {page}", markup=False)
    return 0
