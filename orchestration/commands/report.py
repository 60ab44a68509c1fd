"""``leadproof report``: the quality report of a build, written again."""

import argparse

from orchestration import records
from orchestration.commands.console import out, working
from orchestration.environment import load_env_file
from orchestration.errors import LeadproofError
from orchestration.settings import load_settings


def run(options: argparse.Namespace) -> int:
    """Write the report and say where it lies.

    Args:
        options: ``build``, a build id or None for the last build.

    Returns:
        0.

    Raises:
        LeadproofError: If there is no such build.
    """
    from orchestration.report import write_quality_report

    load_env_file()
    settings = load_settings()
    known = records.build_ids(settings)
    if not known:
        raise LeadproofError("There is no build to report on.", "Run leadproof build first.")
    build_id = options.build or known[0]
    if build_id not in known:
        raise LeadproofError(f"There is no build '{build_id}'.", f"The last ones are {', '.join(known[:3])}.")
    with working("Writing the quality report"):
        page = write_quality_report(settings, build_id)
    out.print(f"Quality report: {page}", markup=False)
    return 0
