"""What ``leadproof demo`` takes, and where the seconds of its build go.

No yardstick belongs here: a company this small says nothing about the rules, only about starting.
"""

import shutil

from benchmarks import results
from benchmarks.runs import Runs
from orchestration.settings import load_settings

NAME = "demo"
"""Its word in place of a scale."""


class DemoBench(Runs):
    """The demo, then the same files built again: into an empty warehouse, and with nothing new.

    Args:
        memory_limit: DuckDB's memory limit, with its unit.
    """

    def __init__(self, memory_limit: str) -> None:
        super().__init__(NAME, memory_limit, load_settings().source_systems)

    def run(self) -> results.Results:
        """Make all runs.

        Returns:
            What was found.
        """
        shutil.rmtree(self.folder, ignore_errors=True)
        self.parse()
        self.build("demo", None, "demo")
        shutil.rmtree(self.warehouse)
        self.build("its build", None, "build")
        self.build("nothing new", None, "build")
        return self.found
