"""DuckDB as this package uses it: closed-in connections, quoting, table copies, content digests.

Statements here carry quoted literals instead of bound parameters: the first parameter that a process binds
makes DuckDB import pandas, which costs seconds that a rollback or a status query has no use for.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from orchestration.errors import LeadproofError
from orchestration.settings import Settings

MARTS = "marts"


@dataclass(frozen=True)
class TableDigest:
    """What a table holds, in an order-independent number.

    Args:
        rows: Number of rows.
        digest: Hex digest over column names, types, row count and row hashes.
    """

    rows: int
    digest: str


def identifier(name: str) -> str:
    """Quote a name for SQL.

    Args:
        name: Schema, table or column name.

    Returns:
        The quoted name.
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str | Path) -> str:
    """Quote a text for SQL.

    Args:
        text: Text or path.

    Returns:
        The quoted text.
    """
    return "'" + str(text).replace("'", "''") + "'"


def value(content: str | int | float | date | None) -> str:
    """Write a value as SQL.

    Args:
        content: Text, number, truth value, date, moment (UTC, without a zone) or ``None``.

    Returns:
        A literal of the fitting type.
    """
    if content is None:
        return "null"
    if isinstance(content, bool | int):
        return str(content).lower()
    if isinstance(content, float):
        return f"'{content!r}'::double"
    if isinstance(content, datetime):
        return f"timestamp '{content.isoformat(sep=' ')}'"
    if isinstance(content, date):
        return f"date '{content.isoformat()}'"
    return literal(content)


@contextmanager
def writer(settings: Settings, folders: Sequence[Path]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory connection that may touch the given folders and nothing else.

    Args:
        settings: Memory limit, threads and the spill folder.
        folders: Folders whose files may be attached, read and written.

    Yields:
        The connection; it is closed on leaving.
    """
    spill = settings.build_db.parent / "spill"
    allowed = ", ".join(literal(folder) for folder in [*folders, spill])
    with duckdb.connect() as connection:
        connection.execute(f"set memory_limit = {literal(settings.memory_limit)}")
        connection.execute(f"set threads = {int(settings.threads)}")
        connection.execute(f"set temp_directory = {literal(spill)}")
        connection.execute("set global TimeZone = 'UTC'")
        connection.execute("set autoinstall_known_extensions = false")
        connection.execute("set autoload_known_extensions = false")
        connection.execute(f"set allowed_directories = [{allowed}]")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        yield connection


def columns_of(
    connection: duckdb.DuckDBPyConnection, database: str, schema: str, table: str
) -> list[tuple[str, str, bool, str | None]]:
    """List a table's or view's columns.

    Args:
        connection: Connection with the database attached.
        database: Its alias.
        schema: Schema name.
        table: Table or view name.

    Returns:
        Name, type, whether null is allowed, and comment, in order; empty if there is no such table.
    """
    return connection.execute(
        f"""
        select column_name, data_type, is_nullable, comment
        from duckdb_columns()
        where database_name = {literal(database)} and schema_name = {literal(schema)}
            and table_name = {literal(table)}
        order by column_index
        """
    ).fetchall()


def relations_of(connection: duckdb.DuckDBPyConnection, database: str, schema: str) -> dict[str, str | None]:
    """List the tables and views of a schema.

    Args:
        connection: Connection with the database attached.
        database: Its alias.
        schema: Schema name.

    Returns:
        Comment by name, in order of name.
    """
    place = f"database_name = {literal(database)} and schema_name = {literal(schema)}"
    rows = connection.execute(
        f"""
        select table_name, comment from duckdb_tables() where {place}
        union all
        select view_name, comment from duckdb_views() where {place} and not internal
        order by 1
        """
    ).fetchall()
    return dict(rows)


def copy_table(
    connection: duckdb.DuckDBPyConnection, source: str, target: str, table: str, comment: str | None
) -> None:
    """Copy a mart with its columns, not-null promises and comments into another attached database.

    Keys and indexes are left behind: index storage has corruption reports, and the audit tests uniqueness.

    Args:
        connection: Connection with both databases attached.
        source: Alias of the database to read.
        target: Alias of the database to write.
        table: Table or view name in schema ``marts``.
        comment: The table's comment.

    Raises:
        LeadproofError: If the source has no such table.
    """
    columns = columns_of(connection, source, MARTS, table)
    if not columns:
        raise LeadproofError(
            f"Table marts.{table} is to be published but the build database has no such table.",
            "Build it first, or take it off the list of published tables.",
        )
    place = f"{identifier(target)}.{MARTS}.{identifier(table)}"
    definitions = ", ".join(
        f"{identifier(name)} {data_type}{'' if nullable else ' not null'}"
        for name, data_type, nullable, _ in columns
    )
    names = ", ".join(identifier(name) for name, *_ in columns)
    connection.execute(f"create table {place} ({definitions})")
    connection.execute(
        f"insert into {place} select {names} from {identifier(source)}.{MARTS}.{identifier(table)}"
    )
    if comment:
        connection.execute(f"comment on table {place} is {literal(comment)}")
    for name, _, _, description in columns:
        if description:
            connection.execute(f"comment on column {place}.{identifier(name)} is {literal(description)}")


def digest_of(connection: duckdb.DuckDBPyConnection, database: str, table: str) -> TableDigest:
    """Digest the content of a mart, whatever the order of its rows.

    The exclusive or of the row hashes finds a changed row, their sum also finds pairs of repeated rows that
    the exclusive or cancels.

    Args:
        connection: Connection with the database attached.
        database: Its alias.
        table: Table in schema ``marts``.

    Returns:
        Row count and digest.
    """
    columns = columns_of(connection, database, MARTS, table)
    names = ", ".join(identifier(name) for name, *_ in columns)
    row = connection.execute(
        f"""
        select
            count(*),
            coalesce(bit_xor(row_hash), 0)::varchar,
            coalesce(sum(row_hash::hugeint), 0)::varchar
        from (select hash({names}) as row_hash from {identifier(database)}.{MARTS}.{identifier(table)})
        """
    ).fetchone()
    assert row is not None
    shape = "\n".join(f"{name} {data_type}" for name, data_type, *_ in columns)
    text = f"{shape}\n{row[0]} {row[1]} {row[2]}"
    return TableDigest(rows=int(row[0]), digest=hashlib.sha256(text.encode()).hexdigest())
