"""A release as its pages read it: marts, their comments, policy tables. Reads, and decides nothing."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from orchestration.report.rendering import harmless

Row = dict[str, Any]
SALES_TABLES = ("closed_loop",)


@dataclass(frozen=True)
class Drift:
    """What was not as it was, or not as it is declared, in the load of the release's build.

    Args:
        kind: Code of the kind.
        place: Source system and table.
        detail: In words.
    """

    kind: str
    place: str
    detail: str


@dataclass
class Source:
    """One release.

    Args:
        connection: Its database, read-only; tables are in schema ``marts``.
        policy_dir: Its copy of the policy tables.
        release_id: The release.
        build_id: Build that made it.
        as_of: Its as-of (UTC, without zone).
        published_at: When it was published (UTC, without zone).
        code_version: Version of the code.
        previous: Database of the release before it; None without one.
        previous_id: That release.
        previous_as_of: Its as-of (UTC, without zone).
        drift: Drift in the load of its build.
    """

    connection: duckdb.DuckDBPyConnection
    policy_dir: Path
    release_id: str
    build_id: str
    as_of: datetime
    published_at: datetime
    code_version: str
    previous: duckdb.DuckDBPyConnection | None = None
    previous_id: str = ""
    previous_as_of: datetime | None = None
    drift: Sequence[Drift] = ()
    _policy: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    @cached_property
    def as_of_date(self) -> date:
        """The date that calendars in the reporting time zone showed at as-of, as marts count days."""
        zone = next((row["value"] for row in self.policy("reporting") if row["key"] == "time_zone"), "UTC")
        return self.as_of.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()

    @cached_property
    def tables(self) -> set[str]:
        """Names of the published tables."""
        return {str(row["table_name"]) for row in self.rows(_TABLES)}

    @cached_property
    def comments(self) -> dict[str, dict[str, str]]:
        """What each column means, by table and column, as the release itself says."""
        found: dict[str, dict[str, str]] = {}
        for row in self.rows(_COMMENTS):
            found.setdefault(row["table_name"], {})[row["column_name"]] = row["comment"]
        return found

    @cached_property
    def table_comments(self) -> dict[str, str]:
        """What one row of each table is, as the release itself says."""
        return {row["table_name"]: row["comment"] for row in self.rows(_TABLES) if row["comment"]}

    def rows(self, query: str) -> list[Row]:
        """Ask the release.

        Args:
            query: SQL without parameters: the first bound one makes DuckDB import pandas.

        Returns:
            The rows, text of sources cleaned.
        """
        return _rows(self.connection, query)

    def rows_of(self, table: str, query: str) -> list[Row]:
        """Ask the release about a mart that it may not have: it may be of before there was one.

        Args:
            table: The mart.
            query: SQL without parameters.

        Returns:
            The rows; none where the mart is not published.
        """
        return self.rows(query) if table in self.tables else []

    def previous_rows(self, query: str) -> list[Row]:
        """Ask the release before this one; the answer is empty without one, or where it has no such table."""
        if self.previous is None:
            return []
        try:
            return _rows(self.previous, query)
        except duckdb.CatalogException:
            return []

    def holds(self, *tables: str) -> bool:
        """Say whether all these tables are published and at least one of them has rows."""
        return set(tables) <= self.tables and any(
            self.rows(f"select 1 as one from marts.{table} limit 1") for table in tables
        )

    def value(self, query: str) -> Any:
        """The first value of the first row; None without rows."""
        found = self.rows(query)
        return next(iter(found[0].values())) if found else None

    def policy(self, table: str) -> list[dict[str, str]]:
        """Read a policy table of the release.

        Args:
            table: Its name.

        Returns:
            Its rows as text; empty if the release has none.
        """
        if table not in self._policy:
            path = self.policy_dir / f"{table}.csv"
            rows: list[dict[str, str]] = []
            if path.is_file():
                with path.open(encoding="utf-8-sig", newline="") as lines:
                    rows = [
                        {name: str(harmless((cell or "").strip())) for name, cell in row.items() if name}
                        for row in csv.DictReader(lines)
                    ]
            self._policy[table] = rows
        return self._policy[table]

    def in_force(self, table: str) -> list[dict[str, str]]:
        """Read the rows of a policy table that are in force at the release's as-of."""
        from orchestration.moments import parse_moment

        def is_in_force(row: dict[str, str]) -> bool:
            starts, ends = row.get("effective_from", ""), row.get("effective_to", "")
            return (not starts or parse_moment(starts).replace(tzinfo=None) <= self.as_of) and (
                not ends or self.as_of < parse_moment(ends).replace(tzinfo=None)
            )

        return [row for row in self.policy(table) if is_in_force(row)]

    def setting(self, table: str, key: str, default: str = "") -> str:
        """Read a value of a policy table of keys and values, as of the release."""
        return next((row["value"] for row in self.in_force(table) if row["key"] == key), default)


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description or []]
    return [
        {name: harmless(value) for name, value in zip(names, row, strict=True)} for row in cursor.fetchall()
    ]


_TABLES = """
    select table_name, comment from duckdb_tables() where schema_name = 'marts'
    union all
    select view_name as table_name, comment from duckdb_views() where schema_name = 'marts' and not internal
"""
_COMMENTS = """
    select table_name, column_name, comment
    from duckdb_columns()
    where schema_name = 'marts' and comment is not null
    order by table_name, column_index
"""
