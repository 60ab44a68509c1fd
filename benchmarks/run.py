"""``make bench``: builds in full, as an increment and with nothing new, measured against two yardsticks.

The order of work only: files are made in ``world``, processes measured in ``measurement``, results told in
``results``.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import agreement, results
from benchmarks.measurement import Interval, Measured, machine, measure, peaks_within
from benchmarks.world import SCALES, Scale, make_world, scale_of, size_of
from orchestration.errors import LeadproofError
from orchestration.settings import PROJECT_ROOT

# Not in target/, which an erasure looks through: a simulated hundred million touches are nobody.
SCRATCH = PROJECT_ROOT / ".bench"
KEPT = PROJECT_ROOT / "benchmarks" / "results"
PAGE = PROJECT_ROOT / "docs" / "benchmarks.md"
SO_FAR = "so_far.json"
_SHOWN_NODES = 15
# Spilled as they are, the floor's own tables of a hundred million touches filled the disk.
_FLOOR_IN_MEMORY = 20_000_000
_PANDAS_BYTES = 20_000_000_000
_PANDAS_SHARE = 0.85
_VERSIONS = ("duckdb", "dbt-core", "dbt-duckdb", "dagster", "great-expectations", "pandas")


class Bench:
    """One benchmark of one scale.

    Args:
        scale: How large.
        memory_limit: DuckDB's memory limit for builds and floor, with its unit.
        pandas_seconds: Time after which pandas is stopped.
        is_fresh: Simulate again even if the same world lies there.
        is_continued: Keep the runs that an earlier benchmark of the same code and limit has ended.

    Raises:
        LeadproofError: If there is nothing that could be continued.
    """

    def __init__(
        self,
        scale: Scale,
        memory_limit: str,
        pandas_seconds: float,
        *,
        is_fresh: bool = False,
        is_continued: bool = False,
    ) -> None:
        self.scale = scale
        self.memory_limit = memory_limit
        self.pandas_seconds = pandas_seconds
        self.folder = SCRATCH / scale.name
        self.warehouse = self.folder / "warehouse"
        say(f"Simulating {scale.touches:,} touches, unless they are there")
        self.world = make_world(scale, self.folder, is_fresh=is_fresh)
        self.found: results.Results = {
            "scale": scale.name,
            "measured_on": datetime.now(UTC).date().isoformat(),
            "code": _code(),
            "machine": machine(),
            "versions": {name: importlib.metadata.version(name) for name in _VERSIONS}
            | {"python": platform.python_version()},
            "memory_limit": memory_limit,
            "increment": {name: self.world.rows[name]["held"] for name in ("touches", "contacts")},
            "runs": [],
            "pandas": [],
            "differences": [],
        }
        if is_continued:
            self.found = continued(self.folder / SO_FAR, self.found)

    def run(self, *, with_pandas: bool) -> results.Results:
        """Make all runs.

        Args:
            with_pandas: Whether the pandas yardstick is run.

        Returns:
            What was found.
        """
        if not self.found["runs"]:
            for name in ("warehouse", "dagster", "floor"):
                shutil.rmtree(self.folder / name, ignore_errors=True)
        self._parse()
        first, second = self.world.first_as_of, self.world.second_as_of
        self._build("full", first)
        self._floor("floor", first, "full")
        self.world.deliver()
        self._build("increment", second)
        self._build("nothing new", second)
        self._floor("floor, all rows", second, "increment")
        self.world.take_back()
        if with_pandas:
            self._pandas()
        return self.found

    def _build(self, name: str, as_of: datetime) -> None:
        if self._is_known(name):
            return
        self.found["building"] = name
        self._keep()
        before = size_of(self.warehouse)
        measured = self._measured(
            name,
            [sys.executable, "-m", "orchestration.cli", "build", "--as-of", as_of.isoformat()],
            size=lambda: size_of(self.warehouse),
        )
        phases, status = results.phases_of(self.warehouse)
        run = self._told(name, measured) | {
            "status": status,
            "bytes_before": before,
            "bytes_after": size_of(self.warehouse),
            "rows_published": results.published_rows(self.warehouse),
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
        self._note(run)

    def _floor(self, name: str, as_of: datetime, compared: str) -> None:
        if self._is_known(name):
            return
        database = self.folder / "floor" / "floor.duckdb"
        measured = self._measured(
            name,
            [
                *(sys.executable, "-m", "benchmarks.floor", str(self.world.landing), str(database)),
                *(
                    as_of.isoformat(),
                    "--memory-limit",
                    self.memory_limit,
                    "--threads",
                    str(os.cpu_count() or 2),
                ),
                *(["--on-disk"] if self.scale.touches > _FLOOR_IN_MEMORY else []),
            ],
            size=lambda: size_of(database.parent),
        )
        run = self._told(name, measured) | {"bytes_before": 0, "bytes_after": size_of(database.parent)}
        floor = agreement.summarise(database)
        run["rows_published"] = sum(rows for rows, _ in floor.values())
        built = agreement.summarise(self.warehouse / "current" / "leadproof.duckdb")
        self.found.setdefault("rows", {})[compared] = {table: rows for table, (rows, _) in built.items()}
        self.found["differences"] += [f"{compared}: {text}" for text in agreement.differences(floor, built)]
        self._note(run)

    def _pandas(self) -> None:
        """Run pandas at this scale, and where it dies at the next smaller one."""
        names = list(SCALES)
        for name in reversed(names[: names.index(self.scale.name) + 1]):
            scale = SCALES[name]
            world = self.world if scale == self.scale else make_world(scale, SCRATCH / name)
            memory = int(float(machine()["memory_gb"]) * 1e9 * _PANDAS_SHARE)
            measured = self._measured(
                f"pandas {name}",
                [
                    *(sys.executable, "-m", "benchmarks.pandas_funnel", str(world.landing)),
                    *(str(self.folder / "pandas"), world.first_as_of.isoformat()),
                ],
                limit_bytes=min(_PANDAS_BYTES, memory),
                limit_seconds=self.pandas_seconds,
            )
            died = ""
            if measured.exit_code is None:
                died = f"stopped after {self.pandas_seconds:.0f} s"
            elif measured.exit_code:
                died = f"died after {measured.wall_seconds:.0f} s: {measured.told}"
            self.found["pandas"].append(
                measured.facts() | {"scale": name, "touches": world.rows["touches"]["first"], "died": died}
            )
            if not died:
                break

    def _note(self, run: dict[str, Any]) -> None:
        """Keep a run at once: a large scale takes hours, and what comes after may fail."""
        self.found["runs"].append(run)
        self._keep()

    def _keep(self) -> None:
        (self.folder / SO_FAR).write_text(json.dumps(self.found, indent=2), encoding="utf-8")

    def _is_known(self, name: str) -> bool:
        is_known = any(run["name"] == name for run in self.found["runs"])
        if is_known:
            say(f"Keeping {name}")
        return is_known

    def _told(self, name: str, measured: Measured) -> dict[str, Any]:
        if measured.exit_code:
            raise LeadproofError(
                f"The run '{name}' ended with exit code {measured.exit_code}: {measured.told}",
                f"Read {self._log(name)}.",
            )
        parts = ("first",) if name in ("full", "floor") else ("first", "held")
        landed = {table: sum(rows[part] for part in parts) for table, rows in self.world.rows.items()}
        return measured.facts() | {
            "name": name,
            "touches": landed["touches"],
            "rows_landed": sum(landed.values()),
            "peak_size_bytes": max((sample.size_bytes for sample in measured.samples), default=0),
        }

    def _measured(self, name: str, command: Sequence[str], **limits: Any) -> Measured:
        say(f"Running {name}")
        measured = measure(
            command, environment=self._environment(), folder=PROJECT_ROOT, log=self._log(name), **limits
        )
        say(f"  {measured.wall_seconds:.1f} s, {measured.peak_bytes / results.GIGABYTE:.2f} GB")
        return measured

    def _log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name.replace(' ', '_').replace(',', '')}.log"

    def _parse(self) -> None:
        """Read the dbt project once beforehand, as ``make setup`` does."""
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
            "LEADPROOF_LANDING": str(self.world.landing),
            "LEADPROOF_WAREHOUSE": str(self.warehouse),
            "LEADPROOF_SOURCE_SYSTEMS": "leadproof",
            "LEADPROOF_MEMORY_LIMIT": self.memory_limit,
            "LEADPROOF_THREADS": str(os.cpu_count() or 2),
            "LEADPROOF_ID_SALT": "",
            "DAGSTER_HOME": str(self.folder / "dagster"),
            "DBT_TARGET_PATH": str(SCRATCH / "dbt"),
        }


def _peaks(measured: Measured, intervals: Mapping[str, Sequence[Interval]]) -> dict[str, dict[str, int]]:
    return {name: peaks_within(measured.samples, parts) for name, parts in intervals.items()}


def continued(path: Path, found: results.Results) -> results.Results:
    """Read what an interrupted benchmark had found.

    Args:
        path: Where it was kept.
        found: What a benchmark of the present code finds before its first run.

    Returns:
        What was found, runs that ended included.

    Raises:
        LeadproofError: If there is none, it is another's, or it was interrupted in a build after the first:
            the next would find half of it done.
    """
    afresh = "Run the benchmark without --continue."
    if not path.exists():
        raise LeadproofError("No benchmark of this size was interrupted.", afresh)
    kept: results.Results = json.loads(path.read_text(encoding="utf-8"))
    for name in ("code", "memory_limit", "versions", "increment"):
        if kept[name] != found[name]:
            raise LeadproofError(f"The interrupted benchmark had another {name.replace('_', ' ')}.", afresh)
    building = kept.pop("building", None)
    if building is not None and kept["runs"]:
        raise LeadproofError(f"The benchmark was interrupted in its build '{building}'.", afresh)
    return kept


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a benchmark, print its table, keep its results and write the page.

    Args:
        arguments: Words of the command line; None for the process's own.

    Returns:
        0 if all runs were made and the floor and the builds agree.
    """
    parser = argparse.ArgumentParser(prog="make bench", description="Measure builds against two yardsticks.")
    parser.add_argument("scale", nargs="?", default="1m", help="1m, 10m or 100m touches")
    parser.add_argument(
        "--fresh", action="store_true", help="simulate again even if the same world lies there"
    )
    parser.add_argument(
        "--continue",
        dest="is_continued",
        action="store_true",
        help="keep the runs that an interrupted benchmark of the same code has ended",
    )
    parser.add_argument("--no-pandas", action="store_true", help="leave the pandas yardstick out")
    parser.add_argument("--memory-limit", default="16GB", help="DuckDB's memory limit (default 16GB)")
    parser.add_argument("--pandas-seconds", type=float, default=3600, help="stop pandas then (default 3600)")
    options = parser.parse_args(arguments)
    # Stopped from outside, it still stops what it has started.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        bench = Bench(
            scale_of(options.scale),
            options.memory_limit,
            options.pandas_seconds,
            is_fresh=options.fresh,
            is_continued=options.is_continued,
        )
        found = bench.run(with_pandas=not options.no_pandas)
    except LeadproofError as error:
        print(f"bench: {error.message} {error.hint}".strip(), file=sys.stderr)
        return 1
    KEPT.mkdir(parents=True, exist_ok=True)
    kept = KEPT / f"{found['scale']}.json"
    kept.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(results.page(results.read_all(KEPT, list(SCALES))), encoding="utf-8")
    for line in [*results.table_lines(found), ""]:
        print(line)
    for name, value in results.ratios(found).items():
        print(f"{name:<24} {value:6.2f}")
    for text in found["differences"]:
        print(f"Differs from the floor: {text}")
    return 1 if found["differences"] else 0


if __name__ == "__main__":
    sys.exit(main())
