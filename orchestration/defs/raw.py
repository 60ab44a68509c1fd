"""Landing files and raw tables as assets, one of each for every table that a dbt source declares.

How files are found, read and remembered belongs to ``landing/``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import dagster as dg

from orchestration.defs.session import TRANSIENT_RETRIES, BuildSession, told_to_dagster
from orchestration.landing.report import TableLoad
from orchestration.settings import Settings


@dataclass(frozen=True)
class DeclaredTable:
    """A raw table that a dbt source declares.

    Args:
        source_system: The system.
        table: Its table.
        description: dbt's description.
    """

    source_system: str
    table: str
    description: str

    @property
    def file_key(self) -> dg.AssetKey:
        """Key of the files in the landing folder."""
        return dg.AssetKey(["landing", self.source_system, self.table])

    @property
    def raw_key(self) -> dg.AssetKey:
        """Key of the raw table."""
        return dg.AssetKey([f"raw_{self.source_system}", self.table])


def declared_tables(manifest: Mapping[str, Any], settings: Settings) -> list[DeclaredTable]:
    """List the raw tables that dbt's sources declare for the systems that are on.

    Args:
        manifest: dbt's manifest.
        settings: Source systems that are on.

    Returns:
        The tables, in order.
    """
    found = {
        (node["schema"].removeprefix("raw_"), node["identifier"]): node["description"]
        for node in manifest["sources"].values()
        if node["schema"].startswith("raw_")
    }
    return [
        DeclaredTable(system, table, description)
        for (system, table), description in sorted(found.items())
        if system in settings.source_systems
    ]


def make_external_assets(manifest: Mapping[str, Any], tables: Sequence[DeclaredTable]) -> list[dg.AssetSpec]:
    """Make what no asset computes: files that others drop, and the build's own state.

    Args:
        manifest: dbt's manifest.
        tables: Declared raw tables.

    Returns:
        The external assets.
    """
    files = [
        dg.AssetSpec(
            key=table.file_key,
            group_name="landing",
            kinds={"file"},
            description=f"Files under `{table.source_system}/{table.table}/` in the landing folder.",
        )
        for table in tables
    ]
    state = [
        dg.AssetSpec(
            key=dg.AssetKey([node["schema"], node["identifier"]]),
            group_name="ops",
            kinds={"duckdb"},
            description=node["description"] or "State of the builds so far.",
        )
        for node in manifest["sources"].values()
        if node["schema"] == "ops"
    ]
    return [*files, *state]


def make_raw_assets(manifest: Mapping[str, Any], tables: Sequence[DeclaredTable]) -> dg.AssetsDefinition:
    """Make the raw tables and the loader's ledger, all written by one step.

    Args:
        manifest: dbt's manifest.
        tables: Declared raw tables.

    Returns:
        The assets.
    """
    ledger = [
        dg.AssetSpec(
            key=dg.AssetKey([node["schema"], node["identifier"]]),
            deps=[table.file_key for table in tables],
            group_name="landing",
            kinds={"duckdb"},
            description=node["description"],
        )
        for node in manifest["sources"].values()
        if node["schema"] == "landing"
    ]
    raw = [
        dg.AssetSpec(
            key=table.raw_key,
            deps=[table.file_key],
            group_name=f"raw_{table.source_system}",
            kinds={"duckdb"},
            description=table.description or f"Raw rows of {table.source_system}'s {table.table}.",
        )
        for table in tables
    ]

    @dg.multi_asset(name="load_landing_files", specs=[*ledger, *raw], retry_policy=TRANSIENT_RETRIES)
    def load_landing_files(
        context: dg.AssetExecutionContext, session: BuildSession
    ) -> Iterator[dg.MaterializeResult[Any]]:
        with told_to_dagster():
            report = session.build.load()
        for sentence in [*report.notes, *(note.detail for note in report.drift)]:
            context.log.warning(sentence)
        by_table = {(each.source_system, each.source_table): each for each in report.tables}
        for spec in ledger:
            yield dg.MaterializeResult(asset_key=spec.key)
        for table in tables:
            metadata = load_metadata(by_table.get((table.source_system, table.table)))
            context.log_event(dg.AssetObservation(asset_key=table.file_key, metadata=metadata))
            yield dg.MaterializeResult(asset_key=table.raw_key, metadata=metadata)

    return load_landing_files


def load_metadata(loaded: TableLoad | None) -> Mapping[str, Any]:
    """Describe what a load did to one table.

    Args:
        loaded: The load report's entry; None if the table has no files.

    Returns:
        Dagster metadata: rows, files, rejects, drift and freshness.
    """
    if loaded is None:
        return {"files": 0, "dagster/row_count": 0}
    latest = loaded.latest_observed_at
    return {
        "dagster/row_count": loaded.total_rows,
        "files": loaded.total_files,
        "rejected_lines": loaded.total_rejects,
        "new_rows": loaded.rows,
        "new_files": loaded.files,
        "new_rejected_lines": loaded.rejects,
        "files_already_loaded": loaded.duplicates,
        "refused_files": loaded.refused,
        "drift": loaded.drift,
        **(
            {"latest_observed_at": dg.MetadataValue.timestamp(latest.replace(tzinfo=UTC))}
            if latest is not None
            else {}
        ),
    }
