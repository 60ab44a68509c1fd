"""``leadproof releases``: what was published and is still kept."""

import argparse

from orchestration.commands.console import out
from orchestration.environment import load_env_file
from orchestration.release import Release, damaged_file, list_releases
from orchestration.report.words import counted
from orchestration.settings import load_settings

_COUNTED = {"people": "people", "prospects": "prospects", "mqls": "MQLs", "sqls": "SQLs"}


def run(options: argparse.Namespace) -> int:
    """List the releases, newest first.

    Args:
        options: Unused.

    Returns:
        0.
    """
    load_env_file()
    releases = list_releases(load_settings())
    if not releases:
        out.print("Nothing is published yet; run leadproof build, or make demo for an example.")
        return 0
    for release in releases:
        for line in told(release):
            out.print(line, markup=False)
    return 0


def told(release: Release) -> list[str]:
    """Tell one release in lines that fit a terminal.

    Args:
        release: The release.

    Returns:
        Its lines; the one that readers see is marked.
    """
    mark = "→" if release.is_current else " "
    counts = ", ".join(f"{release.row_counts.get(name, 0):,} {word}" for name, word in _COUNTED.items())
    lines = [
        f"{mark} {release.release_id}  published {release.published_at:%Y-%m-%d %H:%M}"
        f", as of {release.as_of:%Y-%m-%d %H:%M} UTC",
        f"    {counts}",
    ]
    name = damaged_file(release)
    if name is not None:
        lines.append(f"    damaged: {name} is not the file that was published")
    if release.restatement_reason:
        lines.append(f"    restated: {release.restatement_reason}")
    if release.erasures:
        lines.append(f"    rewritten: {counted(release.erasures, 'erasure')} since its audit")
    return lines
