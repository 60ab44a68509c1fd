"""What records a sale in the raw tables, and worlds in which it says something else.

The sources declare it: ``config.meta.records_sale`` on a table or a column. What a test expects does not
belong here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from tests.integration.compiled_world import Node


@dataclass(frozen=True)
class RawColumn:
    """A column of a raw table.

    Args:
        system: Source system.
        table: Table of that system.
        column: Its column.
    """

    system: str
    table: str
    column: str

    @property
    def relation(self) -> str:
        """The table's name in SQL."""
        return f"raw_{self.system}.{self.table}"


def is_raw(source: Node) -> bool:
    """Whether a source table holds what a source system delivered."""
    return bool(source["schema"].startswith("raw_"))


def is_marked(described: Node) -> bool:
    """Whether a source table or one of its columns is declared to record a sale."""
    return bool(described["config"].get("meta", {}).get("records_sale"))


def sale_tables(sources: list[Node]) -> list[Node]:
    """The raw tables all of whose rows record sales."""
    return [source for source in sources if is_marked(source)]


def sale_columns(sources: list[Node]) -> list[RawColumn]:
    """The columns that record sales in tables that otherwise do not."""
    return [
        RawColumn(source["schema"].removeprefix("raw_"), source["identifier"], column["name"])
        for source in sources
        if is_raw(source) and not is_marked(source)
        for column in source["columns"].values()
        if is_marked(column)
    ]


Change = Callable[[duckdb.DuckDBPyConnection, list[Node]], None]

SAYS_SOLD = {
    "account_type": "Customer",
    "converted": "Yes",
    "lead_status": "Pre Qualified",
    "source_stage": "customer",
}
"""What each marked column says of somebody who has bought."""

_ADDED = "1, timestamp '2026-01-01', timestamp '2026-01-01', 'added/sales.csv', row_number() over ()"
ADDS_SALES = {
    "raw_leadproof.deals": f"""
        insert into raw_leadproof.deals (
            source_deal_id, source_contact_id, email, occurred_at, status, amount, currency,
            _load_id, _loaded_at, _observed_at, _source_file, _source_row
        )
        select
            'by-id-' || source_contact_id, source_contact_id, null, created_at, 'won', '900000', 'eur',
            {_ADDED}
        from raw_leadproof.contacts
        union all
        select 'by-mail-' || email, null, email, '2001-01-01', 'won', '900000', 'eur', {_ADDED}
        from raw_leadproof.touches where email is not null
        union all
        select
            'of-nobody', 'unheard-of', 'unheard@customer.example', '2026-06-30T11:00:00', 'won', '1', 'eur',
            {_ADDED}
    """,
    "raw_olist.closed_deals": f"""
        insert into raw_olist.closed_deals (
            mql_id, seller_id, won_date, business_segment, lead_type, declared_monthly_revenue,
            _load_id, _loaded_at, _observed_at, _source_file, _source_row
        )
        select mql_id, 'added-' || mql_id, '2017-01-01 00:00:00', 'software', 'industry', '900000', {_ADDED}
        from raw_olist.marketing_qualified_leads
    """,
    "raw_zoho.potentials": f"""
        insert into raw_zoho.potentials (
            potential_name, created_time, closing_date, amount, stage, leadid, campaign_id,
            _load_id, _loaded_at, _observed_at, _source_file, _source_row
        )
        select
            last_name, '01 Jan, 2020 00:00:00', '02 Jan, 2020 00:00:00', '$900,000.00', 'Closed Won', leadid,
            '10', {_ADDED}
        from raw_zoho.leads
    """,
}
"""How each marked table comes to say that everybody has bought, long before the first touch or just now."""


def everything_sold(database: duckdb.DuckDBPyConnection, sources: list[Node]) -> None:
    """Everybody has bought, and somebody of whom nothing else is known."""
    for marked in sale_columns(sources):
        database.execute(f"update {marked.relation} set {marked.column} = ?", [SAYS_SOLD[marked.column]])
    for source in sale_tables(sources):
        database.execute(ADDS_SALES[f"{source['schema']}.{source['identifier']}"])


def nothing_sold(database: duckdb.DuckDBPyConnection, sources: list[Node]) -> None:
    """Nobody has bought anything."""
    for marked in sale_columns(sources):
        database.execute(f"update {marked.relation} set {marked.column} = null")
    for source in sale_tables(sources):
        database.execute(f"delete from {source['schema']}.{source['identifier']}")


def sales_garbled(database: duckdb.DuckDBPyConnection, sources: list[Node]) -> None:
    """What records a sale cannot be read, and is something else in every row and every file."""

    def garbled(column: str) -> str:
        return f"{column} = md5(concat_ws('|', '{column}', _source_file, _load_id, _source_row))"

    for marked in sale_columns(sources):
        database.execute(f"update {marked.relation} set {garbled(marked.column)}")
    for source in sale_tables(sources):
        changes = ", ".join(garbled(column) for column in source["columns"])
        database.execute(f"update {source['schema']}.{source['identifier']} set {changes}")


CHANGES: dict[str, Change] = {
    change.__name__: change for change in (everything_sold, nothing_sold, sales_garbled)
}
"""The worlds, by name."""


def handed_off_otherwise(database: duckdb.DuckDBPyConnection, sources: list[Node]) -> None:
    """Sales has rejected everybody at once, and every campaign has cost another amount."""
    database.execute("delete from raw_leadproof.handoffs")
    database.execute(
        f"""
        insert into raw_leadproof.handoffs (
            source_handoff_id, source_contact_id, occurred_at, outcome, reason,
            _load_id, _loaded_at, _observed_at, _source_file, _source_row
        )
        select
            'rejected-' || source_contact_id, source_contact_id, '2026-02-01T00:00:00', 'rejected', 'no fit',
            {_ADDED}
        from (select distinct source_contact_id from raw_leadproof.contacts)
        """
    )
    database.execute("update raw_leadproof.campaign_spend set amount = '900000'")
