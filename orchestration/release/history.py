"""The two tables that publication adds to the marts: every audit so far, every release so far.

Their columns are defined here and nowhere else.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.errors import LeadproofError
from orchestration.release.database import MARTS, identifier, literal, value
from orchestration.release.files import utc
from orchestration.release.record import AuditRecord
from orchestration.release.store import Release
from orchestration.source_text import WITHHELD, impersonal


@dataclass(frozen=True)
class Column:
    """A published column.

    Args:
        name: Column name.
        data_type: DuckDB type.
        description: What it means, for readers.
    """

    name: str
    data_type: str
    description: str


AUDIT_RESULTS_DESCRIPTION = "One row per expectation, table, source system and build; kept for ever."
AUDIT_RESULTS_COLUMNS = (
    Column("build_id", "varchar", "Build whose candidate was audited, published or not."),
    Column("audited_at", "timestamp", "When the audit ran (UTC)."),
    Column("expectation", "varchar", "What was expected."),
    Column("table_name", "varchar", "Table that the expectation is about."),
    Column("source_system", "varchar", "Source system it was measured for; null for all together."),
    Column("severity", "varchar", "Whether a failure blocks publication; warning and info do not."),
    Column("is_success", "boolean", "Whether the expectation held."),
    Column("evaluated_rows", "bigint", "Rows that were looked at."),
    Column("failing_rows", "bigint", "Rows that fail the expectation."),
    Column("observed_value", "double", "What was measured, in the unit of the tolerance."),
    Column("tolerance", "double", "Largest value that still passes."),
    Column("baselined_until", "date", "Date until which the failing value is tolerated; null if it is not."),
    Column("message", "varchar", "The outcome in one sentence."),
    Column("failing_keys", "varchar", "Some keys of failing rows, separated by |; never values."),
)

RELEASES_DESCRIPTION = "One row per published release, this one included."
RELEASES_COLUMNS = (
    Column("release_id", "varchar", "The release; ids sort by time."),
    Column("build_id", "varchar", "Build that made it."),
    Column("published_at", "timestamp", "When it was published (UTC)."),
    Column("as_of", "timestamp", "As-of of the build (UTC): nothing later took part."),
    Column("inputs_digest", "varchar", "Digest of the files that had been loaded."),
    Column("policy_digest", "varchar", "Digest of the policy tables."),
    Column("code_version", "varchar", "Version of the code."),
    Column("verdict", "varchar", "Verdict of the audit it was published on."),
    Column("restatement_reason", "varchar", "Why locked policy rows were changed; null if none were."),
    Column("row_counts", "varchar", "Rows by published table, as JSON text."),
)


def add_audit_results(
    connection: duckdb.DuckDBPyConnection,
    database: str,
    record: AuditRecord,
    folder: Path,
    previous: str | None,
) -> None:
    """Write ``marts.audit_results``: the recorded history and this build's record.

    This build's rows come from the record that the publication relies on, not from the history. Builds that
    only the previous release remembers are carried on from there.

    Args:
        connection: Connection with the release database attached for writing.
        database: Its alias.
        record: This build's record.
        folder: Folder of the history, one Parquet file per build; it may be absent.
        previous: Alias of the release published last, if there is one.

    Raises:
        LeadproofError: If a file of the history cannot be read.
    """
    _create(connection, database, "audit_results", AUDIT_RESULTS_DESCRIPTION, AUDIT_RESULTS_COLUMNS)
    place = f"{identifier(database)}.{MARTS}.audit_results"
    _insert(connection, place, _rows_of(record))
    for file in sorted(folder.glob("*.parquet")) if folder.is_dir() else []:
        if file.stem != record.build_id and not file.name.startswith("."):
            _append_history(connection, place, file)
    if previous:
        _carry_on(connection, place, f"{previous}.{MARTS}.audit_results", AUDIT_RESULTS_COLUMNS, "build_id")


def add_releases(
    connection: duckdb.DuckDBPyConnection,
    database: str,
    past: Iterable[Release],
    present: Release,
    previous: str | None,
) -> None:
    """Write ``marts.releases``: every release so far, retired ones too, and this one.

    Args:
        connection: Connection with the release database attached for writing.
        database: Its alias.
        past: Releases published before that are still kept.
        present: The release that is being made.
        previous: Alias of the release published last, if there is one.
    """
    _create(connection, database, "releases", RELEASES_DESCRIPTION, RELEASES_COLUMNS)
    place = f"{identifier(database)}.{MARTS}.releases"
    _insert(connection, place, [_row_of(release) for release in [*past, present]])
    if previous:
        source = f"{previous}.{MARTS}.releases"
        told = {"restatement_reason": _told_reason(connection, source)}
        _carry_on(connection, place, source, RELEASES_COLUMNS, "release_id", told)


def _carry_on(
    connection: duckdb.DuckDBPyConnection,
    place: str,
    source: str,
    columns: Sequence[Column],
    key: str,
    told: Mapping[str, str] | None = None,
) -> None:
    """Insert what only an earlier release remembers; ``told`` has SQL for columns that are told otherwise."""
    names = ", ".join(identifier(column.name) for column in columns)
    chosen = ", ".join((told or {}).get(column.name, identifier(column.name)) for column in columns)
    connection.execute(
        f"insert into {place} ({names}) select {chosen} from {source} "
        f"where {key} not in (select {key} from {place})"
    )


def _told_reason(connection: duckdb.DuckDBPyConnection, source: str) -> str:
    """Tell no further whom a reason names: earlier versions published any."""
    rows = connection.execute(
        f"select distinct restatement_reason from {source} where restatement_reason is not null"
    ).fetchall()
    withheld = ", ".join(literal(reason) for (reason,) in rows if impersonal(reason) != reason)
    return (
        f"case when restatement_reason in ({withheld or 'null'}) then {literal(WITHHELD)}"
        " else restatement_reason end"
    )


def _create(
    connection: duckdb.DuckDBPyConnection,
    database: str,
    table: str,
    description: str,
    columns: Sequence[Column],
) -> None:
    place = f"{identifier(database)}.{MARTS}.{identifier(table)}"
    definitions = ", ".join(f"{identifier(column.name)} {column.data_type}" for column in columns)
    connection.execute(f"create table {place} ({definitions})")
    connection.execute(f"comment on table {place} is {literal(description)}")
    for column in columns:
        connection.execute(
            f"comment on column {place}.{identifier(column.name)} is {literal(column.description)}"
        )


def _append_history(connection: duckdb.DuckDBPyConnection, place: str, file: Path) -> None:
    source = f"read_parquet({literal(file)}, hive_partitioning = false)"
    try:
        present = {row[0]: str(row[1]) for row in connection.execute(f"describe from {source}").fetchall()}
        chosen = ", ".join(
            _history_column(column, present.get(column.name)) for column in AUDIT_RESULTS_COLUMNS
        )
        connection.execute(f"insert into {place} select {chosen} from {source}")
    except duckdb.Error as error:
        raise LeadproofError(
            f"The audit history file {file} cannot be read.",
            "Restore it, or move it out of the folder; audit history is kept for ever, so it is not skipped.",
        ) from error


def _history_column(column: Column, found_type: str | None) -> str:
    name = identifier(column.name)
    if found_type is None:
        return f"null::{column.data_type}"
    if found_type.endswith("[]") and column.data_type == "varchar":
        return f"array_to_string({name}, '|')"
    return f"{name}::{column.data_type}"


def _insert(connection: duckdb.DuckDBPyConnection, place: str, rows: Iterable[tuple[Any, ...]]) -> None:
    lines = ", ".join(f"({', '.join(value(content) for content in row)})" for row in rows)
    connection.execute(f"insert into {place} values {lines}")


def _rows_of(record: AuditRecord) -> list[tuple[Any, ...]]:
    return [
        (
            record.build_id,
            _naive(record.audited_at),
            result.expectation,
            result.table_name,
            result.source_system,
            result.severity,
            result.is_success,
            result.evaluated_rows,
            result.failing_rows,
            result.observed_value,
            result.tolerance,
            _date(result.baselined_until),
            result.message,
            "|".join(result.failing_keys) or None,
        )
        for result in record.results
    ]


def _row_of(release: Release) -> tuple[Any, ...]:
    return (
        release.release_id,
        release.build_id,
        _naive(release.published_at),
        _naive(release.as_of),
        release.inputs_digest,
        release.policy_digest,
        release.code_version,
        release.verdict,
        release.restatement_reason,
        json.dumps(release.row_counts, sort_keys=True),
    )


def _date(text: str | None) -> date | None:
    return datetime.fromisoformat(text).date() if text else None


def _naive(moment: datetime) -> datetime:
    return utc(moment).astimezone(UTC).replace(tzinfo=None)
