"""The loader's memory: which file versions were loaded, set aside or refused, and what drifted.

Every statement here runs inside the transaction of whoever calls it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from orchestration.landing.discovery import LandingFile
from orchestration.landing.report import DriftNote
from orchestration.landing.tables import IncomingColumn, RawTable

LOADED, DUPLICATE, REFUSED = "loaded", "duplicate", "refused"
_TABLES = {
    "files": "file_id bigint, source_system varchar, source_table varchar, path varchar, size_bytes bigint,"
    " mtime_ns bigint, content_hash varchar, format varchar, row_count bigint, reject_count bigint,"
    " load_id bigint, observed_at timestamp, loaded_at timestamp, status varchar, message varchar,"
    " erased_count bigint",
    "rejects": "source_system varchar, source_table varchar, source_file varchar, source_row bigint,"
    " error varchar, raw_text varchar, load_id bigint, loaded_at timestamp, observed_at timestamp",
    "columns": "source_system varchar, source_table varchar, column_name varchar, original_name varchar,"
    " data_type varchar, first_load_id bigint, first_seen_at timestamp, last_load_id bigint",
    "drift": "load_id bigint, detected_at timestamp, source_system varchar, source_table varchar,"
    " kind varchar, detail varchar, source_file varchar",
}
# Reported once and for all, not again with every file that shows the same.
_KINDS_TOLD_ONCE = ("type_change", "unusable_name", "undeclared_table", "closed_folder")


@dataclass(frozen=True)
class LoadRun:
    """One call of the loader.

    Args:
        load_id: Its number, above all earlier ones.
        loaded_at: Its moment (UTC, without a zone).
    """

    load_id: int
    loaded_at: datetime


@dataclass(frozen=True)
class Entry:
    """What the ledger is to keep of one file version.

    Args:
        file: The file.
        content_hash: SHA-256 of its content, decompressed.
        status: ``loaded``, ``duplicate`` or ``refused``.
        observed_at: Date in its path, else the load time (UTC, without a zone).
        rows: Rows loaded.
        rejects: Lines set aside.
        message: One sentence where there is something to say.
        erased: Rows and lines left out because they are about somebody who has been forgotten.
    """

    file: LandingFile
    content_hash: str | None
    status: str
    observed_at: datetime
    rows: int = 0
    rejects: int = 0
    message: str | None = None
    erased: int = 0


def create_ledger(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the ledger's tables where they are missing.

    Args:
        connection: The build database.
    """
    connection.execute("create schema if not exists landing")
    for name, columns in _TABLES.items():
        connection.execute(f"create table if not exists landing.{name} ({columns})")
    # A warehouse of an earlier version.
    connection.execute("alter table landing.files add column if not exists erased_count bigint")


def next_load_id(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the number of the next load run.

    Args:
        connection: The build database.

    Returns:
        One more than the largest number used so far.
    """
    row = connection.execute(
        "select 1 + coalesce(max(load_id), 0)"
        " from (select load_id from landing.files union all select load_id from landing.drift)"
    ).fetchone()
    assert row is not None
    return int(row[0])


def settled_versions(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, int, int]]:
    """Read which files need no second look.

    Args:
        connection: The build database.

    Returns:
        (path, size in bytes, modification time in nanoseconds) of the latest entry of every path.
    """
    rows = connection.execute(
        "select path, size_bytes, mtime_ns from landing.files"
        " qualify row_number() over (partition by path order by file_id desc) = 1"
    ).fetchall()
    return {(path, size, mtime) for path, size, mtime in rows}


def loaded_path(connection: duckdb.DuckDBPyConnection, file: LandingFile, content_hash: str) -> str | None:
    """Find the file that brought a content into a table.

    Args:
        connection: The build database.
        file: The file that has the content now.
        content_hash: SHA-256 of the content.

    Returns:
        The path it was loaded from, relative to the landing folder; null if it was not.
    """
    row = connection.execute(
        "select path from landing.files"
        " where source_system = ? and source_table = ? and content_hash = ? and status = 'loaded'"
        " order by file_id limit 1",
        [file.source_system, file.source_table, content_hash],
    ).fetchone()
    return None if row is None else str(row[0])


def add_entry(connection: duckdb.DuckDBPyConnection, run: LoadRun, entry: Entry) -> None:
    """Write a file version into the ledger.

    A version that was refused or set aside before and is so again is not written twice: its entry takes
    the new modification time.

    Args:
        connection: The build database.
        run: The load run.
        entry: What to keep.
    """
    file = entry.file
    if entry.status != LOADED:
        changed = connection.execute(
            "update landing.files set mtime_ns = ?, size_bytes = ?"
            " where path = ? and content_hash is not distinct from ? and status = ?"
            " and file_id = (select max(file_id) from landing.files where path = ?) returning file_id",
            [
                file.mtime_ns,
                file.size_bytes,
                file.relative_path,
                entry.content_hash,
                entry.status,
                file.relative_path,
            ],
        ).fetchall()
        if changed:
            return
    connection.execute(
        "insert into landing.files (file_id, source_system, source_table, path, size_bytes, mtime_ns,"
        " content_hash,"
        " format, row_count, reject_count, load_id, observed_at, loaded_at, status, message, erased_count)"
        " select 1 + coalesce(max(file_id), 0),"
        " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? from landing.files",
        [
            file.source_system,
            file.source_table,
            file.relative_path,
            file.size_bytes,
            file.mtime_ns,
            entry.content_hash,
            file.format,
            entry.rows,
            entry.rejects,
            run.load_id,
            entry.observed_at,
            run.loaded_at,
            entry.status,
            entry.message,
            entry.erased,
        ],
    )


def add_columns(
    connection: duckdb.DuckDBPyConnection,
    run: LoadRun,
    table: RawTable,
    columns: Sequence[IncomingColumn],
    types: dict[str, str],
) -> None:
    """Remember which columns a file brought.

    Args:
        connection: The build database.
        run: The load run.
        table: The raw table.
        columns: The file's columns.
        types: Types that the raw table has for them now.
    """
    known = table.known_columns(connection)
    key = [table.source_system, table.source_table]
    for column in columns:
        held = known.get(column.name)
        data_type = types[column.name]
        if held is None:
            connection.execute(
                "insert into landing.columns values (?, ?, ?, ?, ?, ?, ?, ?)",
                [*key, column.name, column.original, data_type, run.load_id, run.loaded_at, run.load_id],
            )
        elif held.last_load_id != run.load_id or held.data_type != data_type:
            connection.execute(
                "update landing.columns set last_load_id = ?, data_type = ?"
                " where source_system = ? and source_table = ? and column_name = ?",
                [run.load_id, data_type, *key, column.name],
            )


def add_drift(
    connection: duckdb.DuckDBPyConnection, run: LoadRun, notes: Iterable[DriftNote]
) -> list[DriftNote]:
    """Write what drifted, leaving out what was said before and still stands.

    Args:
        connection: The build database.
        run: The load run.
        notes: What was noticed.

    Returns:
        The notes that are new.
    """
    fresh = [note for note in notes if not _was_told(connection, note)]
    for note in fresh:
        connection.execute(
            "insert into landing.drift values (?, ?, ?, ?, ?, ?, ?)",
            [
                run.load_id,
                run.loaded_at,
                note.source_system,
                note.source_table,
                note.kind,
                note.detail,
                note.source_file,
            ],
        )
    return fresh


def _was_told(connection: duckdb.DuckDBPyConnection, note: DriftNote) -> bool:
    same = (
        "from landing.drift where kind = ? and detail = ? and source_system is not distinct from ?"
        " and source_table is not distinct from ?"
    )
    key = [note.kind, note.detail, note.source_system, note.source_table]
    if note.kind in _KINDS_TOLD_ONCE:
        if note.kind == "unusable_name":
            same += " and source_file is not distinct from ?"
            key.append(note.source_file)
        return connection.execute(f"select 1 {same} limit 1", key).fetchone() is not None
    if note.kind == "vanished_column":
        # Told once per absence: again only if the column had come back in between.
        return (
            connection.execute(
                f"select 1 {same} and load_id >= coalesce((select max(known.last_load_id)"
                " from landing.columns as known where known.source_system = drift.source_system"
                " and known.source_table = drift.source_table"
                " and drift.detail like 'The column ''' || known.column_name || ''' %'), 0) limit 1",
                key,
            ).fetchone()
            is not None
        )
    return False
