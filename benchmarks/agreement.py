"""Says in what two databases of funnel tables differ: by rows and by a digest of what decides them."""

from pathlib import Path

import duckdb

from orchestration.landing.names import literal

COMPARED = {
    "touches": ("touch_id", "person_id", "cycle_number", "direction", "campaign_name", "is_context_complete"),
    "stage_transitions": ("transition_id", "person_id", "to_stage", "occurred_at", "evidence_touch_id"),
    "suspects": ("person_id", "cycle_number", "became_suspect_at"),
    "prospects": ("person_id", "cycle_number", "became_prospect_at"),
    "mqls": ("person_id", "cycle_number", "became_mql_at", "mql_route"),
    "sqls": ("person_id", "cycle_number", "became_sql_at"),
    "people": ("person_id", "current_stage", "current_cycle", "first_known_at", "segment"),
}
"""Columns by funnel table of which a digest is taken."""

Summary = dict[str, tuple[int, str]]


def summarise(database: Path) -> Summary:
    """Count and digest the funnel tables of a database.

    Args:
        database: DuckDB file with schema ``marts``.

    Returns:
        Rows and an order-independent digest by table.
    """
    summary = {}
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(str(database.resolve()))} as compared (read_only)")
        for table, columns in COMPARED.items():
            found = connection.execute(
                f"select count(*), cast(sum(hash({', '.join(columns)})::hugeint) as varchar)"
                f" from compared.marts.{table}"
            ).fetchone()
            assert found is not None
            summary[table] = (found[0], found[1] or "")
    return summary


def differences(floor: Summary, built: Summary) -> list[str]:
    """Say in what the floor and a build differ.

    Args:
        floor: Summary of the floor's tables.
        built: Summary of the release's.

    Returns:
        One sentence per table that differs.
    """
    found = []
    for table, (rows, digest) in floor.items():
        built_rows, built_digest = built[table]
        if rows != built_rows:
            found.append(f"{table}: {built_rows:,} rows built, {rows:,} by the floor.")
        elif digest != built_digest:
            found.append(f"{table}: as many rows, but their contents differ.")
    return found
