"""A long mart in parts, by calendar month or in one: what each part holds, one Parquet file for each new one.

Works in DuckDB only; which files are known already and where they are kept is decided in ``shared.py``.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.errors import LeadproofError
from orchestration.release.database import (
    MARTS,
    ROW_GROUP_ROWS,
    Columns,
    RowSums,
    add_comments,
    digest_from,
    identifier,
    literal,
    quick_sums,
    row_sums,
)
from orchestration.settings import Settings

_LOG = logging.getLogger(__name__)

# The number of a month is year and month in one. Rows without a moment, or beyond the calendar, are month 0,
# and so are all rows of a mart that is not published by month.
_NO_MONTH = 0
_PARTITION = "leadproof_month"
# What a value takes in memory before it is written: most columns are texts of sixteen bytes and more.
_VALUE_BYTES = 16
# DuckDB keeps a hundred files open at a time; a month that has to be opened again would get a second file.
_OPEN_FILES = 90


@dataclass(frozen=True)
class Month:
    """What a mart holds of one calendar month.

    Args:
        number: Year and month in one number (``202601``); 0 for rows without one.
        label: The month as it is written: ``2026-01``, ``undated``, or ``all`` of a mart without months.
        sums: Its row hashes, added up.
        digest: Hex digest of its content.
    """

    number: int
    label: str
    sums: RowSums
    digest: str


def months_of(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    columns: Columns,
    column: str | None,
    unchanged: Mapping[int, RowSums] | None = None,
) -> list[Month]:
    """Digest a mart month by month, in one scan.

    Args:
        connection: Connection that reaches the mart.
        source: The mart, as SQL.
        columns: Its columns.
        column: Column of the moment (UTC) or date that says to which month a row belongs; ``None`` takes the
            whole mart for one month.
        unchanged: Months that are known to hold what they held when these sums were taken, by number; they
            are not read. Unless the rows of all months then are as many as the mart has, they are after all.

    Returns:
        Its months, in order, rows without one first.
    """
    sums = _sums(connection, source, columns, column, unchanged or {})
    none = "all" if column is None else "undated"
    return [
        Month(
            number,
            f"{number // 100:04d}-{number % 100:02d}" if number else none,
            found,
            digest_from(columns, found),
        )
        for number, found in sums.items()
    ]


def write_months(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    source: str,
    columns: Columns,
    column: str | None,
    months: Sequence[Month],
    folder: Path,
) -> dict[int, Path]:
    """Write some months of a mart, one Parquet file each, and read every file back.

    Several months are written in one scan, as many as fit into memory side by side: a mart is in no order
    that would let a scan find one month, and sorting it costs more than all the rest.

    Args:
        connection: Connection that reaches the mart and may write into the folder.
        settings: How much memory may be used.
        source: The mart, as SQL.
        columns: Its columns.
        column: Column that says to which month a row belongs, if any does.
        months: The months to write.
        folder: Empty folder to write into.

    Returns:
        File by number of the month.

    Raises:
        LeadproofError: If a file does not give back what was written into it.
    """
    names = ", ".join(identifier(name) for name, *_ in columns)
    found: dict[int, Path] = {}
    at_once = _months_at_once(settings, len(columns))
    for start in range(0, len(months), at_once):
        some = months[start : start + at_once]
        numbers = ", ".join(str(month.number) for month in some)
        target = folder / f"pass_{start}"
        target.mkdir()
        connection.execute(
            f"""
            copy (
                select {names}, {month_number(column)} as {_PARTITION}
                from {source}
                where {_range(column, some)} {month_number(column)} in ({numbers})
            ) to {literal(target)} (
                format parquet, compression zstd, row_group_size {ROW_GROUP_ROWS}, partition_by ({_PARTITION})
            )
            """
        )
        for month in some:
            found[month.number] = _written(connection, columns, month, target)
    return found


def create_month_view(
    connection: duckdb.DuckDBPyConnection,
    target: str,
    table: str,
    columns: Columns,
    comment: str | None,
    files: Sequence[Path],
) -> None:
    """Create a mart as a view over exactly these files.

    Args:
        connection: Connection with the target attached for writing, which reaches the files.
        target: Alias of the database.
        table: Name of the mart.
        columns: The mart's columns with their comments.
        comment: The mart's own comment.
        files: Its months' files, under the names by which readers reach them.
    """
    place = f"{identifier(target)}.{MARTS}.{identifier(table)}"
    names = ", ".join(identifier(name) for name, *_ in columns)
    connection.execute(f"create view {place} as select {names} from {_parquet(files)}")
    add_comments(connection, "view", place, columns, comment)


def view_text(connection: duckdb.DuckDBPyConnection, database: str, table: str) -> str | None:
    """Give the text of a view, which names every file that it reads.

    Args:
        connection: Connection with the database attached.
        database: Its alias.
        table: Name of the mart.

    Returns:
        The SQL; ``None`` if the mart is no view.
    """
    row = connection.execute(
        f"select sql from duckdb_views() where database_name = {literal(database)} "
        f"and schema_name = {literal(MARTS)} and view_name = {literal(table)}"
    ).fetchone()
    return str(row[0]) if row else None


def _sums(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    columns: Columns,
    column: str | None,
    unchanged: Mapping[int, RowSums],
) -> dict[int, RowSums]:
    if unchanged and column is not None:
        others = f"(from {source} where {month_number(column)} not in ({', '.join(map(str, unchanged))}))"
        sums = row_sums(connection, others, columns, month_number(column), is_quick_taken=True)
        found = connection.execute(f"select count(*) from {source}").fetchone()
        if found == (sum(part.rows for part in (*sums.values(), *unchanged.values())),):
            return dict(sorted({**unchanged, **sums}.items()))
        _LOG.warning("%s does not hold the rows that its unchanged months account for; all are read.", source)
    return row_sums(connection, source, columns, month_number(column), is_quick_taken=True)


def month_number(column: str | None) -> str:
    """Give the SQL that tells the number of a row's month.

    Args:
        column: Column of the moment (UTC) or date; ``None`` takes the whole mart for one month.

    Returns:
        The expression.
    """
    if column is None:
        return str(_NO_MONTH)
    name = identifier(column)
    return (
        f"coalesce(case when year({name}) between 1 and 9999 then year({name}) * 100 + month({name}) end, "
        f"{_NO_MONTH})::integer"
    )


def _range(column: str | None, months: Sequence[Month]) -> str:
    """Say from when to when, which lets a scan pass over row groups that lie outside."""
    if column is None or any(month.number == _NO_MONTH for month in months):
        return ""
    first, last = min(month.label for month in months), max(month.label for month in months)
    name = identifier(column)
    return f"{name} >= date '{first}-01' and {name} < date '{last}-01' + interval 1 month and"


def _months_at_once(settings: Settings, columns: int) -> int:
    one = settings.threads * ROW_GROUP_ROWS * columns * _VALUE_BYTES
    return max(1, min(_OPEN_FILES, int(settings.memory_bytes / one)))


def _written(connection: duckdb.DuckDBPyConnection, columns: Columns, month: Month, target: Path) -> Path:
    files = sorted((target / f"{_PARTITION}={month.number}").glob("*.parquet"))
    shape = connection.execute(f"describe from {_parquet(files)}").fetchall() if files else []
    is_same = (
        len(files) == 1
        and [(row[0], row[1]) for row in shape] == [(name, data_type) for name, data_type, *_ in columns]
        and _is_given_back(connection, columns, month, _parquet(files))
    )
    if not is_same:
        raise LeadproofError(
            f"Month {month.label} did not come back from its Parquet file as it was written.",
            "Publish columns of ordinary types only, let nothing else write the build database, "
            "and run leadproof build again.",
        )
    return files[0]


def _is_given_back(connection: duckdb.DuckDBPyConnection, columns: Columns, month: Month, file: str) -> bool:
    """Compare a file's values with those that were written into it, by quick hashes if they were taken.

    The file comes from the rows that were digested, so only what writing did to them is in question.
    """
    if month.sums.quick is None:
        return row_sums(connection, file, columns) == {0: month.sums}
    return quick_sums(connection, file, columns) == (month.sums.rows, month.sums.quick)


def _parquet(files: Sequence[Path]) -> str:
    listed = ", ".join(literal(file) for file in files)
    return f"read_parquet([{listed}], hive_partitioning = false)"
