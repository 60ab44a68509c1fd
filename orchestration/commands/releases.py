"""``leadproof releases``: what was published and is still kept."""

import argparse

from rich.table import Table

from orchestration.commands.console import out
from orchestration.environment import load_env_file
from orchestration.release import list_releases
from orchestration.settings import load_settings

_COUNTED = ("people", "suspects", "prospects", "mqls", "sqls")


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
    table = Table(box=None, pad_edge=False)
    for name in ("", "release", "published (UTC)", "as of (UTC)"):
        table.add_column(name, no_wrap=True)
    for name in _COUNTED:
        table.add_column(name, justify="right")
    table.add_column("restated because")
    for release in releases:
        table.add_row(
            "→" if release.is_current else "",
            release.release_id,
            f"{release.published_at:%Y-%m-%d %H:%M}",
            f"{release.as_of:%Y-%m-%d %H:%M}",
            *(f"{release.row_counts.get(name, 0):,}" for name in _COUNTED),
            release.restatement_reason or "",
        )
    out.print(table)
    return 0
