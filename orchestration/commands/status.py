"""``leadproof status``: whether today's data is fresh, audited and published, and what to do otherwise."""

import argparse

from orchestration.commands.console import out
from orchestration.environment import load_env_file
from orchestration.settings import load_settings


def run(options: argparse.Namespace) -> int:
    """Print the state, from releases and small state files only.

    Args:
        options: ``check``: answer with the exit code, for a monitor.

    Returns:
        0; with ``check``, 1 if there is an alarm or nothing is published yet.
    """
    from orchestration.report import render_status

    load_env_file()
    status = render_status(load_settings())
    out.print(status)
    is_well = status.release is not None and not status.alarms
    return 0 if is_well or not options.check else 1
