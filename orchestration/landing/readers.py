"""DuckDB's own readers, told exactly how each file is written, and held against an independent count.

Everything here runs inside the transaction of one file and leaves its rows in the raw table. What the
ledger says of the file belongs to ``ledger``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration.landing.declarations import DeclaredTable, TableKey
from orchestration.landing.dialect import MAX_COLUMNS, Dialect, recognise
from orchestration.landing.discovery import LandingFile
from orchestration.landing.erased_names import without_forgotten
from orchestration.landing.failures import IncompleteReadError, RefusedFileError
from orchestration.landing.identities import possible_keys
from orchestration.landing.inspection import TextFile
from orchestration.landing.ledger import LoadRun
from orchestration.landing.names import PROVENANCE, assign_columns, literal, normalise, quoted
from orchestration.landing.records import MAX_RECORD_BYTES, CleanCopy, Layout, LineMap, RecordScan
from orchestration.landing.report import DriftNote
from orchestration.landing.tables import TEXT, IncomingColumn, RawTable, as_type
from orchestration.landing.withholding import Withholding, find_withheld
from orchestration.suppression import NOBODY, Suppression
from orchestration.text_search import has_named_parts

Identity = tuple[int, int]
"""Inode and time of the last change of a file, in nanoseconds."""
RAW_TEXT_LIMIT = 65_536
# A semicolon may end what HTML writes for the sign of an address.
_SEPARATOR = re.compile(r"&[#\w;]+;|([\s,;|\"])")
_READ_OF_REJECT = RAW_TEXT_LIMIT + 4  # bytes
_REJECTS_PER_BATCH = 5_000
_REJECTS_TABLE, _SCANS_TABLE = "landing_reject_errors", "landing_reject_scans"
# A control character may not stand in JSON text, so no line is cut where it is valid.
_NO_DELIMITER = "\x1f"


@dataclass(frozen=True)
class Job:
    """One file on its way into its raw table.

    Args:
        connection: The build database, in the file's transaction.
        table: The raw table.
        file: The file.
        identity: What it was when its content was hashed.
        run: The load run.
        observed_at: The file's observed-at (UTC, without a zone).
        folder: Working folder of this file.
        suppression: Who has been forgotten.
        declared: What dbt declares of all raw tables.
        rewrites_all: Whether text records are written anew before DuckDB reads them.
    """

    connection: duckdb.DuckDBPyConnection
    table: RawTable
    file: LandingFile
    identity: Identity
    run: LoadRun
    observed_at: datetime
    folder: Path
    suppression: Suppression = NOBODY
    declared: Mapping[TableKey, DeclaredTable] = field(default_factory=dict)
    rewrites_all: bool = False

    @property
    def provenance(self) -> str:
        """The values of the provenance columns except the row number, as SQL."""
        moments = [self.run.loaded_at, self.observed_at]
        stamps = ", ".join(f"timestamp {literal(str(moment))}" for moment in moments)
        return f"{self.run.load_id}::bigint, {stamps}, {literal(self.file.relative_path)}"


@dataclass(frozen=True)
class Loaded:
    """What a reader left in the raw table.

    Args:
        rows: Rows loaded.
        rejects: Lines set aside.
        columns: Columns of the file.
        types: Types of the raw table's columns.
        drift: What drifted.
        withheld: Rows and lines left out, because they are about somebody who has been forgotten.
        learned: Record ids that such rows gave to the forgotten.
        not_learned: How many record ids they gave that may be somebody else's.
        namesakes: How many of them gave only a name that a record which is kept bears, too.
    """

    rows: int
    rejects: int
    columns: tuple[IncomingColumn, ...]
    types: Mapping[str, str]
    drift: tuple[DriftNote, ...]
    withheld: int = 0
    learned: frozenset[str] = frozenset()
    not_learned: int = 0
    namesakes: int = 0


@dataclass(frozen=True)
class _Inserted:
    """What became of the rows that were read: they are in the raw table, or withheld."""

    rows: int
    withheld: int
    learned: frozenset[str]
    not_learned: int
    namesakes: int

    @property
    def read(self) -> int:
        return self.rows + self.withheld


class RejectSink:
    """Keeps lines that are set aside, in batches.

    Args:
        job: The file they come from.
    """

    def __init__(self, job: Job) -> None:
        self.withheld = 0
        self._job = job
        self._batch: list[tuple[int, str, str]] = []

    def add(self, line: int, error: str, raw: bytes) -> None:
        """Keep a line.

        Args:
            line: 1-based line on which it begins.
            error: What is wrong with it.
            raw: Its bytes; what cannot be shown as text is shown escaped.
        """
        shown = raw[:_READ_OF_REJECT].decode("utf-8", "backslashreplace").replace("\0", "\\x00")
        if _is_of_forgotten(self._job, shown):
            self.withheld += 1
            return
        if len(shown) > RAW_TEXT_LIMIT or len(raw) > _READ_OF_REJECT:
            shown = _cut_between_words(shown)
        self._batch.append((line, error, shown))
        if len(self._batch) >= _REJECTS_PER_BATCH:
            self.flush()

    def flush(self) -> None:
        """Write the batch into the table of rejects."""
        if not self._batch:
            return
        lines, errors, texts = zip(*self._batch, strict=True)
        self._batch.clear()
        job = self._job
        job.connection.register(
            "landing_reject_batch",
            pa.table({"line": pa.array(lines, pa.int64()), "error": errors, "raw": texts}),
        )
        job.connection.execute(
            f"insert into landing.rejects select {_rejects_key(job)}, line, error, raw,"
            f" {_rejects_stamp(job)} from landing_reject_batch"
        )
        job.connection.unregister("landing_reject_batch")


def read_parquet(job: Job, path: Path) -> Loaded:
    """Load a Parquet file with its own types; nested values with named parts become JSON text.

    Args:
        job: Where it goes.
        path: The file, not compressed as a whole.

    Returns:
        What was loaded.

    Raises:
        RefusedFileError: If the file is no readable Parquet.
    """
    _refuse_if_empty(path)
    source = f"read_parquet({literal(str(path))}, hive_partitioning = false"
    try:
        described = job.connection.execute(f"describe select * from {source})").fetchall()
        counted = job.connection.execute(
            f"select coalesce(sum(num_rows), 0) from parquet_file_metadata({literal(str(path))})"
        ).fetchone()
    except (duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException):
        raise RefusedFileError(
            "The file is no readable Parquet, or is cut short; drop it again when it is complete."
        ) from None
    given = [row[0] for row in described]
    kinds = [_kept_type(row[1]) for row in described]
    columns = _incoming(job, _own_names(job, path, given), kinds)
    types, drift = job.table.make_room(job.connection, columns, job.file.told_path)
    values = [
        as_type(as_type(quoted(name), held, column.data_type), column.data_type, types[column.name])
        for name, held, column in zip(given, (row[1] for row in described), columns, strict=True)
    ]
    if "file_row_number" in {name.lower() for name in given}:
        row, source = "row_number() over ()", f"from {source})"  # the file's own column hides DuckDB's
        inserted = _insert(job, columns, values, row, source)
    else:
        row, source = "file_row_number + 1", f"from {source}, file_row_number = true)"
        # All cores may insert: the rows carry their numbers. Whoever ends the transaction sets it back.
        job.connection.execute("set preserve_insertion_order = false")
        inserted = _insert(job, columns, values, row, source)
    if counted is None or inserted.read != int(counted[0]):
        raise IncompleteReadError
    return Loaded(
        inserted.rows,
        0,
        columns,
        types,
        tuple(drift),
        inserted.withheld,
        inserted.learned,
        inserted.not_learned,
        inserted.namesakes,
    )


def read_csv(job: Job, text: TextFile) -> Loaded:
    """Load a CSV file, every column as text.

    Args:
        job: Where it goes.
        text: The file as UTF-8.

    Returns:
        What was loaded.

    Raises:
        RefusedFileError: If the file has no usable header, or none of a declared table's columns.
        IncompleteReadError: If DuckDB did not read what the independent count says is there.
    """
    known = {held.original: name for name, held in job.table.known_columns(job.connection).items()}
    declared = set(job.table.declared.columns) if job.table.declared else set()
    dialect = recognise(text, declared | set(known.values()))
    columns = _incoming(job, dialect.header, [TEXT] * len(dialect.header))
    _refuse_strangers(columns, dialect.header, declared, set(known.values()))
    scan, sink, source = _scan(job, text, dialect)
    types, drift = job.table.make_room(job.connection, columns, job.file.told_path)
    values = [
        as_type(quoted(f"c{position}"), TEXT, types[column.name]) for position, column in enumerate(columns)
    ]
    inserted = _insert(job, columns, values, "_line", f"from {_numbered(job, source, scan.lines)}")
    _hold_against_count(job, inserted.read, scan.lines)
    return Loaded(
        inserted.rows,
        scan.rejects - sink.withheld,
        columns,
        types,
        tuple(drift),
        inserted.withheld + sink.withheld,
        inserted.learned,
        inserted.not_learned,
        inserted.namesakes,
    )


def read_jsonl(job: Job, text: TextFile) -> Loaded:
    """Load a file of one JSON object per line; nested values stay JSON text.

    Args:
        job: Where it goes.
        text: The file as UTF-8.

    Returns:
        What was loaded.

    Raises:
        RefusedFileError: If no line is a JSON object.
        IncompleteReadError: If DuckDB did not read what the independent count says is there.
    """
    scan, sink, source = _scan(job, text, None)
    numbered = _numbered(job, source, scan.lines)
    is_row = _IS_OBJECT
    objects = f"(select _line, c0 from {numbered} where {is_row})"
    keys, is_repeated = _keys(job, objects)
    if is_repeated:
        # Only one of two values could be read. To look at each line for it takes longer than to read it.
        is_row = _NAMES_KEYS_ONCE
        objects = f"(select _line, c0 from {numbered} where {is_row})"
        keys, _ = _keys(job, objects)
    other_shapes = _reject_other_shapes(job, numbered, is_row, sink)
    rejects = scan.rejects + other_shapes
    if not keys and rejects:
        raise RefusedFileError(
            "No line of the file is a JSON object that names each key once; write one object per line."
        )
    if len(keys) > MAX_COLUMNS:
        raise RefusedFileError(f"The objects have more than {MAX_COLUMNS:,} keys; is this the right file?")
    columns = _incoming(job, keys, [TEXT] * len(keys))
    types, drift = job.table.make_room(job.connection, columns, job.file.told_path)
    pointers = ", ".join(literal(_json_pointer(key)) for key in keys)
    values = [
        as_type(f"_values[{position}]", TEXT, types[column.name])
        for position, column in enumerate(columns, start=1)
    ]
    extracted = f"json_extract_string(c0, [{pointers}])" if keys else "null"
    inserted = _insert(
        job, columns, values, "_line", f"from (select _line, {extracted} as _values from {objects})"
    )
    if inserted.read + other_shapes != scan.lines.records:
        raise IncompleteReadError
    _hold_against_count(job, scan.lines.records, scan.lines)
    return Loaded(
        inserted.rows,
        rejects - sink.withheld,
        columns,
        types,
        tuple(drift),
        inserted.withheld + sink.withheld,
        inserted.learned,
        inserted.not_learned,
        inserted.namesakes,
    )


_IS_OBJECT = "case when json_valid(c0) then json_type(c0) = 'OBJECT' else false end"
_NAMES_KEYS_ONCE = (
    f"case when {_IS_OBJECT} then len(json_keys(c0)) = len(list_distinct(json_keys(c0))) else false end"
)


def _keys(job: Job, objects: str) -> tuple[list[str], bool]:
    """The keys of all objects, in the order in which they come; and whether one object names a key twice.

    Most objects of a file name the same keys in the same order, so each such list is looked at once.
    """
    found = job.connection.execute(
        "select key, max(times) > 1 from ("
        " select line, key, min(place) as place, count(*) as times from ("
        "  select line, unnest(keys) as key, generate_subscripts(keys, 1) as place"
        f" from (select json_keys(c0) as keys, min(_line) as line from {objects} group by keys)"
        " ) group by line, key"
        ") group by key order by min(line), arg_min(place, line), key"
    ).fetchall()
    return [key for key, _ in found], any(is_repeated for _, is_repeated in found)


def _own_names(job: Job, path: Path, given: list[str]) -> list[str]:
    """What a Parquet file calls its columns: DuckDB gives another name to one that differs in case only."""
    parts = job.connection.execute(
        f"select name, coalesce(num_children, 0) from parquet_schema({literal(str(path))})"
    ).fetchall()
    names: list[str] = []
    within = 0
    for name, children in parts[1:]:  # the first is the whole; what is nested follows what holds it
        if not within:
            names.append(name)
        within += children - bool(within)
    return names if len(names) == len(given) else given


def _reject_other_shapes(job: Job, numbered: str, is_row: str, sink: RejectSink) -> int:
    """Set aside the lines that hold no row; counts those too that are withheld."""
    others = f"from {numbered} where not ({is_row})"
    reason = (
        "case when not json_valid(c0) then 'it is no valid JSON'"
        " when json_type(c0) = 'OBJECT' then 'it names a key twice' else 'it is JSON, but no object' end"
    )
    is_whole = f"length(c0) <= {RAW_TEXT_LIMIT}"
    looked_at = "true" if job.suppression else f"not ({is_whole})"
    found = job.connection.execute(
        f"select _line, {reason}, left(c0, {_READ_OF_REJECT + 1}) {others} and {looked_at}"
    ).fetchall()
    for line, error, raw in found:
        sink.add(line, error, raw.encode())
    sink.flush()
    if job.suppression:
        return len(found)
    inserted = job.connection.execute(
        f"insert into landing.rejects select {_rejects_key(job)}, _line, {reason},"
        f" c0, {_rejects_stamp(job)} {others} and {is_whole}"
    ).fetchone()
    assert inserted is not None
    return len(found) + int(inserted[0])


def _cut_between_words(text: str) -> str:
    """Cut a text that is too long where no word is parted: nobody would find half an address again."""
    end = 0
    for found in _SEPARATOR.finditer(text, 0, RAW_TEXT_LIMIT + 1):
        if found[1]:
            end = found.start()
    return text[:end]


def _is_of_forgotten(job: Job, text: str) -> bool:
    if not job.suppression:
        return False
    table = job.table
    possible = possible_keys(table.source_system, table.declared, text)
    return bool(job.suppression.matching(possible)) or job.suppression.mentions.names(text)


def _scan(job: Job, text: TextFile, dialect: Dialect | None) -> tuple[RecordScan, RejectSink, str]:
    """Count the file's records and write the table function by which DuckDB reads the accepted ones."""
    body_offset = dialect.body_offset if dialect else (3 if text.has_bom else 0)
    layout = Layout(
        delimiter=dialect.delimiter if dialect else None,
        columns=len(dialect.header) if dialect else 1,
        terminator=dialect.terminator if dialect else _terminator(text.path),
        has_bad_text=text.has_bad_text,
    )
    copy = CleanCopy(text.path, job.folder / "accepted.txt", body_offset, plain_header(layout))
    if dialect and not dialect.has_plain_header:
        copy.start(body_offset)
    sink = RejectSink(job)
    scan = RecordScan(layout, dialect.first_line if dialect else 1, copy, sink.add, job.rewrites_all)
    scan.run(text.path, body_offset)
    sink.flush()
    return scan, sink, csv_source(copy.path or text.path, layout)


def plain_header(layout: Layout) -> bytes:
    """Write a header line in a layout.

    Args:
        layout: How records are written.

    Returns:
        The line with its terminator; empty where each line is one value.
    """
    if layout.delimiter is None:
        return b""
    return layout.delimiter.join(b"c%d" % number for number in range(layout.columns)) + layout.terminator


def csv_source(path: Path, layout: Layout) -> str:
    """Write the table function by which DuckDB reads a file exactly as it is laid out.

    Args:
        path: The file; with a delimiter, its first line is a header.
        layout: How its records are written.

    Returns:
        SQL with the columns ``c0``, ``c1`` and so on, all text.
    """
    columns = ", ".join(f"'c{position}': 'VARCHAR'" for position in range(layout.columns))
    quote = "'\"'" if layout.delimiter else "''"
    delimiter = layout.delimiter.decode() if layout.delimiter else _NO_DELIMITER
    # new_line is left out: given '\r\n', DuckDB 1.5.5 drops rows without a word. Left alone, it takes the
    # first line break that it meets, quoted or not, and a header makes that the right one.
    longest = min(MAX_RECORD_BYTES, path.stat().st_size) + 1_024
    return (
        f"read_csv({literal(str(path))}, auto_detect = false, columns = {{{columns}}},"
        f" header = {str(layout.delimiter is not None).lower()}, delim = {literal(delimiter)},"
        f" quote = {quote}, escape = {quote}, encoding = 'utf-8', strict_mode = true,"
        f" null_padding = false, store_rejects = true, rejects_limit = 0,"
        f" rejects_table = '{_REJECTS_TABLE}', rejects_scan = '{_SCANS_TABLE}',"
        f" max_line_size = {longest}, compression = 'none')"
    )


def _numbered(job: Job, source: str, lines: LineMap) -> str:
    """Write a subquery of the records with the line on which each begins."""
    distance = lines.constant_distance
    if distance is not None:
        return f"(select *, row_number() over () - 1 + {distance} as _line from {source})"
    # Both sides keep their order: DuckDB reads files in order, and the join pairs rows by position.
    job.connection.register("landing_lines", pa.table({"_line": lines.lines()}))
    return f"(select read.*, landing_lines._line from {source} as read positional join landing_lines)"


def _insert(
    job: Job, columns: Sequence[IncomingColumn], values: Sequence[str], row: str, source: str
) -> _Inserted:
    names = [quoted(column.name) for column in columns]
    read = ", ".join(
        [*(f"{value} as {name}" for value, name in zip(values, names, strict=True)), f"{row} as _source_row"]
    )
    withheld = Withholding()
    if job.suppression:
        # A row of somebody forgotten never reaches the database: what is deleted leaves its bytes behind.
        withheld = find_withheld(
            job.connection, job.table, f"(select {read} {source})", job.suppression, job.declared
        )
    kept = ", ".join(
        f"{withheld.cleaned(quoted(column.name), column.name)} as {quoted(column.name)}" for column in columns
    )
    provenance = f"{job.provenance}, _source_row"
    inserted = job.connection.execute(
        f"insert into {job.table.relation} ({', '.join([*names, *PROVENANCE])})"
        f" select {', '.join([*([kept] if kept else []), provenance])}"
        f" from (select {read} {source}) where not {withheld.condition}"
    ).fetchone()
    assert inserted is not None
    return _Inserted(
        int(inserted[0]), withheld.rows, withheld.learned, withheld.not_learned, withheld.namesakes
    )


def _hold_against_count(job: Job, rows: int, lines: LineMap) -> None:
    refused = job.connection.execute(
        "select count(*) from duckdb_tables() where temporary and table_name = ?", [_REJECTS_TABLE]
    ).fetchone()
    if refused and refused[0]:
        refused = job.connection.execute(f"select count(*) from {_REJECTS_TABLE}").fetchone()
        job.connection.execute(f"drop table {_REJECTS_TABLE}")
        job.connection.execute(f"drop table {_SCANS_TABLE}")
    if rows != lines.records or (refused and refused[0]):
        raise IncompleteReadError


def _incoming(job: Job, originals: Sequence[str], kinds: Sequence[str]) -> tuple[IncomingColumn, ...]:
    """Name a file's columns; in no name stands who has been forgotten. Values are read by the file's."""
    known = {name: held.original for name, held in job.table.known_columns(job.connection).items()}
    declared = job.table.declared.columns if job.table.declared else ()
    kept = [without_forgotten(original, job.suppression) for original in originals]
    names = assign_columns(kept, known, declared, set(kept) - set(originals))
    return tuple(
        IncomingColumn(name, original, kind) for name, original, kind in zip(names, kept, kinds, strict=True)
    )


def _refuse_strangers(
    columns: Sequence[IncomingColumn], header: Sequence[str], declared: set[str], known: set[str]
) -> None:
    # A name that was given to a column without one says nothing: a first row with an empty value has it too.
    named = {
        column.name
        for column, given in zip(columns, header, strict=True)
        if column.original == given and normalise(given)
    }
    if declared and not named & (declared | known):
        raise RefusedFileError(
            "The header names none of the columns that this table is declared to have; check that the file"
            " lies in the right folder and begins with its column names."
        )


def _refuse_if_empty(path: Path) -> None:
    if path.stat().st_size == 0:
        raise RefusedFileError("The file is empty; drop it again when it is complete, or remove it.")


def _kept_type(data_type: str) -> str:
    """Keep a Parquet column's type; moments of any precision or zone become UTC timestamps.

    Names within a type may be anybody's: of a mapping by address, each address is one. None decides a type.
    """
    if has_named_parts(data_type):
        return TEXT
    return "TIMESTAMP" if data_type.startswith("TIMESTAMP") else data_type


def _terminator(path: Path) -> bytes:
    with path.open("rb") as file:
        return b"\r\n" if file.readline(MAX_RECORD_BYTES).endswith(b"\r\n") else b"\n"


def _json_pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _rejects_key(job: Job) -> str:
    parts = (job.table.source_system, job.table.source_table, job.file.relative_path)
    return ", ".join(literal(part) for part in parts)


def _rejects_stamp(job: Job) -> str:
    return (
        f"{job.run.load_id}, timestamp {literal(str(job.run.loaded_at))},"
        f" timestamp {literal(str(job.observed_at))}"
    )


def rewritten(job: Job) -> Job:
    """Return the same job with every text record written anew.

    Args:
        job: The job whose plain reading did not add up.

    Returns:
        The job for the second attempt.
    """
    return replace(job, rewrites_all=True)
