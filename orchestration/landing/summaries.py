"""Totals per raw table, as the ledger has them: for Dagster's metadata, ``status`` and reports."""

from dataclasses import dataclass
from datetime import datetime

import duckdb

from orchestration.landing.declarations import TableKey


@dataclass(frozen=True)
class TableSummary:
    """What the ledger says of one raw table, all loads together.

    Args:
        files: File versions loaded.
        rows: Rows loaded.
        rejects: Lines set aside.
        refused: File versions refused.
        drift: Drift items noted.
        latest_observed_at: Latest observed-at of a loaded file (UTC, without a zone); null without files.
        latest_loaded_at: Latest load (UTC, without a zone); null without files.
    """

    files: int
    rows: int
    rejects: int
    refused: int
    drift: int
    latest_observed_at: datetime | None
    latest_loaded_at: datetime | None


def table_summaries(connection: duckdb.DuckDBPyConnection) -> dict[TableKey, TableSummary]:
    """Summarise every raw table that the ledger knows.

    Args:
        connection: The build database.

    Returns:
        The summaries by (source system, table).
    """
    rows = connection.execute(
        """
        with files as (
            select
                source_system, source_table,
                count(*) filter (where status = 'loaded') as files,
                coalesce(sum(row_count) filter (where status = 'loaded'), 0) as row_count,
                coalesce(sum(reject_count) filter (where status = 'loaded'), 0) as reject_count,
                count(*) filter (where status = 'refused') as refused,
                max(observed_at) filter (where status = 'loaded') as latest_observed_at,
                max(loaded_at) filter (where status = 'loaded') as latest_loaded_at
            from landing.files
            group by source_system, source_table
        ),

        drift as (
            select source_system, source_table, count(*) as drift
            from landing.drift
            group by source_system, source_table
        )

        select
            files.source_system, files.source_table, files.files, files.row_count, files.reject_count,
            files.refused, coalesce(drift.drift, 0), files.latest_observed_at, files.latest_loaded_at
        from files
        left join drift using (source_system, source_table)
        order by files.source_system, files.source_table
        """
    ).fetchall()
    return {
        (system, table): TableSummary(files, int(loaded), int(rejects), refused, drift, observed, latest)
        for system, table, files, loaded, rejects, refused, drift, observed, latest in rows
    }
