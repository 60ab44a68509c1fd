"""``make bench``: builds in full, as an increment and with nothing new, measured against two yardsticks.

The order of work only: files are made in ``world``, processes measured in ``runs``, results told in
``results``.
"""

import argparse
import json
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from benchmarks import agreement, results
from benchmarks.demo import NAME, DemoBench
from benchmarks.measurement import machine
from benchmarks.runs import SCRATCH, SO_FAR, Runs, say
from benchmarks.world import SCALES, Scale, make_world, scale_of, size_of
from orchestration.errors import LeadproofError
from orchestration.settings import PROJECT_ROOT

KEPT = PROJECT_ROOT / "benchmarks" / "results"
PAGE = PROJECT_ROOT / "docs" / "benchmarks.md"
# Spilled as they are, the floor's own tables of a hundred million touches filled the disk.
_FLOOR_IN_MEMORY = 20_000_000
_PANDAS_BYTES = 20_000_000_000
_PANDAS_SHARE = 0.85


class Bench(Runs):
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
        super().__init__(scale.name, memory_limit, ["leadproof"])
        self.scale = scale
        self.pandas_seconds = pandas_seconds
        say(f"Simulating {scale.touches:,} touches, unless they are there")
        self.world = make_world(scale, self.folder, is_fresh=is_fresh)
        self.found["increment"] = {name: self.world.rows[name]["held"] for name in ("touches", "contacts")}
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
        self.parse()
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
        self.build(name, self._landed(name), "build", "--as-of", as_of.isoformat())

    def _landed(self, name: str) -> dict[str, int]:
        parts = ("first",) if name in ("full", "floor") else ("first", "held")
        return {table: sum(rows[part] for part in parts) for table, rows in self.world.rows.items()}

    def _floor(self, name: str, as_of: datetime, compared: str) -> None:
        if self.is_known(name):
            return
        database = self.folder / "floor" / "floor.duckdb"
        is_on_disk = self.scale.touches > _FLOOR_IN_MEMORY
        measured = self.measured(
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
                *(["--on-disk"] if is_on_disk else []),
            ],
            size=lambda: size_of(database.parent),
        )
        run = self.told(name, measured, self._landed(name)) | {
            "bytes_before": 0,
            "bytes_after": size_of(database.parent),
            "is_on_disk": is_on_disk,
        }
        floor = agreement.summarise(database)
        run["rows_published"] = sum(rows for rows, _ in floor.values())
        built = agreement.summarise(self.warehouse / "current" / "leadproof.duckdb")
        self.found.setdefault("rows", {})[compared] = {table: rows for table, (rows, _) in built.items()}
        self.found["differences"] += [f"{compared}: {text}" for text in agreement.differences(floor, built)]
        self.note(run)

    def _pandas(self) -> None:
        """Run pandas at this scale, and where it dies at the next smaller one."""
        names = list(SCALES)
        for name in reversed(names[: names.index(self.scale.name) + 1]):
            scale = SCALES[name]
            world = self.world if scale == self.scale else make_world(scale, SCRATCH / name)
            memory = int(float(machine()["memory_gb"]) * 1e9 * _PANDAS_SHARE)
            measured = self.measured(
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a benchmark, print its table, keep its results and write the page.

    Args:
        arguments: Words of the command line; None for the process's own.

    Returns:
        0 if all runs were made and the floor and the builds agree.
    """
    parser = argparse.ArgumentParser(prog="make bench", description="Measure builds against two yardsticks.")
    parser.add_argument("scale", nargs="?", default="1m", help="1m, 10m or 100m touches, or demo")
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
        found = _found(options)
    except LeadproofError as error:
        print(f"bench: {error.message} {error.hint}".strip(), file=sys.stderr)
        return 1
    KEPT.mkdir(parents=True, exist_ok=True)
    kept = KEPT / f"{found['scale']}.json"
    kept.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(results.page(results.read_all(KEPT, [NAME, *SCALES])), encoding="utf-8")
    for line in [*results.table_lines(found), ""]:
        print(line)
    for name, value in results.ratios(found).items():
        print(f"{name:<24} {value:6.2f}")
    for text in found["differences"]:
        print(f"Differs from the floor: {text}")
    return 1 if found["differences"] else 0


def _found(options: argparse.Namespace) -> results.Results:
    if options.scale == NAME:
        return DemoBench(options.memory_limit).run()
    bench = Bench(
        scale_of(options.scale),
        options.memory_limit,
        options.pandas_seconds,
        is_fresh=options.fresh,
        is_continued=options.is_continued,
    )
    return bench.run(with_pandas=not options.no_pandas)


if __name__ == "__main__":
    sys.exit(main())
