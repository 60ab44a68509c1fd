"""Whom a raw row is about, as far as its own columns say, in the identity keys that the models use.

Which columns say it is declared beside the staging models; what links people belongs to ``erasure`` and to
the models. Keys are written as staging and ``identity.sql`` write them, which a test compares.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import duckdb

from orchestration.landing.declarations import DeclaredTable, Identity
from orchestration.landing.names import PROVENANCE, literal, quoted
from orchestration.mentions import ERASED, WHOLE_ADDRESS

KINDS = ("contact", "email", "anonymous", "name")
_LINKING = {"contacts", "touches"}
_TEXT = "VARCHAR"
# Where nothing is declared, what a column is called says whose address it holds: the row's own, or that of
# somebody who has to do with it.
_OWN_ADDRESS = frozenset(
    ("email", "e_mail", "mail", "email_address", "e_mail_address", "mail_address", "emailaddress")
)
_OF_OTHERS = re.compile(
    r"(?:^|_)(?:by|owner|manager|creator|assignee|assigned|responsible|referrer|referral|introducer|rep|sales"
    r"|seller|agent|sender|executive)(?:_|$)"
)
_LONGEST_WHOLE = 1_000
_FIELD = re.compile(r"[^\s,;|:\"'{}\[\]]+")
# As a file parts its fields: an id may hold what parts words.
_WHOLE_FIELD = re.compile(r"[^,;|\t\r\n\"]+")


@dataclass(frozen=True)
class TableKeys:
    """The identity keys of the rows of one table, as SQL.

    Args:
        by_kind: SQL expression by kind of key; null where a row has none. A kind that the table lacks is
            absent.
        addresses: SQL expression of the key of an address that a row bears where the models read none, by the
            kind of the column: an id that is an address, or an address as mail programs write it. Of a table
            that nobody has declared, any column may hold it.
        own_name: SQL expression of the name by which other tables mean the record; None without one.
        is_record: Whether the rows are contact records.
        is_linking: Whether a row joins the people of its keys; else it only follows them.
    """

    by_kind: Mapping[str, str]
    addresses: Mapping[str, str]
    own_name: str | None
    is_record: bool
    is_linking: bool

    def of(self, kind: str) -> str:
        """Write the key of a kind, or null of its type."""
        return self.by_kind.get(kind, "null::varchar")

    @property
    def address(self) -> str:
        """The key of a row's address, also as mail programs write it."""
        return f"coalesce({self.addresses.get('email', 'null::varchar')}, {self.of('email')})"

    @property
    def expressions(self) -> list[str]:
        """Every key that a row may give."""
        return [*(self.of(kind) for kind in KINDS), *self.addresses.values()]

    def bears(self, keys: Collection[str]) -> str:
        """Write the condition that a row bears an address of theirs where the models read none.

        Args:
            keys: Identity keys.

        Returns:
            SQL, never null.
        """
        held = sorted(key for key in keys if key.startswith("email:"))
        if not held or not self.addresses:
            return "false"
        listed = ", ".join(literal(key) for key in held)
        return (
            "("
            + " or ".join(f"coalesce({each} in ({listed}), false)" for each in self.addresses.values())
            + ")"
        )

    def matches(self, keys: Collection[str]) -> str:
        """Write the condition that a row is about whom the keys belong to.

        An anonymous id decides only where nothing else does: a device may have other users.

        Args:
            keys: Identity keys.

        Returns:
            SQL, never null.
        """
        conditions = []
        for kind in self.by_kind:
            held = sorted(key for key in keys if key.startswith(f"{kind}:"))
            if not held:
                continue
            condition = f"{self.by_kind[kind]} in ({', '.join(literal(key) for key in held)})"
            if kind == "anonymous":
                condition += f" and {self.of('contact')} is null and {self.of('email')} is null"
            conditions.append(f"coalesce({condition}, false)")
        if (borne := self.bears(keys)) != "false":
            conditions.append(borne)
        return f"({' or '.join(conditions)})" if conditions else "false"


def keys_of_table(
    source_system: str, declared: DeclaredTable | None, types: Mapping[str, str]
) -> TableKeys | None:
    """Write the identity keys of a raw table's rows.

    Args:
        source_system: The table's source system.
        declared: What dbt declares of it.
        types: DuckDB type by column, of those that there are.

    Returns:
        The keys; None if no column says who a row is about.
    """
    if declared is None:
        address = _address_of_undeclared(types)
        return None if address is None else TableKeys({}, {"email": address}, None, False, False)
    expressions: dict[str, list[str]] = {}
    whole: dict[str, list[str]] = {}
    for identity in declared.identities:
        if identity.column in types:
            expressions.setdefault(identity.kind, []).append(_expression(source_system, identity))
            whole.setdefault(identity.kind, []).append(_whole_address(identity.column))
    if not expressions:
        return None
    joined = {kind: f"coalesce({', '.join(parts)}, null)" for kind, parts in expressions.items()}
    borne = {kind: f"coalesce({', '.join(parts)}, null)" for kind, parts in whole.items()}
    addresses = {kind: borne[kind] for kind in ("contact", "email", "anonymous") if kind in borne}
    if "email" in addresses:
        addresses["email"] = f"nullif({addresses['email']}, {joined['email']})"
    if "anonymous" in addresses:
        # As with other ids of visitors: where a row says whom it is about, it is about nobody else.
        others = " and ".join(f"{joined[kind]} is null" for kind in ("contact", "email") if kind in joined)
        addresses["anonymous"] = f"case when {others or 'true'} then {addresses['anonymous']} end"
    return TableKeys(
        by_kind={kind: joined[kind] for kind in KINDS if kind in joined},
        addresses=addresses,
        own_name=joined.get("own_name"),
        is_record="contacts" in declared.feeds,
        is_linking=bool(_LINKING & set(declared.feeds)),
    )


def kept_value(declared: DeclaredTable | None, column: str, cleaned: str) -> str:
    """Write what is kept of a value from which the forgotten were taken.

    Args:
        declared: What dbt declares of the table.
        column: The column.
        cleaned: SQL of the value without them.

    Returns:
        SQL; no value where a visitor's id was nothing but an address. All such visitors would be one, through
        whom the models would join strangers.
    """
    identities = declared.identities if declared else ()
    if any(each.column == column and each.kind == "anonymous" for each in identities):
        return f"nullif({cleaned}, {literal(ERASED)})"
    return cleaned


def possible_keys(source_system: str, declared: DeclaredTable | None, text: str) -> set[str]:
    """List the keys of records and devices that a text could hold, for example a line that cannot be parsed.

    Which addresses it names belongs to ``mentions``.

    Args:
        source_system: System that it comes from.
        declared: What dbt declares of its table.
        text: The text.

    Returns:
        Keys, most of which belong to nobody.
    """
    fields = {*_FIELD.findall(text), *(field.strip() for field in _WHOLE_FIELD.findall(text))} - {""}
    return {
        f"{identity.kind}:{source_system}:{identity.prefix}{field}"
        for identity in _of_records(declared)
        for field in fields
    }


def names_record(source_system: str, declared: DeclaredTable | None, keys: Iterable[str], text: str) -> bool:
    """Tell whether a text holds the id of a known record or device as a whole word.

    Args:
        source_system: System that the text comes from.
        declared: What dbt declares of its table.
        keys: Identity keys.
        text: The text.

    Returns:
        Whether it does.
    """
    known = list(keys)
    for identity in _of_records(declared):
        scope = f"{identity.kind}:{source_system}:{identity.prefix}"
        ids = (key.removeprefix(scope) for key in known if key.startswith(scope))
        # Others are fields of their own, which ``possible_keys`` lists.
        parted = (each for each in ids if each and not _FIELD.fullmatch(each))
        if any(re.search(rf"(?<![\w.\-]){re.escape(each)}(?![\w\-]|[.:]\w)", text) for each in parted):
            return True
    return False


def _of_records(declared: DeclaredTable | None) -> list[Identity]:
    return [
        each for each in (declared.identities if declared else ()) if each.kind in ("contact", "anonymous")
    ]


def addresses_of(keys: Iterable[str]) -> set[str]:
    """Pick the addresses among identity keys.

    Args:
        keys: Identity keys.

    Returns:
        Normalised addresses.
    """
    return {key.removeprefix("email:") for key in keys if key.startswith("email:")}


def addresses_held(
    connection: duckdb.DuckDBPyConnection, relation: str, keys: TableKeys, contacts: Collection[str]
) -> set[tuple[str, str]]:
    """Find the addresses that rows give to some records.

    Args:
        connection: Connection that reads the rows.
        relation: The rows, as SQL.
        keys: Their identity keys.
        contacts: Keys of the records.

    Returns:
        Pairs of a record's key and an address's.
    """
    if not contacts or not {"contact", "email"} <= set(keys.by_kind):
        return set()
    rows = connection.execute(
        f"select distinct contact, email from"
        f" (select {keys.of('contact')} as contact, {keys.address} as email from {relation})"
        f" where email is not null and contact in ({', '.join(literal(key) for key in sorted(contacts))})"
    ).fetchall()
    return {(row[0], row[1]) for row in rows}


def _address_of_undeclared(types: Mapping[str, str]) -> str | None:
    """Whose address a row bears in a table of which nobody has said anything.

    The one in a column that is called by it, else the only one that stands in the row as a whole value. A row
    with several is nobody's in particular: it may as well be about one of the others.
    """
    texts = [name for name, kind in types.items() if kind == _TEXT and name not in PROVENANCE]
    own = [name for name in texts if name in _OWN_ADDRESS]
    others = [name for name in texts if not _OF_OTHERS.search(name)]
    parts = [_only_one(names) for names in (own, others) if names]
    return f"coalesce({', '.join(parts)}, null)" if parts else None


def _only_one(columns: list[str]) -> str:
    """The only address in some columns; one that was taken out counts as another, or order would matter."""
    if len(columns) == 1:
        return _whole_address(columns[0])
    held = [*map(_whole_address, columns), *(_erased_address(*each) for each in enumerate(columns))]
    # Within a list of one, because what stands in an expression twice may be computed twice.
    distinct = f"[list_distinct([{', '.join(held)}])]"
    is_one = "len(found) = 1 and starts_with(found[1], 'email:')"
    return f"list_transform({distinct}, lambda found: case when {is_one} then found[1] end)[1]"


def _erased_address(number: int, column: str) -> str:
    """What stands for the address that was taken out of a whole value; another one in each column."""
    text = f"cast({quoted(column)} as varchar)"
    told = f"replace({text}, {literal(ERASED)}, 'erased@erased')"
    may_be = f"contains({text}, {literal(ERASED)}) and strlen({text}) <= {_LONGEST_WHOLE}"
    return f"case when {may_be} and regexp_matches({told}, {literal(WHOLE_ADDRESS)}) then '{number}' end"


def _whole_address(column: str) -> str:
    """The key of an address that is a whole value, as ``mentions.whole_address`` reads it."""
    text = f"cast({quoted(column)} as varchar)"
    found = f"replace(lower(regexp_extract({text}, {literal(WHOLE_ADDRESS)}, 1)), '%40', '@')"
    may_be = f"(contains({text}, '@') or contains({text}, '%40')) and strlen({text}) <= {_LONGEST_WHOLE}"
    return f"case when {may_be} then 'email:' || nullif({found}, '') end"


def _expression(source_system: str, identity: Identity) -> str:
    text = f"nullif(trim(cast({quoted(identity.column)} as varchar), e' \\t\\r\\n'), '')"
    if identity.no_id is not None:
        text = f"nullif({text}, {literal(identity.no_id)})"
    if identity.kind == "email":
        return f"case when {text} like '_%@_%' and {text} not like '%@%@%' then 'email:' || lower({text}) end"
    if identity.kind in ("name", "own_name"):
        return f"{literal(f'name:{source_system}:')} || lower({text})"
    return f"{literal(f'{identity.kind}:{source_system}:{identity.prefix}')} || {text}"
