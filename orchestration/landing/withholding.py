"""Which rows of a file are about somebody who has been forgotten, found before any of them is kept.

Keys are compared by their keyed digests, here and not in the database, so that neither the secret nor
anything that could be tried against the list ever stands in a query.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from orchestration.landing.identities import KINDS, TableKeys, addresses_of, keys_of_table
from orchestration.landing.names import literal, quoted
from orchestration.landing.tables import TEXT, RawTable, is_indivisible
from orchestration.mentions import TOKEN, mentions_of, possible_addresses
from orchestration.suppression import Suppression

_KEYS_AT_ONCE = 100_000


@dataclass(frozen=True)
class Withholding:
    """What is left out of a file.

    Args:
        condition: SQL condition of the rows that are left out.
        rows: How many they are.
        addresses: Addresses of the forgotten that other rows name in their texts.
        cleaned_columns: Columns whose texts may name them.
        learned: Record ids that the rows left out give to the forgotten.
    """

    condition: str = "false"
    rows: int = 0
    addresses: frozenset[str] = frozenset()
    cleaned_columns: frozenset[str] = field(default_factory=frozenset)
    learned: frozenset[str] = frozenset()

    def cleaned(self, expression: str, column: str) -> str:
        """Write a column's value without the addresses that may not be kept.

        Args:
            expression: SQL of the value.
            column: The column.

        Returns:
            SQL of what is kept.
        """
        if not self.addresses or column not in self.cleaned_columns:
            return expression
        return mentions_of(self.addresses).sql_without(expression)


def find_withheld(
    connection: duckdb.DuckDBPyConnection, table: RawTable, rows: str, suppression: Suppression
) -> Withholding:
    """Find the rows of a file that are about somebody who has been forgotten.

    Args:
        connection: Connection that reads the file.
        table: The raw table that the rows are meant for.
        rows: The rows under the raw table's column names, as SQL in parentheses.
        suppression: Who has been forgotten.

    Returns:
        What is to be left out.
    """
    types = {row[0]: row[1] for row in connection.execute(f"describe from {rows}").fetchall()}
    keys = keys_of_table(table.source_system, table.declared, types)
    texts = [name for name, kind in types.items() if kind == TEXT]
    whole = [name for name, kind in types.items() if is_indivisible(kind)]
    found = _found_keys(connection, rows, keys, suppression)
    named = _named_addresses(connection, rows, [*texts, *whole], suppression)
    if not found and not named:
        return Withholding()
    conditions = [keys.matches(found)] if keys else []
    # A value that cannot be cleaned word by word goes with its row.
    mentions = mentions_of(named)
    conditions += [mentions.sql_condition(f"cast({quoted(name)} as varchar)") for name in whole]
    condition = f"({' or '.join(conditions) or 'false'})"
    counted = connection.execute(f"select count(*) from {rows} where {condition}").fetchone()
    assert counted is not None
    return Withholding(
        condition=condition,
        rows=int(counted[0]),
        addresses=frozenset(named),
        cleaned_columns=frozenset(texts),
        learned=_learned(connection, rows, keys, found) if keys else frozenset(),
    )


def _found_keys(
    connection: duckdb.DuckDBPyConnection, rows: str, keys: TableKeys | None, suppression: Suppression
) -> set[str]:
    if keys is None:
        return set()
    listed = ", ".join(keys.of(kind) for kind in KINDS)
    query = f"select distinct key from (select unnest([{listed}]) as key from {rows}) where key is not null"
    found: set[str] = set()
    cursor = connection.execute(query)
    while batch := cursor.fetchmany(_KEYS_AT_ONCE):
        found |= suppression.matching(row[0] for row in batch)
    return found


def _named_addresses(
    connection: duckdb.DuckDBPyConnection, rows: str, columns: Sequence[str], suppression: Suppression
) -> set[str]:
    if not columns:
        return set()
    texts = ", ".join(f"cast({quoted(name)} as varchar)" for name in columns)
    query = (
        f"select distinct unnest(regexp_extract_all(value, {literal(TOKEN)})) from"
        f" (select distinct value from (select unnest([{texts}]) as value from {rows})"
        " where contains(value, '@') or contains(value, '%40'))"
    )
    found: set[str] = set()
    cursor = connection.execute(query)
    while batch := cursor.fetchmany(_KEYS_AT_ONCE):
        found |= suppression.matching(
            f"email:{address}" for (token,) in batch for address in possible_addresses(token)
        )
    return addresses_of(found)


def _learned(
    connection: duckdb.DuckDBPyConnection, rows: str, keys: TableKeys, found: set[str]
) -> frozenset[str]:
    """Record ids on rows left out: rows of other files may name the record and nothing else."""
    if not keys.is_linking or "contact" not in keys.by_kind:
        return frozenset()
    listed = connection.execute(
        f"select distinct key from (select {keys.of('contact')} as key from {rows}"
        f" where {keys.matches(found)}) where key is not null"
    ).fetchall()
    return frozenset(row[0] for row in listed) - found
