"""How a candidate is opened for reading, and what it holds: marts, columns, source systems."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.suites import MARTS, STAGE_TABLES, Catalogue

if TYPE_CHECKING:
    import duckdb


def hardening(
    memory_limit: str | None, threads: int | None, spill_dir: Path | None, shared_files: Sequence[Path] = ()
) -> list[str]:
    """The statements that make a connection a reader which can reach nothing but its files.

    Args:
        memory_limit: DuckDB's memory limit with its unit; None leaves the default.
        threads: DuckDB threads; None leaves the default.
        spill_dir: Folder for what does not fit into memory; None leaves the default.
        shared_files: Files that views of the candidate read.

    Returns:
        SQL statements in their order; the last one locks the others.
    """
    statements = ["set TimeZone = 'UTC'"]
    if memory_limit:
        statements.append(f"set memory_limit = {_quoted(memory_limit)}")
    if threads:
        statements.append(f"set threads = {int(threads)}")
    if spill_dir:
        statements.append(f"set temp_directory = {_quoted(str(spill_dir))}")
    return [
        *statements,
        "set autoinstall_known_extensions = false",
        "set autoload_known_extensions = false",
        "set allow_community_extensions = false",
        f"set allowed_paths = [{', '.join(_quoted(str(path)) for path in shared_files)}]",
        "set enable_external_access = false",
        "set lock_configuration = true",
    ]


@contextmanager
def open_candidate(
    path: Path,
    memory_limit: str | None = None,
    threads: int | None = None,
    spill_dir: Path | None = None,
    shared_files: Sequence[Path] = (),
) -> Iterator["duckdb.DuckDBPyConnection"]:
    """Open a candidate read-only and hardened.

    Args:
        path: The DuckDB file.
        memory_limit: DuckDB's memory limit with its unit.
        threads: DuckDB threads.
        spill_dir: Folder for what does not fit into memory.
        shared_files: Files that views of the candidate read.

    Yields:
        The connection, closed afterwards.
    """
    import duckdb

    connection = duckdb.connect(str(path), read_only=True)
    try:
        for statement in hardening(memory_limit, threads, spill_dir, shared_files):
            connection.execute(statement)
        yield connection
    finally:
        connection.close()


def read_catalogue(path: Path, build_id: str, shared_files: Sequence[Path] = ()) -> Catalogue:
    """Read which marts and source systems a candidate holds.

    Args:
        path: The DuckDB file.
        build_id: The build that is audited; earlier builds in ``row_reconciliation`` count for nothing.
        shared_files: Files that views of the candidate read.

    Returns:
        The catalogue. A row without a source system contributes none.
    """
    with open_candidate(path, shared_files=shared_files) as connection:
        return catalogue_of(connection, build_id)


def catalogue_of(connection: "duckdb.DuckDBPyConnection", build_id: str) -> Catalogue:
    """Read which marts and source systems an open candidate holds.

    Args:
        connection: A connection to the candidate.
        build_id: The build that is audited.

    Returns:
        The catalogue, as of ``read_catalogue``.
    """
    columns: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        "select table_name, column_name, data_type from information_schema.columns"
        " where table_schema = ? order by table_name, ordinal_position",
        [MARTS],
    ).fetchall():
        columns.setdefault(table, {})[column] = kind
    queries = [
        f"select distinct source_system from {MARTS}.{table}"
        for table in (*STAGE_TABLES, "touches", "quarantine")
        if "source_system" in columns.get(table, {})
    ]
    if {"source_system", "build_id"} <= set(columns.get("row_reconciliation", {})):
        queries.append(
            f"select distinct source_system from {MARTS}.row_reconciliation"
            f" where build_id = {_quoted(build_id)}"
        )
    systems = connection.execute(" union ".join(queries)).fetchall() if queries else []
    return Catalogue(columns, tuple(sorted(row[0] for row in systems if row[0])))


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
