"""What a benchmark found: read from a build's own records, kept as JSON, told as one table and as a page."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.measurement import Interval

Results = dict[str, Any]
BUILDS = ("full", "increment", "nothing new")
GIGABYTE = 1e9
_TOLD_NODES = 8
# To the thousand: rows of one instant are held back together, so no two scales hold back just as many.
_SAME_DIGITS = -3
_PAGE_HEAD = """# Benchmarks

Written by `make bench` from `benchmarks/results/`; edit `benchmarks/results.py`, not this page.

Seconds belong to the machine and to what else it did; the ratios within one run carry over. `floor` is
`benchmarks/floor.sql`: the same funnel tables by one hand-written DuckDB script, from the same files, with
the same memory and threads, without reports, tests, audits, reconciliation or a release. `pandas` is
`benchmarks/pandas_funnel.py`, the ordinary way. Ratios of processor time stand beside those of wall time,
because they change less with what else the machine does.

To repeat it: `make bench SCALE=1m` (or `10m`, `100m`). `make bench SCALE=demo` tells where the seconds of the
demo go.
"""


def phases_of(warehouse: Path) -> tuple[dict[str, float], str]:
    """Read the phases of the latest build.

    Args:
        warehouse: The warehouse.

    Returns:
        Seconds by phase and the build's status.
    """
    latest = max((warehouse / "state" / "builds").glob("b*.json"))
    record = json.loads(latest.read_text(encoding="utf-8"))
    phases: dict[str, float] = defaultdict(float)
    for phase in record["phases"]:
        phases[phase["name"]] += phase["seconds"]
    return dict(phases), record["status"]


def phase_intervals(warehouse: Path) -> dict[str, list[Interval]]:
    """Read from when to when each phase of the latest build lasted.

    Args:
        warehouse: The warehouse.

    Returns:
        Intervals by phase.
    """
    latest = max((warehouse / "logs").glob("b*.jsonl"))
    found: dict[str, list[Interval]] = defaultdict(list)
    for line in latest.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["event"] == "phase_ended":
            until = _seconds_since_1970(event["at"])
            found[event["phase"]].append((until - event["seconds"], until))
    return dict(found)


def published_rows(warehouse: Path) -> int:
    """Count the rows of the release that readers see.

    Args:
        warehouse: The warehouse.

    Returns:
        Rows of all its tables.
    """
    manifest = json.loads((warehouse / "current" / "manifest.json").read_text(encoding="utf-8"))
    return sum(table["rows"] for table in manifest["tables"].values())


def month_files(warehouse: Path) -> set[str]:
    """List the files of months that the release that readers see is made of.

    Args:
        warehouse: The warehouse.

    Returns:
        Table and file name of each; none where there is no release yet.
    """
    path = warehouse / "current" / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"tables": {}}
    return {
        f"{table}/{month['file']}"
        for table, entry in manifest["tables"].items()
        for month in entry.get("months") or []
    }


@dataclass(frozen=True)
class Node:
    """What dbt took for one of its nodes.

    Args:
        layer: Folder of ``models/``, ``reports`` of either, or the resource type of other nodes.
        name: Its name.
        seconds: What it took.
        interval: From when to when it ran; None if it did not.
    """

    layer: str
    name: str
    seconds: float
    interval: Interval | None


def dbt_nodes(warehouse: Path) -> list[Node]:
    """Read what dbt ran last.

    Args:
        warehouse: The warehouse.

    Returns:
        Nodes, slowest first.
    """
    folder = warehouse / "build" / "dbt"
    results = json.loads((folder / "run_results.json").read_text(encoding="utf-8"))["results"]
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    found = []
    for result in results:
        kind, _, name = result["unique_id"].split(".", 2)
        node = manifest.get(result["unique_id"])
        layer = f"{kind}s"
        if kind == "model" and node:
            # The floor makes no reports, so what they take is told by itself.
            layer = "reports" if "reports" in node["fqn"] else node["fqn"][1]
        ran = next((part for part in result["timing"] if part["name"] == "execute"), None)
        interval = (
            (_seconds_since_1970(ran["started_at"]), _seconds_since_1970(ran["completed_at"]))
            if ran and ran["completed_at"]
            else None
        )
        found.append(Node(layer, name, float(result["execution_time"]), interval))
    return sorted(found, key=lambda node: -node.seconds)


def layer_intervals(nodes: Sequence[Node]) -> dict[str, list[Interval]]:
    """Say from when to when something of each layer ran.

    Args:
        nodes: What ``dbt_nodes`` returns.

    Returns:
        Intervals by layer.
    """
    found: dict[str, list[Interval]] = defaultdict(list)
    for node in nodes:
        if node.interval is not None:
            found[node.layer].append(node.interval)
    return dict(found)


def layers_of(nodes: Sequence[Node]) -> dict[str, float]:
    """Add up dbt's seconds by layer; two nodes that run at once count both.

    Args:
        nodes: What ``dbt_nodes`` returns.

    Returns:
        Seconds by layer.
    """
    layers: dict[str, float] = defaultdict(float)
    for node in nodes:
        layers[node.layer] += node.seconds
    return dict(layers)


def ratios(results: Results) -> dict[str, float]:
    """Compute the ratios that a result is judged by, as far as its runs were made.

    Args:
        results: One scale's results.

    Returns:
        Ratios by name, of wall and of processor seconds.
    """
    runs = {run["name"]: run for run in results["runs"]}
    wanted = {"full / floor": ("full", "floor"), "increment / full": ("increment", "full")}
    for attempt in results.get("pandas", []):
        if attempt["scale"] == results["scale"] and not attempt["died"]:
            runs["pandas"] = attempt
            wanted["pandas / floor"] = ("pandas", "floor")
    return {
        f"{name}, {kind}": round(runs[over][f"{kind}_seconds"] / runs[under][f"{kind}_seconds"], 3)
        for name, (over, under) in wanted.items()
        if over in runs and under in runs
        for kind in ("wall", "cpu")
    }


def growth(all_results: Sequence[Results]) -> dict[str, float]:
    """Compute by how much a day's increment costs more on a longer history.

    Args:
        all_results: Results, smallest scale first.

    Returns:
        Ratios by name, of wall and of processor seconds, of each scale to the next smaller one whose
        increment brings about as many rows. They are ratios of two runs, so they say less than others.
    """
    measured = [
        (results["scale"], round(sum(results["increment"].values()), _SAME_DIGITS), run)
        for results in all_results
        for run in results["runs"]
        if run["name"] == "increment"
    ]
    return {
        f"increment {large} / increment {small}, {kind}": round(
            larger[f"{kind}_seconds"] / smaller[f"{kind}_seconds"], 3
        )
        for (small, few, smaller), (large, many, larger) in pairwise(measured)
        if few == many
        for kind in ("wall", "cpu")
    }


def table_lines(results: Results) -> list[str]:
    """Tell one scale's results as a Markdown table that reads well on a terminal too.

    Args:
        results: One scale's results.

    Returns:
        Lines.
    """
    runs = results["runs"]
    attempts = [
        {**attempt, "name": f"pandas {attempt['scale']}{', died' if attempt['died'] else ''}"}
        for attempt in results.get("pandas", [])
    ]
    columns = [*runs, *attempts]
    phases = _in_order(run.get("phases", {}) for run in runs)
    layers = _in_order(run.get("layers", {}) for run in runs)
    rows = [["", *(column["name"] for column in columns)]]
    counts = (
        ("touches", "touches"),
        ("rows in files", "rows_in_files"),
        ("rows published", "rows_published"),
        ("files of months", "month_files"),
        ("of these shared", "months_shared"),
    )
    for title, key in counts:
        if any(key in column for column in columns):
            rows.append([title, *(f"{column[key]:,}" if key in column else "" for column in columns)])
    rows.append(["wall s", *(f"{column['wall_seconds']:.1f}" for column in columns)])
    rows.append(["cpu s", *(f"{column['cpu_seconds']:.1f}" for column in columns)])
    rows.append(["peak memory GB", *(f"{column['peak_bytes'] / GIGABYTE:.2f}" for column in columns)])
    if any("peak_size_bytes" in column for column in columns):
        rows.append(["peak size GB", *(_size(column, "peak_size_bytes") for column in columns)])
    rows.append(["size before GB", *(_size(column, "bytes_before") for column in columns)])
    rows.append(["size after GB", *(_size(column, "bytes_after") for column in columns)])
    for title, key, names in (("", "phases", phases), ("dbt ", "layers", layers)):
        rows += [
            [f"{title}{name} s", *(_seconds(column.get(key, {}).get(name)) for column in columns)]
            for name in names
        ]
    rows.append(["all else s", *(_seconds(_beside_phases(column)) for column in columns)])
    for title, kind in (("memory", "memory_bytes"), ("size", "size_bytes")):
        for prefix, key, names in (("", "phase_peaks", phases), ("dbt ", "layer_peaks", layers)):
            rows += [
                [
                    f"{prefix}{name} {title} GB",
                    *(_size(column.get(key, {}).get(name, {}), kind) for column in columns),
                ]
                for name in names
                if any(column.get(key, {}).get(name) for column in columns)
            ]
    return _aligned(rows)


def page(all_results: Sequence[Results]) -> str:
    """Write the page of all scales that were measured.

    Args:
        all_results: Results, smallest scale first.

    Returns:
        Markdown.
    """
    lines = [_PAGE_HEAD]
    if not all_results:
        lines += ["No size has been measured to its end yet.", ""]
    for results in all_results:
        machine = results["machine"]
        versions = ", ".join(f"{name} {version}" for name, version in sorted(results["versions"].items()))
        lines += [
            f"## {results['scale']}",
            "",
            f"Measured on {results['measured_on']}, code `{results['code']}`; {machine['cores']} cores,"
            f" {machine['memory_gb']} GB of memory, DuckDB held to {results['memory_limit']};"
            f" load before the first run {machine['load']}; {versions}.",
        ]
        if "increment" in results:
            lines += [
                f"The increment is {results['increment']['touches']:,} touches and"
                f" {results['increment']['contacts']:,} contact versions.",
                "",
                *_ratio_lines(ratios(results)),
            ]
        lines += [
            "",
            *table_lines(results),
            "",
        ]
        lines += [
            f"- Dearest nodes of dbt, {run['name']}: "
            + ", ".join(f"`{node['name']}` {node['seconds']:.0f} s" for node in run["slowest"][:_TOLD_NODES])
            + "."
            for run in results["runs"]
            if run.get("slowest")
        ]
        lines.append("")
        lines += [
            f"- pandas {each['scale']}: {each['died']}" for each in results.get("pandas", []) if each["died"]
        ]
        lines += [f"- Differs from the floor: {text}" for text in results["differences"]]
        lines += [f"- {text}" for text in results.get("remarks", [])]
        lines.append("")
    if found := growth(all_results):
        lines += [
            "## The same day on a longer history",
            "",
            "Of two runs, so what else the machine did counts here.",
            "",
            *_ratio_lines(found),
            "",
        ]
    lines += [
        "Memory is the sum of RSS over the process tree, sampled four times a second; of a phase or a layer",
        "the largest while it lasted, with what ran beside it. A layer's seconds add up what its nodes took,",
        "also those that ran at once. Size is the warehouse on disk, shared files counted once, and within a",
        "phase what was spilled; the floor's is its database, with the tables that only the script needs,",
        "where these lie on disk (above 20 million touches). Rows in files are those of all tables, files",
        "that came twice included; rows published those of the release, or the floor's own. All else is what",
        "no phase takes: imports, the",
        "start and end of processes, for the demo its simulation. Long marts lie in files of months; shared",
        "are those that the release before holds, too.",
    ]
    return (
        "\n".join(line for number, line in enumerate(lines) if line or number == 0 or lines[number - 1])
        + "\n"
    )


def read_all(folder: Path, order: Sequence[str]) -> list[Results]:
    """Read the kept results.

    Args:
        folder: Where they lie, one file for each scale.
        order: Names of the scales, smallest first.

    Returns:
        Results in that order.
    """
    paths = [folder / f"{name}.json" for name in order]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def _ratio_lines(found: Mapping[str, float]) -> list[str]:
    return _aligned([["ratio", "value"], *([name, f"{value:.2f}"] for name, value in found.items())])


def _in_order(maps: Iterable[Mapping[str, float]]) -> list[str]:
    return list(dict.fromkeys(name for each in maps for name in each))


def _size(column: Mapping[str, Any], key: str) -> str:
    return f"{column[key] / GIGABYTE:.2f}" if key in column else ""


def _beside_phases(column: Mapping[str, Any]) -> float | None:
    phases = column.get("phases")
    return column["wall_seconds"] - sum(phases.values()) if phases else None


def _seconds_since_1970(moment: str) -> float:
    return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = [
        "| "
        + " | ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in rows
    ]
    rule = "|" + "|".join(
        "-" * (width + 2) if place == 0 else "-" * (width + 1) + ":" for place, width in enumerate(widths)
    )
    return [lines[0], f"{rule}|", *lines[1:]]
