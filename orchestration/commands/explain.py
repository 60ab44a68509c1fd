"""``leadproof explain``: why a person is (not) in a stage."""

import argparse

from orchestration.commands.console import out
from orchestration.environment import load_env_file
from orchestration.settings import load_settings


def run(options: argparse.Namespace) -> int:
    """Print a person's timeline, evidence and what is missing, from the current release.

    Args:
        options: ``person``, an e-mail address or a person id.

    Returns:
        0.
    """
    from orchestration.report import explain

    load_env_file()
    out.print(explain(load_settings(), options.person))
    return 0
