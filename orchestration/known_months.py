"""What is known of the months of long marts since a candidate was last written from the build database.

The models note to which months rows came or from which they went; the others need not be read to know what
they hold. What a month holds is told by its row sums; how they are taken is the release's business, and
another version of DuckDB may take them otherwise.
"""

from collections.abc import Collection, Mapping

import duckdb

from orchestration.release.database import RowSums
from orchestration.release.months import month_number

Sums = Mapping[str, Mapping[int, RowSums]]

_STATE = (
    "create table if not exists ops.month_sums (table_name varchar, month_number integer, row_count bigint,"
    " exclusive_or varchar, total varchar, duckdb_version varchar)",
    "create table if not exists ops.months_changed (table_name varchar, changed_month timestamp)",
)


def forget_months(database: duckdb.DuckDBPyConnection) -> None:
    """Forget all months: the marts are about to be built anew.

    Args:
        database: The build database.
    """
    keep_months(database, {})


def keep_months(database: duckdb.DuckDBPyConnection, sums: Sums) -> None:
    """Keep the row sums of the marts as they stand, of which a candidate has just been written.

    Args:
        database: The build database, which nothing has changed since.
        sums: Row sums by mart and number of the month.
    """
    _ensure_state(database)
    database.execute("begin")
    database.execute("delete from ops.month_sums")
    database.execute("delete from ops.months_changed")
    rows = [
        (table, number, found.rows, str(found.exclusive_or), str(found.total), duckdb.__version__)
        for table, months in sums.items()
        for number, found in months.items()
    ]
    if rows:
        database.executemany("insert into ops.month_sums values (?, ?, ?, ?, ?, ?)", rows)
    database.execute("commit")


def unchanged_months(
    database: duckdb.DuckDBPyConnection, noting: Collection[str]
) -> dict[str, dict[int, RowSums]]:
    """Give the months of which the models have changed nothing since their row sums were kept.

    Args:
        database: The build database, with all models.
        noting: Marts whose models note what they change; of others nothing is known.

    Returns:
        Row sums by mart and number of the month.
    """
    _ensure_state(database)
    rows = database.execute(
        f"""
        select table_name, month_number, row_count, exclusive_or, total
        from ops.month_sums
        where duckdb_version = ? and (table_name, month_number) not in (
            select (table_name, {month_number("changed_month")}) from ops.months_changed
        )
        """,
        [duckdb.__version__],
    ).fetchall()
    found: dict[str, dict[int, RowSums]] = {}
    for table, number, count, exclusive_or, total in rows:
        if table in noting:
            found.setdefault(table, {})[number] = RowSums(count, int(exclusive_or), int(total))
    return found


def _ensure_state(database: duckdb.DuckDBPyConnection) -> None:
    for statement in _STATE:
        database.execute(statement)
