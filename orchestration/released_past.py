"""What the release published last had said, for the models to compare with what they say now.

It is read from the release itself, not from a log beside it: so it holds after a rollback, after builds that
were killed or never published, and after the build database was lost. What is made of it is a model's matter.
"""

from datetime import UTC

import duckdb

from orchestration.release.database import literal
from orchestration.release.store import Release

_ENTRIES = ("person_id", "cycle_number", "to_stage", "occurred_at", "direction", "evidence_touch_id")
_RESTATEMENTS = {
    "build_id": "varchar",
    "compared_release_id": "varchar",
    "compared_as_of": "timestamp",
    "stage": "varchar",
    "entry_month": "date",
    "direction": "varchar",
    "cause": "varchar",
    "entries_before": "bigint",
    "entries_now": "bigint",
    "added_count": "bigint",
    "removed_count": "bigint",
    "changed_count": "bigint",
}


def write_released_past(
    database: duckdb.DuckDBPyConnection,
    release: Release | None,
    *,
    is_policy_changed: bool,
    is_code_changed: bool,
) -> None:
    """Give the models the last release's entries into stages, and the restatements found before it.

    Args:
        database: The build database.
        release: The release published last, whichever readers see; None before the first.
        is_policy_changed: Whether a policy that may move anybody is another than that release's.
        is_code_changed: Whether code or settings are.
    """
    database.execute("begin")
    database.execute(
        "create or replace table ops.compared_release (release_id varchar, as_of timestamp,"
        " published_at timestamp, is_policy_changed boolean, is_code_changed boolean)"
    )
    database.execute(
        "create or replace table ops.released_entries (person_id varchar, cycle_number integer,"
        " stage varchar, entered_at timestamp, direction varchar, evidence_touch_id varchar)"
    )
    columns = ", ".join(f"{name} {kind}" for name, kind in _RESTATEMENTS.items())
    database.execute(f"create or replace table ops.released_restatements ({columns})")
    database.execute("commit")
    if release is None:
        return
    database.execute(f"attach {literal(release.database)} as released (read_only)")
    try:
        database.execute("begin")
        database.execute(
            "insert into ops.compared_release values (?, ?, ?, ?, ?)",
            [
                release.release_id,
                release.as_of.astimezone(UTC).replace(tzinfo=None),
                release.published_at.astimezone(UTC).replace(tzinfo=None),
                is_policy_changed,
                is_code_changed,
            ],
        )
        database.execute(
            f"insert into ops.released_entries select {', '.join(_ENTRIES)}"
            " from released.marts.stage_transitions where to_stage in ('suspect', 'prospect', 'mql', 'sql')"
        )
        # A release of an earlier version has none, or has them otherwise.
        held = {
            row[0]
            for row in database.execute(
                "select column_name from duckdb_columns() where database_name = 'released'"
                " and schema_name = 'marts' and table_name = 'restatements'"
            ).fetchall()
        }
        if held >= set(_RESTATEMENTS):
            names = ", ".join(_RESTATEMENTS)
            database.execute(
                f"insert into ops.released_restatements ({names})"
                f" select {names} from released.marts.restatements"
            )
        database.execute("commit")
    finally:
        database.execute("detach released")
