"""``leadproof simulate``: synthetic landing files with a known truth."""

import argparse
import time
from pathlib import Path

from orchestration.commands.console import out, say_share, working
from orchestration.errors import LeadproofError


def run(options: argparse.Namespace) -> int:
    """Write the files.

    Args:
        options: ``people``, ``days``, ``seed``, ``out``.

    Returns:
        0.

    Raises:
        LeadproofError: If the folder holds something already.
    """
    folder = Path(options.out).expanduser().absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise LeadproofError(f"{folder} holds something already.", "Give an empty or a new folder in --out.")
    from orchestration.simulation import simulate

    started = time.monotonic()
    with working(f"Simulating {options.people:,} people over {options.days} days"):
        simulate(folder, people=options.people, days=options.days, seed=options.seed, progress=say_share)
    out.print(f"Wrote {folder} in {time.monotonic() - started:.1f} s.", markup=False)
    out.print(f"Build it with LEADPROOF_LANDING={folder} leadproof build", markup=False)
    return 0
