"""``leadproof rollback``: let readers see another release; nothing is rebuilt or deleted."""

import argparse

from orchestration.commands.console import out
from orchestration.environment import load_env_file
from orchestration.release import rollback
from orchestration.settings import load_settings


def run(options: argparse.Namespace) -> int:
    """Move the pointer that readers follow.

    Args:
        options: ``release``.

    Returns:
        0.
    """
    load_env_file()
    settings = load_settings()
    release = rollback(settings, options.release)
    out.print(
        f"Readers now see {release.release_id}, as of {release.as_of:%Y-%m-%d %H:%M} UTC.", markup=False
    )
    out.print("The next build that passes its audit publishes a newer one.")
    return 0
