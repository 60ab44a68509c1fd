"""``leadproof status``: the current release, the last builds, what is baselined."""

import argparse

from orchestration.commands.console import out
from orchestration.environment import load_env_file
from orchestration.settings import load_settings


def run(options: argparse.Namespace) -> int:
    """Print the state, from releases and small state files only.

    Args:
        options: Unused.

    Returns:
        0.
    """
    from orchestration.report import render_status

    load_env_file()
    out.print(render_status(load_settings()))
    return 0
