"""What all benchmarks share: a folder of their own, processes that are measured, what is found and kept.

Which runs are made does not belong here but in ``run`` and ``demo``.
"""

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.measurement import Interval, Measured, machine, measure, peaks_within
from benchmarks.world import size_of
from orchestration.errors import LeadproofError
from orchestration.settings import PROJECT_ROOT

# Not in target/, which an erasure looks through: a simulated hundred million touches are nobody.
SCRATCH = PROJECT_ROOT / ".bench"
SO_FAR = "so_far.json"
_SHOWN_NODES = 15
_VERSIONS = ("duckdb", "dbt-core", "dbt-duckdb", "dagster", "great-expectations", "pandas")


class Runs:
    """Runs of one benchmark.

    Args:
        scale: Its name.
        memory_limit: DuckDB's memory limit, with its unit.
        systems: Source systems that are on.

    Attributes:
        folder: Where all of it lies.
        found: What was found so far.
    """

    def __init__(self, scale: str, memory_limit: str, systems: Sequence[str]) -> None:
        self.memory_limit = memory_limit
        self.systems = systems
        self.folder = SCRATCH / scale
        self.warehouse = self.folder / "warehouse"
        self.landing = self.folder / "landing"
        self.found: results.Results = {
            "scale": scale,
            "measured_on": datetime.now(UTC).date().isoformat(),
            "code": _code(),
            "machine": machine(),
            "versions": {name: importlib.metadata.version(name) for name in _VERSIONS}
            | {"python": platform.python_version()},
            "memory_limit": memory_limit,
            "runs": [],
            "pandas": [],
            "differences": [],
        }

    def build(self, name: str, landed: Mapping[str, int] | None, *words: str) -> None:
        """Run ``leadproof build``, or another command that builds, unless its result is kept.

        Args:
            name: Of the run.
            landed: Landed rows by table; None where nobody counted.
            words: The command and its words.

        Raises:
            LeadproofError: If it failed.
        """
        if self.is_known(name):
            return
        self.found["building"] = name
        self.keep()
        before, files_before = size_of(self.warehouse), results.month_files(self.warehouse)
        measured = self.measured(
            name, [sys.executable, "-m", "orchestration.cli", *words], size=lambda: size_of(self.warehouse)
        )
        run = self.told(name, measured, landed)
        phases, status = results.phases_of(self.warehouse)
        files = results.month_files(self.warehouse)
        run |= {
            "status": status,
            "bytes_before": before,
            "bytes_after": size_of(self.warehouse),
            "rows_published": results.published_rows(self.warehouse),
            "month_files": len(files),
            "months_shared": len(files & files_before),
            "phases": phases,
            "phase_peaks": _peaks(measured, results.phase_intervals(self.warehouse)),
        }
        if status != "unchanged":
            nodes = results.dbt_nodes(self.warehouse)
            run["layers"] = results.layers_of(nodes)
            run["layer_peaks"] = _peaks(measured, results.layer_intervals(nodes))
            run["slowest"] = [
                {"layer": node.layer, "name": node.name, "seconds": round(node.seconds, 1)}
                for node in nodes[:_SHOWN_NODES]
            ]
        del self.found["building"]
        self.note(run)

    def note(self, run: dict[str, Any]) -> None:
        """Keep a run at once: a large scale takes hours, and what comes after may fail.

        Args:
            run: What it took.
        """
        self.found["runs"].append(run)
        self.keep()

    def keep(self) -> None:
        """Write down what was found so far."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / SO_FAR).write_text(json.dumps(self.found, indent=2), encoding="utf-8")

    def is_known(self, name: str) -> bool:
        """Tell whether a run was made before an interruption.

        Args:
            name: Of the run.

        Returns:
            Whether its result is kept.
        """
        is_known = any(run["name"] == name for run in self.found["runs"])
        if is_known:
            say(f"Keeping {name}")
        return is_known

    def told(self, name: str, measured: Measured, landed: Mapping[str, int] | None) -> dict[str, Any]:
        """Tell what a run took.

        Args:
            name: Of the run.
            measured: What was measured.
            landed: Landed rows by table; None where nobody counted.

        Returns:
            The beginning of its result.

        Raises:
            LeadproofError: If it failed.
        """
        if measured.exit_code:
            raise LeadproofError(
                f"The run '{name}' ended with exit code {measured.exit_code}: {measured.told}",
                f"Read {self._log(name)}.",
            )
        counts = (
            {} if landed is None else {"touches": landed["touches"], "rows_in_files": sum(landed.values())}
        )
        return measured.facts() | {
            "name": name,
            **counts,
            "peak_size_bytes": max((sample.size_bytes for sample in measured.samples), default=0),
        }

    def measured(self, name: str, command: Sequence[str], **limits: Any) -> Measured:
        """Run a command and say what it took.

        Args:
            name: Of the run.
            command: Program and words.
            limits: What else ``measure`` is told.

        Returns:
            What it took.
        """
        say(f"Running {name}")
        measured = measure(
            command, environment=self._environment(), folder=PROJECT_ROOT, log=self._log(name), **limits
        )
        say(f"  {measured.wall_seconds:.1f} s, {measured.peak_bytes / results.GIGABYTE:.2f} GB")
        return measured

    def _log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name.replace(' ', '_').replace(',', '')}.log"

    def parse(self) -> None:
        """Read the dbt project once beforehand, as ``make setup`` does.

        Raises:
            LeadproofError: If dbt cannot.
        """
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "from orchestration import dbt, settings; dbt.ensure_manifest(settings.load_settings())",
            ],
            cwd=PROJECT_ROOT,
            env=self._environment(),
            check=False,
        )
        if done.returncode:
            raise LeadproofError("dbt cannot read the project.", "Run `make check`.")

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LEADPROOF_", "DBT_", "DAGSTER_"))
        }
        return kept | {
            "PYTHONPATH": str(PROJECT_ROOT),
            "LEADPROOF_LANDING": str(self.landing),
            "LEADPROOF_WAREHOUSE": str(self.warehouse),
            "LEADPROOF_SOURCE_SYSTEMS": ",".join(self.systems),
            "LEADPROOF_MEMORY_LIMIT": self.memory_limit,
            "LEADPROOF_THREADS": str(os.cpu_count() or 2),
            "LEADPROOF_ID_SALT": "",
            "DAGSTER_HOME": str(self.folder / "dagster"),
            "DBT_TARGET_PATH": str(SCRATCH / "dbt"),
        }


def _peaks(measured: Measured, intervals: Mapping[str, Sequence[Interval]]) -> dict[str, dict[str, int]]:
    return {name: peaks_within(measured.samples, parts) for name, parts in intervals.items()}


def say(text: str) -> None:
    """Tell what is being done, with the time of day (UTC).

    Args:
        text: A few words.
    """
    print(f"[{datetime.now(UTC):%H:%M:%S}] {text}", flush=True)


def _code() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"
