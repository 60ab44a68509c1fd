"""Mutated files through the real loader, held against a reader of its own: nothing may disappear.

The reader looks at the dropped bytes, not at the loader: which marks stand in them, and on which lines. What
was loaded, set aside or refused is read from the build database afterwards. How files are mutated belongs to
``mutations``, what happens to files while they are read to ``races``.
"""

import gzip
import hashlib
import io
import re
import shutil
import zlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from orchestration.landing import load_landing
from orchestration.landing.declarations import read_declarations
from orchestration.settings import PROJECT_ROOT, Settings
from tests.integration.compiled_world import CompiledWorld
from tests.integration.harness import begin_build, connect, fetch, load_policy, make_warehouse
from tests.integration.staging_world import SYSTEMS
from tests.proof.mutations import Columns, Dropped, draw_files

NOW = datetime(2026, 6, 30, 12)
BATCH = 50
_MARK = re.compile(r"mk[0-9a-f]{8}")
_LEDGER = "select path, status, message, content_hash, row_count, reject_count from landing.files"


def declared_columns() -> Columns:
    """Every declared table of the three systems with its columns."""
    return {key: table.columns for key, table in read_declarations(PROJECT_ROOT, SYSTEMS).items()}


@dataclass
class Found:
    """What the loader made of one file.

    Args:
        status: ``loaded``, ``duplicate`` or ``refused``; empty if it is not in the ledger.
        message: The reason, if it was not loaded.
        rows: Text of every loaded row by the line on which it begins.
        rejects: Text of every line that was set aside, by line.
    """

    status: str = ""
    message: str = ""
    rows: dict[int, str] = field(default_factory=dict)
    rejects: dict[int, str] = field(default_factory=dict)


def prove_batch(
    compiled: CompiledWorld | None, folder: Path, seed: int, batch: int, size: int = BATCH
) -> Counter[str]:
    """Drop a batch of files, load it, and account for every line.

    Args:
        compiled: The compiled models of the three systems, to judge rows with; null to stop at loading.
        folder: An empty folder.
        seed: The same seed and batch give the same files.
        batch: Number of the batch.
        size: How many files.

    Returns:
        What there was, counted.

    Raises:
        AssertionError: If a line disappeared, a good row was stopped, or a file was refused without need.
    """
    files = draw_files(declared_columns(), seed, size, batch)
    settings = make_warehouse(folder, folder / "landing", source_systems=SYSTEMS)
    if compiled is not None:
        settings = make_warehouse(
            folder, folder / "landing", source_systems=SYSTEMS, load_modes=compiled.settings.load_modes
        )
        shutil.copyfile(compiled.settings.build_db, settings.build_db)
        _forget_rows(settings, compiled)
    for file in files:
        path = settings.landing / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    load_landing(settings, now=NOW)
    found = what_was_found(settings)
    tally: Counter[str] = Counter()
    problems = []
    for file in files:
        told = found.get(file.path, Found())
        problems += [
            f"{file.path} ({file.kind}): {problem}" for problem in unexplained(file, told, found, files)
        ]
        tally.update(
            {
                "files": 1,
                f"files {told.status or 'unknown'}": 1,
                f"kind {file.kind}": 1,
                "rows loaded": len(told.rows),
                "lines set aside": len(told.rejects),
            }
        )
    if compiled is not None:
        problems += _unbalanced(settings, compiled, files, found, tally)
    assert not problems, f"Seed {seed}, batch {batch}:\n" + "\n".join(problems[:40])
    return tally


def what_was_found(settings: Settings) -> dict[str, Found]:
    """Read what became of every file, from ledger, raw tables and rejects."""
    found: dict[str, Found] = {}
    with connect(settings, read_only=True) as database:
        for path, status, message, _, rows, rejects in database.execute(
            f"{_LEDGER} order by file_id"
        ).fetchall():
            found[path] = Found(status, message or "")
            found[path].rows, found[path].rejects = {}, {}
            del rows, rejects
        tables = database.execute(
            "select schema_name, table_name from duckdb_tables() where starts_with(schema_name, 'raw_')"
        ).fetchall()
        for schema, table in tables:
            cursor = database.execute(f'select * from "{schema}"."{table}"')
            names = [column[0] for column in cursor.description or ()]
            for values in cursor.fetchall():
                row = dict(zip(names, values, strict=True))
                text = "\x1f".join(_shown(value) for name, value in row.items() if name not in _PROVENANCE)
                _add_once(found[row["_source_file"]].rows, row["_source_row"], text, row["_source_file"])
        for path, line, text in database.execute(
            "select source_file, source_row, raw_text from landing.rejects"
        ).fetchall():
            _add_once(found[path].rejects, line, text, path)
        for path, rows, rejects in database.execute(
            "select path, row_count, reject_count from landing.files where status = 'loaded'"
        ).fetchall():
            held = found[path]
            assert (rows, rejects) == (len(held.rows), len(held.rejects)), (
                f"{path}: the ledger counts otherwise"
            )
    return found


_PROVENANCE = ("_load_id", "_loaded_at", "_observed_at", "_source_file", "_source_row")


def unexplained(file: Dropped, told: Found, found: dict[str, Found], files: list[Dropped]) -> list[str]:
    """Say what of a file disappeared, was counted twice, or was refused without need.

    Args:
        file: The file.
        told: What the loader made of it.
        found: What it made of all files.
        files: All files.
    """
    if not told.status:
        return ["the ledger does not know it"]
    if told.status == "refused":
        if not told.message.strip():
            return ["it was refused without a reason"]
        return [] if file.may_be_refused else [f"it was refused: {told.message}"]
    content = _unpacked(file)
    if content is None:
        return ["it was loaded, and cannot be unpacked"]
    if told.status == "duplicate":
        twins = [
            other
            for other in files
            if other.path != file.path
            and _digest(other) == _digest(file)
            and found[other.path].status == "loaded"
        ]
        return [] if twins else ["it is called a duplicate, and no other file has its content"]
    if ".parquet" in file.path:
        return _parquet_problems(file, content, told)
    text = content.decode(file.encoding, "replace")
    problems = _mark_problems(text, told)
    return problems + ([] if file.is_bent and "\0" in text[:1] else _line_problems(file, text, told))


def _mark_problems(text: str, told: Found) -> list[str]:
    """Marks of the file that stand nowhere, or oftener or seldomer than in the file."""
    header = text.find("\n")
    there = Counter(_MARK.findall(text))
    if not there and header < 0:
        return []
    got = Counter(
        mark for held in (told.rows, told.rejects) for row in held.values() for mark in _MARK.findall(row)
    )
    lost, added = there - got, got - there
    return [f"{sum(lost.values())} marks are lost: {sorted(lost)[:3]}"] * bool(lost) + [
        f"{sum(added.values())} marks are told twice: {sorted(added)[:3]}"
    ] * bool(added)


def _line_problems(file: Dropped, text: str, told: Found) -> list[str]:
    """Lines that are neither a row, nor set aside, nor blank, nor within a row."""
    if "\n" not in text:
        text = text.replace("\r", "\n")
    lines = text.removeprefix("\ufeff").split("\n")
    is_json = ".jsonl" in file.path
    begins = 1 if is_json else _line_after_header(lines)
    starts = sorted({*told.rows, *told.rejects})
    problems = []
    both = told.rows.keys() & told.rejects.keys()
    if both:
        problems.append(f"lines {sorted(both)[:3]} are both loaded and set aside")
    if starts and not begins <= starts[0] <= starts[-1] <= len(lines):
        problems.append(f"a row begins on line {starts[0]} or {starts[-1]}, outside of the file")
    for number, line in enumerate(lines, start=1):
        if number < begins or number in told.rows or number in told.rejects or not line.rstrip("\r"):
            continue
        if is_json and not line.strip():
            continue
        before = max((start for start in starts if start < number), default=0)
        held = told.rows.get(before, told.rejects.get(before, ""))
        if not before or held.count("\n") < number - before:
            problems.append(f"line {number} is not accounted for")
    return problems


def _line_after_header(lines: list[str]) -> int:
    """The line on which the records begin: the header is the first that is not blank, nor Excel's hint."""
    for number, line in enumerate(lines, start=1):
        if line.rstrip("\r") and not re.match(r"sep=.\r?$", line, re.IGNORECASE):
            return number + 1
    return len(lines) + 1


def _parquet_problems(file: Dropped, content: bytes, told: Found) -> list[str]:
    if file.is_bent:
        return []  # bytes of its values may be changed; that it can be read at all is all there is to ask
    table = pq.read_table(io.BytesIO(content))
    marks = Counter(_MARK.findall(" ".join(map(str, table.to_pydict().values()))))
    got = Counter(mark for row in told.rows.values() for mark in _MARK.findall(row))
    problems = [f"{table.num_rows} rows stand in it, {len(told.rows)} were loaded"] * (
        table.num_rows != len(told.rows)
    )
    return problems + [f"marks differ: {sorted((marks - got) + (got - marks))[:3]}"] * (marks != got)


def _unbalanced(
    settings: Settings,
    compiled: CompiledWorld,
    files: list[Dropped],
    found: dict[str, Found],
    tally: Counter[str],
) -> list[str]:
    """Build the models, and say where landed rows are not all judged or a good row is not accepted."""
    load_policy(settings, PROJECT_ROOT / "seeds")
    begin_build(settings, NOW)
    with connect(settings) as database:
        compiled.run_models(database)
    landed: Counter[tuple[str, str]] = Counter()
    for path, told in found.items():
        system, table, *_ = path.split("/")
        landed[system, table] += len(told.rows) + len(told.rejects)
    problems = []
    for row in fetch(settings, "select * from marts.row_reconciliation"):
        name = f"{row['source_system']}.{row['source_table']} ({row['entity']})"
        parts = [row[f"{each}_rows"] for each in ("accepted", "superseded", "quarantined", "pending")]
        if not landed[row["source_system"], row["source_table"]] == row["landed_rows"] == sum(parts):
            problems.append(f"{name}: {landed[row['source_system'], row['source_table']]} landed, {row}")
        for part, rows in zip(("accepted", "superseded", "quarantined", "pending"), parts, strict=True):
            tally[f"rows {part}"] += rows
    listed = fetch(settings, "select count(*) as n from marts.quarantine where status <> 'released'")[0]["n"]
    if listed != tally["rows quarantined"]:
        problems.append(f"{tally['rows quarantined']} rows are quarantined, {listed} are listed")
    good = {file.path for file in files if file.kind == "good"}
    for row in fetch(
        settings,
        "select _source_file, _source_row, verdict, reject_reason from intermediate.int_rows_judged",
    ):
        if row["_source_file"] in good:
            tally["good rows judged"] += 1
            if row["verdict"] != "accepted":
                problems.append(
                    f"{row['_source_file']}: a good row is {row['verdict']} ({row['reject_reason']})"
                )
    loaded = sum(len(found[path].rows) for path in good if path in found)
    if tally["good rows judged"] != loaded:
        problems.append(f"{loaded} good rows were loaded, {tally['good rows judged']} judged")
    return problems


def _forget_rows(settings: Settings, compiled: CompiledWorld) -> None:
    """Empty whatever was loaded into the compiled world."""
    with connect(settings) as database:
        for relation in compiled.inputs:
            if relation.startswith(("landing.", "raw_", "ops.")):
                database.execute(f"delete from {relation}")
        database.execute("delete from landing.columns")


def _unpacked(file: Dropped) -> bytes | None:
    if not file.path.endswith(".gz"):
        return file.content
    try:
        return gzip.decompress(file.content)
    except (OSError, EOFError, zlib.error):
        return None


def _digest(file: Dropped) -> str:
    content = _unpacked(file)
    return hashlib.sha256(file.content if content is None else content).hexdigest()


def _add_once(held: dict[int, str], line: int, text: str, path: str) -> None:
    assert line not in held, f"{path}: line {line} is told twice"
    held[line] = text


def _shown(value: Any) -> str:
    return "" if value is None else str(value)
