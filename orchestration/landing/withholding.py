"""Which rows of a file are about somebody who has been forgotten, found before any of them is kept.

Keys are compared by their keyed digests, here and not in the database, so that neither the secret nor
anything that could be tried against the list ever stands in a query.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb

from orchestration.landing.declarations import DeclaredTable, TableKey
from orchestration.landing.identities import (
    TableKeys,
    addresses_held,
    addresses_of,
    kept_value,
    keys_of_table,
)
from orchestration.landing.names import literal, quoted
from orchestration.landing.shared_addresses import read_shared_addresses
from orchestration.landing.tables import TEXT, RawTable
from orchestration.mentions import SIGN, Mentions, mentions_of
from orchestration.settings import PROJECT_ROOT
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
        declared: What dbt declares of the table.
        learned: Record ids that the rows left out give to the forgotten.
        not_learned: How many record ids they give that may be somebody else's.
        namesakes: How many of them give only a name that a record which is kept bears, too.
    """

    condition: str = "false"
    rows: int = 0
    search: TextSearch | None = None
    cleaned_columns: frozenset[str] = field(default_factory=frozenset)
    declared: DeclaredTable | None = None
    learned: frozenset[str] = frozenset()
    not_learned: int = 0
    namesakes: int = 0

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
        return kept_value(self.declared, column, self.search.without(expression, TEXT))


def find_withheld(
    connection: duckdb.DuckDBPyConnection,
    table: RawTable,
    rows: str,
    suppression: Suppression,
    declared: Mapping[TableKey, DeclaredTable],
) -> Withholding:
    """Find the rows of a file that are about somebody who has been forgotten.

    Args:
        connection: Connection that reads the file.
        table: The raw table that the rows are meant for.
        rows: The rows under the raw table's column names, as SQL in parentheses.
        suppression: Who has been forgotten.
        declared: What dbt declares of all raw tables.

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
    learned, not_learned = frozenset[str](), 0
    if keys is not None:
        learned, not_learned = _learned(connection, table, rows, keys, found, suppression, declared)
    return Withholding(
        condition=condition,
        rows=int(counted[0]),
        search=search,
        cleaned_columns=frozenset(name for name, kind in types.items() if kind == TEXT),
        declared=table.declared,
        learned=learned,
        not_learned=not_learned,
        namesakes=_namesakes(connection, table, rows, keys, found, declared) if keys else 0,
    )


def _found_keys(
    connection: duckdb.DuckDBPyConnection, rows: str, keys: TableKeys | None, suppression: Suppression
) -> set[str]:
    if keys is None:
        return set()
    listed = ", ".join(keys.expressions)
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
    connection: duckdb.DuckDBPyConnection,
    table: RawTable,
    rows: str,
    keys: TableKeys,
    found: set[str],
    suppression: Suppression,
    declared: Mapping[TableKey, DeclaredTable],
) -> tuple[frozenset[str], int]:
    """Record ids on rows left out, and how many are not learnt: rows of other files may name a record alone.

    A source may write a forgotten address into somebody else's record. So nothing is learnt of a record that
    is held under another address, nor from an address that more records bear than one person has.
    """
    addresses = {key for key in found if key.startswith("email:")}
    if not keys.is_linking or not addresses or not {"contact", "email"} <= set(keys.by_kind):
        return frozenset(), 0
    listed = ", ".join(literal(address) for address in sorted(addresses))
    given = {
        (row[0], row[1])
        for row in connection.execute(
            "select distinct contact, address from"
            f" (select {keys.of('contact')} as contact, {keys.address} as address from {rows})"
            f" where contact is not null and address in ({listed})"
        ).fetchall()
    }
    shared = read_shared_addresses(PROJECT_ROOT)
    bearers = Counter(address for _, address in given)
    hubs = {
        address
        for address, count in bearers.items()
        if count > shared.most_contacts or any(map(shared.is_mailbox, addresses_of([address])))
    }
    fresh = {contact for contact, _ in given} - found
    candidates = fresh - {contact for contact, address in given if address in hubs}
    held = addresses_held(connection, rows, keys, candidates)
    for relation, others in _linking_tables(connection, table, declared):
        held |= addresses_held(connection, relation, others, candidates)
    forgotten = suppression.matching({address for _, address in held})
    learned = candidates - {contact for contact, address in held if address not in forgotten}
    return frozenset(learned), len(fresh - learned)


def _namesakes(
    connection: duckdb.DuckDBPyConnection,
    table: RawTable,
    rows: str,
    keys: TableKeys,
    found: set[str],
    declared: Mapping[TableKey, DeclaredTable],
) -> int:
    """Rows left out for a name alone that somebody else has, too: an opt-out of theirs may be among them."""
    names = sorted(key for key in found if key.startswith("name:"))
    if not names:
        return 0
    borne = {
        row[0]
        for relation, others in _raw_tables(connection, table, declared)
        if others.own_name is not None
        for row in connection.execute(
            f"select distinct {others.own_name} from {relation}"
            f" where {others.own_name} in ({', '.join(map(literal, names))})"
        ).fetchall()
    }
    counted = connection.execute(
        f"select count(*) from {rows} where {keys.matches(borne)} and not {keys.matches(found - {*names})}"
    ).fetchone()
    return int(counted[0]) if counted else 0


def _linking_tables(
    connection: duckdb.DuckDBPyConnection, table: RawTable, declared: Mapping[TableKey, DeclaredTable]
) -> list[tuple[str, TableKeys]]:
    """Raw tables of the same system whose rows may give an address to a record."""
    return [each for each in _raw_tables(connection, table, declared) if each[1].is_linking]


def _raw_tables(
    connection: duckdb.DuckDBPyConnection, table: RawTable, declared: Mapping[TableKey, DeclaredTable]
) -> list[tuple[str, TableKeys]]:
    """Raw tables of the same system whose rows are about somebody."""
    schema = f"raw_{table.source_system}"
    rows = connection.execute(
        "select table_name, column_name, data_type from duckdb_columns()"
        f" where database_name = current_database() and schema_name = {literal(schema)}"
    ).fetchall()
    types: dict[str, dict[str, str]] = {}
    for name, column, kind in rows:
        types.setdefault(name, {})[column] = kind
    tables = []
    for name, held in types.items():
        keys = keys_of_table(table.source_system, declared.get((table.source_system, name)), held)
        if keys is not None:
            tables.append((f"{quoted(schema)}.{quoted(name)}", keys))
    return tables
