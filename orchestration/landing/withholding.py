"""Which rows of a file are about somebody who has been forgotten, found before any of them is kept.

Keys are compared by their keyed digests, here and not in the database, so that neither the secret nor
anything that could be tried against the list ever stands in a query.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb

from orchestration.landing.identities import KINDS, TableKeys, keys_of_table
from orchestration.landing.names import quoted
from orchestration.landing.tables import TEXT, RawTable
from orchestration.mentions import SIGN, Mentions, mentions_of
from orchestration.suppression import Suppression
from orchestration.text_search import TextSearch, holds_texts, is_indivisible

_KEYS_AT_ONCE = 100_000


@dataclass(frozen=True)
class Withholding:
    """What is left out of a file.

    Args:
        condition: SQL condition of the rows that are left out.
        rows: How many they are.
        search: Looks for the forgotten whom texts of other rows name; None if they name nobody.
        cleaned_columns: Columns whose texts may name them.
        learned: Record ids that the rows left out give to the forgotten.
    """

    condition: str = "false"
    rows: int = 0
    search: TextSearch | None = None
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
        if self.search is None or column not in self.cleaned_columns:
            return expression
        return self.search.without(expression, TEXT)


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
    found = _found_keys(connection, rows, keys, suppression)
    named = _named_addresses(connection, rows, types, suppression)
    if not found and not named:
        return Withholding()
    conditions = [keys.matches(found)] if keys else []
    search = TextSearch(connection, mentions_of(named), SIGN) if named else None
    if search:
        # A value that cannot be cleaned word by word goes with its row.
        conditions += [
            search.condition(quoted(name), kind) for name, kind in types.items() if is_indivisible(kind)
        ]
    condition = f"({' or '.join(conditions) or 'false'})"
    counted = connection.execute(f"select count(*) from {rows} where {condition}").fetchone()
    assert counted is not None
    return Withholding(
        condition=condition,
        rows=int(counted[0]),
        search=search,
        cleaned_columns=frozenset(name for name, kind in types.items() if kind == TEXT),
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
    connection: duckdb.DuckDBPyConnection, rows: str, types: Mapping[str, str], suppression: Suppression
) -> frozenset[str]:
    """Addresses of the forgotten in the words of any row."""
    noting = _Noting(suppression.mentions)
    search = TextSearch(connection, noting, SIGN)
    # Each column by itself: of conditions that are joined, the second is not asked where the first holds.
    asked = ", ".join(
        f"count(*) filter ({search.condition(quoted(name), kind)})"
        for name, kind in types.items()
        if holds_texts(kind)
    )
    if asked:
        connection.execute(f"select {asked} from {rows}").fetchall()
    return frozenset(noting.addresses)


class _Noting:
    """Notes all that texts name. Afterwards these few are looked for, without the secret and its digests.

    Args:
        mentions: Who may be named.
    """

    def __init__(self, mentions: Mentions) -> None:
        self.addresses: set[str] = set()
        self._mentions = mentions

    def names(self, text: str) -> bool:
        """Note whom a text names."""
        return self._note({mention.address for mention in self._mentions.found(text)})

    def names_in_bytes(self, content: bytes) -> bool:
        """Note whom bytes name."""
        return self._note({mention.address for mention in self._mentions.found_in_bytes(content)})

    def cleaned(self, text: str) -> str:
        """Clean a text as everybody does."""
        return self._mentions.cleaned(text)

    def _note(self, addresses: set[str]) -> bool:
        self.addresses |= addresses
        return bool(addresses)


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
