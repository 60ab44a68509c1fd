"""DuckDB as this package uses it: closed-in connections, quoting, table copies, content digests.

Statements here carry quoted literals instead of bound parameters: the first parameter that a process binds
makes DuckDB import pandas, which costs seconds that a rollback or a status query has no use for.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import duckdb

from orchestration.errors import LeadproofError
from orchestration.settings import Settings

MARTS = "marts"
DATABASE = "leadproof.duckdb"
"""Name of the file in a candidate and in a release."""
ROW_GROUP_ROWS = 122_880
Columns = list[tuple[str, str, bool, str | None]]
"""Name, type, whether null is allowed, comment; in order."""
_NUMBERS = frozenset({"BOOLEAN", "SMALLINT", "INTEGER", "BIGINT", "DATE", "TIMESTAMP"})


@dataclass(frozen=True)
class TableDigest:
    """What a table holds, in an order-independent number.

    Args:
        rows: Number of rows.
        digest: Hex digest over column names, types, row count and row hashes.
    """

    rows: int
    digest: str


@dataclass(frozen=True)
class RowSums:
    """Row hashes added up in two ways that do not depend on the order of the rows.

    The exclusive or finds a changed row, the sum also finds pairs of repeated rows that the exclusive or
    cancels. Sums of parts of a table add up to those of the table.

    Args:
        rows: Number of rows.
        exclusive_or: Exclusive or of the row hashes.
        total: Sum of the row hashes.
        quick: Sum of DuckDB's own hashes of the rows; None where it was not taken. It finds what a copy did
            to values and costs an eighth, but see ``_row_hash``: it does not tell all contents apart.
    """

    rows: int
    exclusive_or: int
    total: int
    quick: int | None = field(default=None, compare=False)

    def __add__(self, other: "RowSums") -> "RowSums":
        return RowSums(
            self.rows + other.rows, self.exclusive_or ^ other.exclusive_or, self.total + other.total
        )


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
    # A statement ends at a NUL character, a text does not.
    parts = ["'" + part.replace("'", "''") + "'" for part in str(text).split("\0")]
    return parts[0] if len(parts) == 1 else f"({' || chr(0) || '.join(parts)})"


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
        # Rows that a file of many keeps in memory before it writes a row group of them.
        connection.execute(f"set partitioned_write_flush_threshold = {ROW_GROUP_ROWS}")
        connection.execute("set autoinstall_known_extensions = false")
        connection.execute("set autoload_known_extensions = false")
        connection.execute(f"set allowed_directories = [{allowed}]")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        yield connection


def columns_of(connection: duckdb.DuckDBPyConnection, database: str, schema: str, table: str) -> Columns:
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
    columns = columns_to_publish(connection, source, table)
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
    add_comments(connection, "table", place, columns, comment)


def columns_to_publish(connection: duckdb.DuckDBPyConnection, source: str, table: str) -> Columns:
    """List the columns of a mart that is to be published.

    Args:
        connection: Connection with the database attached.
        source: Alias of the build database.
        table: Table or view name in schema ``marts``.

    Returns:
        What ``columns_of`` returns, never empty.

    Raises:
        LeadproofError: If the database has no such table.
    """
    columns = columns_of(connection, source, MARTS, table)
    if not columns:
        raise LeadproofError(
            f"Table marts.{table} is to be published but the build database has no such table.",
            "Build it first, or take it off the list of published tables.",
        )
    return columns


def add_comments(
    connection: duckdb.DuckDBPyConnection, kind: str, place: str, columns: Columns, comment: str | None
) -> None:
    """Give a table or view the descriptions of the mart it was made from.

    Args:
        connection: Connection with the database attached for writing.
        kind: ``table`` or ``view``.
        place: Its quoted name with database and schema.
        columns: The mart's columns.
        comment: The mart's own comment.
    """
    if comment:
        connection.execute(f"comment on {kind} {place} is {literal(comment)}")
    for name, _, _, description in columns:
        if description:
            connection.execute(f"comment on column {place}.{identifier(name)} is {literal(description)}")


def digest_of(connection: duckdb.DuckDBPyConnection, database: str, table: str) -> TableDigest:
    """Digest the content of a mart, whatever the order of its rows.

    Args:
        connection: Connection with the database attached.
        database: Its alias.
        table: Table in schema ``marts``.

    Returns:
        Row count and digest.
    """
    columns = columns_of(connection, database, MARTS, table)
    source = f"{identifier(database)}.{MARTS}.{identifier(table)}"
    sums = row_sums(connection, source, columns).get(0, RowSums(0, 0, 0))
    return TableDigest(rows=sums.rows, digest=digest_from(columns, sums))


def row_sums(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    columns: Columns,
    part: str = "0",
    *,
    is_quick_taken: bool = False,
) -> dict[int, RowSums]:
    """Add up the row hashes of a relation, all together or part by part, in one scan.

    Args:
        connection: Connection that reaches the relation.
        source: The relation, as SQL.
        columns: The columns that are hashed, in this order.
        part: SQL expression that gives a row the number of its part; by default all are in part 0.
        is_quick_taken: Whether ``RowSums.quick`` is taken, too, for rows that are about to be copied.

    Returns:
        Sums by part, in order; a part without rows is left out.
    """
    quick_hash = f"{_quick_hash(columns)}::hugeint" if is_quick_taken else "null::hugeint"
    rows = connection.execute(
        f"""
        select
            part,
            count(*),
            bit_xor(row_hash)::varchar,
            sum(row_hash::hugeint)::varchar,
            sum(quick_hash)::varchar
        from (
            select {part} as part, {_row_hash(columns)} as row_hash, {quick_hash} as quick_hash
            from {source}
        )
        group by part
        order by part
        """
    ).fetchall()
    return {
        part: RowSums(int(count), int(xor), int(total), None if quick is None else int(quick))
        for part, count, xor, total, quick in rows
    }


def quick_sums(connection: duckdb.DuckDBPyConnection, source: str, columns: Columns) -> tuple[int, int]:
    """Count the rows of a relation and add up DuckDB's own hashes of them.

    Args:
        connection: Connection that reaches the relation.
        source: The relation, as SQL.
        columns: The columns that are hashed, in this order.

    Returns:
        The number of rows, and the sum that ``RowSums.quick`` is.
    """
    row = connection.execute(
        f"select count(*), coalesce(sum({_quick_hash(columns)}::hugeint), 0)::varchar from {source}"
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _quick_hash(columns: Columns) -> str:
    return f"hash({', '.join(identifier(name) for name, *_ in columns)})"


def _row_hash(columns: Columns) -> str:
    """Write the hash of a row; a month whose rows have the same is taken from an earlier release.

    Texts go through MD5. DuckDB's own hash, several times as fast, makes the same one of two texts that
    differ in the eighth byte of two neighbouring groups of eight, one time in some hundreds, so that a
    corrected page would be published as it was. Numbers and moments have no such neighbours: it tells all of
    them apart, and so the lengths by which texts stand apart from each other.
    """
    names = [identifier(name) for name, *_ in columns]
    numbers = [name for name, (_, data_type, *_) in zip(names, columns, strict=True) if data_type in _NUMBERS]
    texts = [f"{name}::varchar" for name in names if name not in numbers]
    others = ", ".join([*(f"strlen({text})" for text in texts), *numbers])
    return f"md5_number_lower(concat({', '.join([*texts, f'hash({others})'])}))"


def digest_from(columns: Columns, sums: RowSums) -> str:
    """Digest the columns and the summed row hashes of a table, or of a part of one.

    Args:
        columns: Its columns.
        sums: Its row hashes, added up.

    Returns:
        The hex digest.
    """
    shape = "\n".join(f"{name} {data_type}" for name, data_type, *_ in columns)
    text = f"{shape}\n{sums.rows} {sums.exclusive_or} {sums.total}"
    return hashlib.sha256(text.encode()).hexdigest()
