"""Raw tables: creating them, widening them to what a file brings, and noticing what drifted.

Names come from ``names``; reading files belongs to the readers; nothing here commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from orchestration.landing.declarations import DeclaredTable
from orchestration.landing.names import PROVENANCE, quoted, told_name
from orchestration.landing.report import DriftNote
from orchestration.text_search import is_nested

_PROVENANCE_TYPES = ("bigint", "timestamp", "timestamp", "varchar", "bigint")
TEXT = "VARCHAR"
_WHOLE_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_MOMENTS = ("DATE", "TIMESTAMP")


@dataclass(frozen=True)
class IncomingColumn:
    """A column of a file.

    Args:
        name: Its name in the raw table.
        original: Its name in the file.
        data_type: DuckDB type of its values.
    """

    name: str
    original: str
    data_type: str


@dataclass(frozen=True)
class KnownColumn:
    """A column that some loaded file had.

    Args:
        original: Its name in that file.
        data_type: DuckDB type in the raw table.
        last_load_id: The last load that brought it.
    """

    original: str
    data_type: str
    last_load_id: int


@dataclass(frozen=True)
class RawTable:
    """A raw table and what is known of it.

    Args:
        source_system: Source system.
        source_table: Its table.
        declared: What dbt declares of it; null if nothing.
    """

    source_system: str
    source_table: str
    declared: DeclaredTable | None

    @property
    def relation(self) -> str:
        """The quoted relation; both parts have passed the allow-list of identifiers."""
        return f"{quoted('raw_' + self.source_system)}.{quoted(self.source_table)}"

    def known_columns(self, connection: duckdb.DuckDBPyConnection) -> dict[str, KnownColumn]:
        """Read the columns that loaded files had.

        Args:
            connection: The build database.

        Returns:
            The columns by name.
        """
        rows = connection.execute(
            "select column_name, original_name, data_type, last_load_id from landing.columns"
            " where source_system = ? and source_table = ?",
            [self.source_system, self.source_table],
        ).fetchall()
        return {name: KnownColumn(original, data_type, last) for name, original, data_type, last in rows}

    def present_types(self, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
        """Read the columns that the raw table has now, declared but never loaded ones included.

        Args:
            connection: The build database.

        Returns:
            DuckDB types by column name; empty if there is no table.
        """
        rows = connection.execute(
            "select column_name, data_type from duckdb_columns()"
            " where database_name = current_database() and schema_name = ? and table_name = ?",
            ["raw_" + self.source_system, self.source_table],
        ).fetchall()
        return dict(rows)

    def make_room(
        self, connection: duckdb.DuckDBPyConnection, incoming: Sequence[IncomingColumn], source_file: str
    ) -> tuple[dict[str, str], list[DriftNote]]:
        """Create or widen the table so that it can take a file's columns.

        Args:
            connection: The build database, in a transaction.
            incoming: The file's columns.
            source_file: The file, as it is told.

        Returns:
            The table's types of the file's columns, and the drift that was noticed.
        """
        known, present = self.known_columns(connection), self.present_types(connection)
        if not present:
            self._create(connection, incoming)
            present = {column.name: column.data_type for column in incoming}
        types: dict[str, str] = {}
        drift: list[DriftNote] = []
        for place, column in enumerate(incoming, start=1):
            held = present.get(column.name)
            types[column.name] = target = self._target_type(column, held, column.name in known)
            if held is None:
                connection.execute(
                    f"alter table {self.relation} add column {quoted(column.name)} {column.data_type}"
                )
            elif held != target:
                self._retype(connection, column.name, held, target)
            if held is not None and column.name in known and column.data_type != held:
                drift.append(self._note("type_change", _type_sentence(column, place, target), source_file))
        drift += self._column_drift(incoming, known, source_file)
        return types, drift

    def _create(self, connection: duckdb.DuckDBPyConnection, incoming: Sequence[IncomingColumn]) -> None:
        columns = [f"{quoted(column.name)} {column.data_type}" for column in incoming]
        columns += [f"{name} {kind}" for name, kind in zip(PROVENANCE, _PROVENANCE_TYPES, strict=True)]
        connection.execute(f"create schema if not exists {quoted('raw_' + self.source_system)}")
        connection.execute(f"create table {self.relation} ({', '.join(columns)})")

    def _target_type(self, column: IncomingColumn, held: str | None, was_loaded: bool) -> str:
        if held is None:
            return column.data_type
        if not was_loaded:
            return column.data_type  # declared only: no value of it was ever loaded
        return common_type(held, column.data_type)

    def _retype(self, connection: duckdb.DuckDBPyConnection, name: str, held: str, target: str) -> None:
        connection.execute(
            f"alter table {self.relation} alter column {quoted(name)} set data type {target}"
            f" using {as_type(quoted(name), held, target)}"
        )

    def _column_drift(
        self, incoming: Sequence[IncomingColumn], known: dict[str, KnownColumn], source_file: str
    ) -> list[DriftNote]:
        arriving = {column.name for column in incoming}
        declared = set(self.declared.columns) if self.declared else set()
        drift: list[DriftNote] = []
        if known or declared:
            drift += [
                self._note("new_column", _arrival_sentence(column, place), source_file)
                for place, column in enumerate(incoming, start=1)
                if column.name not in known and column.name not in declared
            ]
        if known:
            latest = max(column.last_load_id for column in known.values())
            gone = [name for name, column in known.items() if column.last_load_id == latest]
        else:
            gone = sorted(declared)
        drift += [
            self._note("vanished_column", _absence_sentence(name, known.get(name)), source_file)
            for name in gone
            if name not in arriving
        ]
        return drift

    def _note(self, kind: str, detail: str, source_file: str) -> DriftNote:
        return DriftNote(kind, self.source_system, self.source_table, detail, source_file)


def common_type(held: str, arriving: str) -> str:
    """Find the type that takes both without losing anything.

    Args:
        held: DuckDB type that the table has.
        arriving: DuckDB type that a file brings.

    Returns:
        The narrowest of the family if both belong to one, else ``VARCHAR``.
    """
    if held == arriving:
        return held
    for family in (_WHOLE_NUMBERS, _MOMENTS, ("FLOAT", "DOUBLE")):
        if held in family and arriving in family:
            return max(held, arriving, key=family.index)
    return TEXT


def as_type(expression: str, held: str, target: str) -> str:
    """Write the conversion of an expression from one type to another.

    Args:
        expression: SQL expression.
        held: Its DuckDB type.
        target: The type wanted.

    Returns:
        SQL; nested values become JSON text, other values DuckDB's text.
    """
    if held == target:
        return expression
    if target == TEXT and is_nested(held):
        return f"cast(to_json({expression}) as varchar)"
    return f"cast({expression} as {target})"


def _arrival_sentence(column: IncomingColumn, place: int) -> str:
    given = f"'{column.name}' ('{column.original}')"
    return f"The column {told_name(column.original, place, given)} is new."


def _absence_sentence(name: str, known: KnownColumn | None) -> str:
    told = name if known is None else told_name(known.original, None, name)
    return f"The column '{told}' is not in the file; it reads as null."


def _type_sentence(column: IncomingColumn, place: int, target: str) -> str:
    told = told_name(column.original, place, column.name)
    return f"The column '{told}' arrives as {column.data_type} and is held as {target}."
