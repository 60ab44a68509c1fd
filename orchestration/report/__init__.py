"""Pages and terminal output for people: ``explain``, ``status``, the quality report of every build.

Reads releases, candidates and small state files, never the database that a build writes. What a stage means
and whether a build may be published is decided elsewhere; here it is only told.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.settings import Settings

if TYPE_CHECKING:
    from orchestration.report.explanation import Explanation
    from orchestration.report.status import Status

__all__ = ["explain", "render_status", "write_missing_reports", "write_quality_report"]


def explain(settings: Settings, query: str) -> "Explanation":
    """Tell why a person is, or is not, in a stage, from the current release.

    Args:
        settings: Where the warehouse lies.
        query: An e-mail address in any case, a person id (retired ones too) or a touch id.

    Returns:
        What Rich prints: who, the timeline by cycle with each stage's evidence, and what is missing.

    Raises:
        LeadproofError: If nothing is published, or the release knows nobody by that.
    """
    from orchestration.report.explanation import Explanation
    from orchestration.report.person import find_person

    return Explanation(find_person(settings, query))


def render_status(settings: Settings) -> "Status":
    """Tell how the warehouse stands, from the current release and small state files.

    Args:
        settings: Where the warehouse lies.

    Returns:
        What Rich prints, one screen.
    """
    from orchestration.report.status import read_status

    return read_status(settings)


def write_missing_reports(settings: Settings) -> None:
    """Write the pages of earlier builds that were killed before they had one.

    Args:
        settings: Where the warehouse lies.
    """
    from orchestration.report.pages import write_missing_pages

    write_missing_pages(settings)


def write_quality_report(settings: Settings, build_id: str) -> Path:
    """Write the quality page of a build, passed or failed, and the list of all builds.

    Args:
        settings: Where the warehouse lies.
        build_id: The build; it may have failed before it had a candidate.

    Returns:
        The page.

    Raises:
        LeadproofError: If there is no such build, or the quality folder cannot be written.
    """
    from orchestration.report.pages import write_pages

    return write_pages(settings, build_id)
