"""Whom an address or a contact record means: all keys of the person, by the identity that models resolved.

Nobody is reached through a key that links nobody: an address that strangers share erases none of them. Rows
that the models have not seen yet are reached through the contact records that bear an address, and through
nothing else.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import duckdb

from orchestration.errors import LeadproofError
from orchestration.landing.declarations import DeclaredTable, TableKey
from orchestration.landing.identities import TableKeys, addresses_held, addresses_of, keys_of_table
from orchestration.landing.names import literal, quoted
from orchestration.landing.shared_addresses import read_shared_addresses
from orchestration.mentions import normalised
from orchestration.salts import kept_salts
from orchestration.settings import PROJECT_ROOT, Settings

IDENTITIES, HUBS = "int_identities_resolved", "int_identity_hubs_found"


@dataclass(frozen=True)
class HeldTable:
    """A raw table of the build database.

    Args:
        source_system: Source system.
        source_table: Its table.
        types: DuckDB type by column.
        declared: What dbt declares of it; None if nothing.
    """

    source_system: str
    source_table: str
    types: Mapping[str, str]
    declared: DeclaredTable | None

    @property
    def name(self) -> str:
        """System and table."""
        return f"{self.source_system}.{self.source_table}"

    @property
    def relation(self) -> str:
        """The quoted table, in the attached database ``held``."""
        return f"held.{quoted('raw_' + self.source_system)}.{quoted(self.source_table)}"

    @property
    def keys(self) -> TableKeys | None:
        """Whom its rows are about; None if no column says it."""
        return keys_of_table(self.source_system, self.declared, self.types)


def held_tables(
    connection: duckdb.DuckDBPyConnection, declared: Mapping[TableKey, DeclaredTable]
) -> list[HeldTable]:
    """List the raw tables.

    Args:
        connection: Connection with the build database attached as ``held``.
        declared: What dbt declares.

    Returns:
        The tables, in order.
    """
    rows = connection.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns()"
        " where database_name = 'held' and schema_name like 'raw\\_%' escape '\\'"
        " order by schema_name, table_name, column_index"
    ).fetchall()
    types: dict[TableKey, dict[str, str]] = {}
    for schema, table, column, kind in rows:
        types.setdefault((schema.removeprefix("raw_"), table), {})[column] = kind
    return [HeldTable(*key, found, declared.get(key)) for key, found in types.items()]


def keys_of_person(
    connection: duckdb.DuckDBPyConnection, tables: Collection[HeldTable], start: Collection[str]
) -> set[str]:
    """Find all keys of the person to whom some keys belong.

    Args:
        connection: Connection with the build database attached as ``held``.
        tables: Its raw tables.
        start: Identity keys of the person.

    Returns:
        All identity keys of the person, the given ones among them.

    Raises:
        LeadproofError: If one of the given keys links nobody, so that nobody can say whom it means.
    """
    hubs = _Hubs(connection, tables)
    for key in start:
        if reason := hubs.reason(key):
            raise LeadproofError(
                f"This address identifies nobody, because {reason}; nothing is erased.",
                "Name the contact record instead: leadproof forget --contact <system>:<id>. Once no record"
                " bears the address any more, it can be forgotten by itself.",
            )
    known, fresh = set(start), set(start)
    while fresh:
        found = (
            _resolved(connection, fresh)
            | _of_records(connection, tables, fresh)
            | _written_as_address(connection, tables, fresh)
        )
        fresh = {key for key in found - known if hubs.reason(key) is None}
        known |= fresh
    return known | _own_names(connection, tables, known)


def addresses_left(
    connection: duckdb.DuckDBPyConnection, tables: Collection[HeldTable], keys: Collection[str]
) -> int:
    """Count the addresses on the person's records that stay, because others bear them too.

    Args:
        connection: Connection with the build database attached as ``held``.
        tables: Its raw tables.
        keys: The person's identity keys.

    Returns:
        How many there are.
    """
    found: set[str] = set()
    for table in tables:
        held = table.keys
        if held is None or not held.is_record:
            continue
        rows = connection.execute(
            f"select distinct {held.address} from {table.relation} where {held.matches(keys)}"
        ).fetchall()
        found |= {row[0] for row in rows if row[0] is not None}
    return len(found - set(keys))


def keys_of_late_records(
    connection: duckdb.DuckDBPyConnection, tables: Collection[HeldTable], start: Collection[str]
) -> tuple[set[str], set[str]]:
    """Find the keys of records of whom it was learnt late that they belong to the forgotten.

    Nobody is reached through the address of such a record: one wrong row in a source would erase whoever
    bears it.

    Args:
        connection: Connection with the build database attached as ``held``.
        tables: Its raw tables.
        start: Keys of the records.

    Returns:
        The keys whose rows go, and those among them under whose ids releases may know nobody else.
    """
    hubs = _Hubs(connection, tables)
    addressed = {
        contact
        for table in tables
        if table.keys is not None and table.keys.is_linking
        for contact, _ in addresses_held(connection, table.relation, table.keys, start)
    }
    own: set[str] = set()
    for key in set(start) - addressed:
        person = _resolved(connection, {key})
        if not addresses_of(person):
            own |= {key} | {other for other in person if hubs.reason(other) is None}
    return set(start) | own | _own_names(connection, tables, own), own


def person_ids_of(
    connection: duckdb.DuckDBPyConnection, keys: Collection[str], settings: Settings
) -> set[str]:
    """Compute the ids that the person has had, or may have had, in releases, under every salt ever used.

    Args:
        connection: Connection with the build database attached as ``held``.
        keys: The person's identity keys.
        settings: The present salt, and where earlier ones lie.

    Returns:
        Person ids, those among them that no release knows.

    Raises:
        LeadproofError: If the earlier salts cannot be read.
    """
    salts = {settings.id_salt, *kept_salts(settings)}
    if has_table(connection, "ops", "current_build"):
        written = connection.execute("select id_salt from held.ops.current_build").fetchall()
        salts |= {row[0] for row in written if row[0] is not None}
    kinds = ("email:", "contact:", "anonymous:")
    return {
        f"p_{hashlib.md5((salt + key).encode(), usedforsecurity=False).hexdigest()[:16]}"
        for salt in salts
        for key in keys
        if key.startswith(kinds)
    }


def has_table(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    """Say whether the build database has a table.

    Args:
        connection: Connection with the build database attached as ``held``.
        schema: Schema name.
        table: Table name.

    Returns:
        Whether it is there.
    """
    return bool(
        connection.execute(
            "select 1 from duckdb_tables() where database_name = 'held'"
            f" and schema_name = {literal(schema)} and table_name = {literal(table)}"
        ).fetchone()
    )


def listed(keys: Collection[str]) -> str:
    """Write keys as a list of SQL.

    Args:
        keys: At least one key.

    Returns:
        The literals in parentheses.
    """
    return f"({', '.join(literal(key) for key in sorted(keys))})"


class _Hubs:
    """Keys that link nobody, as the models found it; by the same rule for keys that they have not seen."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, tables: Collection[HeldTable]) -> None:
        self._connection = connection
        self._tables = tables
        self._found: dict[str, str | None] = {}
        self._shared = read_shared_addresses(PROJECT_ROOT)

    def reason(self, key: str) -> str | None:
        if key not in self._found:
            self._found[key] = self._reason(key)
        return self._found[key]

    def _reason(self, key: str) -> str | None:
        kind, _, text = key.partition(":")
        if kind == "email" and self._shared.is_mailbox(text):
            return "it is a shared mailbox"
        if has_table(self._connection, "intermediate", HUBS):
            row = self._connection.execute(
                f"select reason from held.intermediate.{HUBS} where identity_key = {literal(key)}"
            ).fetchone()
            # The models' word outlives the records until the next build: the last of them leaves an address
            # that nobody else has.
            if row and not (kind == "email" and self._records(key) == 0):
                return "more contact records bear it than one person has"
            if self._is_resolved(key):
                return None
        if kind == "email" and self._records(key) > self._shared.most_contacts:
            return "more contact records bear it than one person has"
        return None

    def _is_resolved(self, key: str) -> bool:
        return bool(_resolved(self._connection, {key}))

    def _records(self, key: str) -> int:
        bearing = [
            f"select {keys.of('contact')} as contact from {table.relation}"
            f" where {keys.address} = {literal(key)}"
            for table in self._tables
            for keys in [table.keys]
            if keys is not None and keys.is_record and "email" in keys.by_kind
        ]
        if not bearing:
            return 0
        row = self._connection.execute(
            f"select count(distinct contact) from ({' union all '.join(bearing)})"
        ).fetchone()
        return int(row[0]) if row else 0


def _resolved(connection: duckdb.DuckDBPyConnection, keys: Collection[str]) -> set[str]:
    """All keys of the people to whom the models have given some keys."""
    if not has_table(connection, "intermediate", IDENTITIES):
        return set()
    place = f"held.intermediate.{IDENTITIES}"
    rows = connection.execute(
        f"select identity_key from {place} where person_id in"
        f" (select person_id from {place} where identity_key in {listed(keys)})"
    ).fetchall()
    return {row[0] for row in rows}


def _of_records(
    connection: duckdb.DuckDBPyConnection, tables: Collection[HeldTable], keys: Collection[str]
) -> set[str]:
    """Keys on contact records that bear one of some keys, as far as the models do not know them.

    Of a record that bears an address where the models read none, they know nothing: its id is the person's.
    """
    found, borne = set[str](), set[str]()
    for table in tables:
        held = table.keys
        if held is None or not held.is_record:
            continue
        rows = connection.execute(
            f"select distinct {held.of('contact')}, {held.of('email')}, {held.bears(keys)}"
            f" from {table.relation} where {held.matches(keys)}"
        ).fetchall()
        found |= {key for row in rows for key in row[:2] if key is not None}
        borne |= {contact for contact, _, is_borne in rows if is_borne and contact is not None}
    fresh = found - set(keys)
    return borne | {key for key in fresh if not _resolved(connection, {key})}


def _written_as_address(
    connection: duckdb.DuckDBPyConnection, tables: Collection[HeldTable], keys: Collection[str]
) -> set[str]:
    """Keys that the models made of an address where they read none: an id, or an address with more around it.

    Releases know the person under such keys although no contact record may bear the address. A visitor whom
    the models join with a record or another address is not only theirs.
    """
    addresses = {key for key in keys if key.startswith("email:")}
    found: set[str] = set()
    for table in tables:
        held = table.keys
        if held is None or not held.is_linking or not addresses:
            continue
        for kind, address in held.addresses.items():
            rows = connection.execute(
                f"select distinct {held.of(kind)}, {address} from {table.relation}"
                f" where {address} in {listed(addresses)}"
            ).fetchall()
            # Of several columns of a kind, another one may have given the key.
            found |= {
                key
                for key, email in rows
                if key is not None
                and email.removeprefix("email:") in normalised(key).replace("%40", "@")
                and (kind != "anonymous" or _is_visitor_only(connection, key))
            }
    return found


def _is_visitor_only(connection: duckdb.DuckDBPyConnection, key: str) -> bool:
    return all(other.startswith("anonymous:") for other in _resolved(connection, {key}))


def _own_names(
    connection: duckdb.DuckDBPyConnection, tables: Collection[HeldTable], keys: Collection[str]
) -> set[str]:
    """Names by which rows of other tables mean the person's records.

    A row that gives a name which several records have ever borne takes part in nothing; with one of them gone
    it would seem to mean another. So every row that gives the name goes, and is kept out from now on.
    """
    found: set[str] = set()
    for table in tables:
        held = table.keys
        if held is None or held.own_name is None:
            continue
        rows = connection.execute(
            f"select distinct {held.own_name} from {table.relation} where {held.matches(keys)}"
        ).fetchall()
        found |= {row[0] for row in rows if row[0] is not None}
    return found
