"""What the release published last had said, for the models to compare with what they say now.

It is read from the release itself, not from a log beside it: so it holds after a rollback, after builds that
were killed or never published, and after the build database was lost. What is made of it is a model's matter.
"""

import contextlib
from collections.abc import Mapping
from datetime import UTC

import duckdb

from expectations.columns import COLUMNS
from orchestration.release.database import literal
from orchestration.release.store import Release

_STAGES = {"suspect": "suspects", "prospect": "prospects", "mql": "mqls", "sql": "sqls"}
_READ: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        _STAGES.values(),
        ("person_id", "cycle_number", "evidence_touch_id", "direction", "campaign_id", "person_segment"),
    ),
    "touches": (
        "touch_id", "person_id", "source_system", "occurred_at", "direction", "channel",
        "campaign_source_system", "campaign_id",
    ),
    "people": ("person_id", "first_touch_at", "acquisition_source"),
}  # fmt: skip
"""The columns that tell what the entries of a release were cut by."""

_ENTRIES = {
    "person_id": "varchar",
    "cycle_number": "integer",
    "stage": "varchar",
    "entered_at": "timestamp",
    "evidence_touch_id": "varchar",
    "direction": "varchar",
    "segment": "varchar",
    "scoped_campaign_id": "varchar",
    "channel": "varchar",
    "acquisition_source": "varchar",
    "described_at": "timestamp",
}
_NAMES_OF_CAMPAIGN = ("campaign_source_system", "campaign_id", "campaign_name")
_RESTATEMENTS = {
    name: kind for name, kind in COLUMNS["restatements"].items() if name not in _NAMES_OF_CAMPAIGN
}
_DIMENSIONS = ("segment", "scoped_campaign_id", "channel", "acquisition_source")
_NOT_CUT = "(all)"


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
    for table, columns in (("released_entries", _ENTRIES), ("released_restatements", _RESTATEMENTS)):
        declared = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        database.execute(f"create or replace table ops.{table} ({declared})")
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
        held = held_columns(database)
        database.execute(f"insert into ops.released_entries by name {entries_sql(held)}")
        if carried := _restatements_sql(held.get("restatements", frozenset())):
            database.execute(f"insert into ops.released_restatements by name {carried}")
        database.execute("commit")
    except BaseException:
        # A transaction that failed holds the release, and would be told of in place of why it did.
        with contextlib.suppress(duckdb.Error):
            database.execute("rollback")
        raise
    finally:
        with contextlib.suppress(duckdb.Error):
            database.execute("detach released")


def held_columns(database: duckdb.DuckDBPyConnection) -> dict[str, frozenset[str]]:
    """Name what the release holds.

    Args:
        database: A connection to which the release is attached as ``released``.

    Returns:
        Column names by table.
    """
    rows = database.execute(
        "select table_name, list(column_name) from duckdb_columns()"
        " where database_name = 'released' and schema_name = 'marts' group by table_name"
    ).fetchall()
    return {table: frozenset(columns) for table, columns in rows}


def entries_sql(held: Mapping[str, frozenset[str]]) -> str:
    """Describe entries as the model `int_entries_described` does; null is what the release does not say.

    A release of an earlier version may lack a table or a column.

    Args:
        held: What the release holds: column names by table.

    Returns:
        SQL that selects the columns of ``ops.released_entries``.
    """
    says = {table: held.get(table, frozenset()) >= set(columns) for table, columns in _READ.items()}
    says_touches = says["touches"] and says["people"]
    says_segments = all(says[table] for table in _STAGES.values())
    entries = " union all ".join(
        f"select *, '{stage}' as stage from ({_rows(table, held, {f'became_{stage}_at': 'entered_at'})})"
        for stage, table in _STAGES.items()
    )
    # Written out twice: a CTE of all touches, named twice, would be kept in full.
    touches = _rows("touches", held)
    return f"""
        with entries as ({entries}),

        people as ({_rows("people", held)}),

        evidence as (
            select touches.*
            from ({touches}) as touches
            where touches.touch_id in (select evidence_touch_id from entries)
        ),

        first_touches as (
            select
                touches.*,
                row_number() over (
                    partition by touches.person_id order by touches.source_system, touches.touch_id
                ) as place
            from ({touches}) as touches
            inner join people
                on touches.person_id = people.person_id and touches.occurred_at = people.first_touch_at
        ),

        described as (
            select
                entries.*,
                people.acquisition_source,
                coalesce(evidence.occurred_at, first_touches.occurred_at) as described_at,
                coalesce(evidence.channel, first_touches.channel) as channel,
                coalesce(entries.direction, first_touches.direction) as touch_direction,
                case
                    when entries.evidence_touch_id is null
                        then first_touches.campaign_source_system || ':' || first_touches.campaign_id
                    else evidence.campaign_source_system || ':' || entries.campaign_id
                end as scoped_campaign_id
            from entries
            left join people on entries.person_id = people.person_id
            left join evidence on entries.evidence_touch_id = evidence.touch_id
            -- As a key: a condition on the left side of an outer join alone compares each with each.
            left join first_touches
                on case when entries.evidence_touch_id is null then entries.person_id end
                    = first_touches.person_id
                and first_touches.place = 1
        )

        select
            person_id, cycle_number, stage, entered_at, evidence_touch_id, described_at,
            {_said("touch_direction", says_touches, otherwise="direction")} as direction,
            {_said("scoped_campaign_id", says_touches)} as scoped_campaign_id,
            {_said("channel", says_touches)} as channel,
            {_said("person_segment", says_segments)} as segment,
            {_said("acquisition_source", says["people"], missing="unknown")} as acquisition_source
        from described"""


def _said(column: str, is_said: bool, otherwise: str = "null", missing: str = "none") -> str:
    return f"coalesce({column}, '{missing}')" if is_said else otherwise


def _rows(table: str, held: Mapping[str, frozenset[str]], renamed: Mapping[str, str] | None = None) -> str:
    """Select what is read of a table of the release; a column that it lacks is null."""
    columns = held.get(table, frozenset())
    selected = [
        name if name in columns else f"null::{COLUMNS[table][name]} as {name}" for name in _READ[table]
    ]
    selected += [f"{name} as {new_name}" for name, new_name in (renamed or {}).items()]
    return f"select {', '.join(selected)}" + (f" from released.marts.{table}" if columns else " where false")


def _restatements_sql(columns: frozenset[str]) -> str | None:
    """Select what the release carries. An earlier version told fewer dimensions, or what cannot be read."""
    if not columns >= _RESTATEMENTS.keys() - set(_DIMENSIONS):
        return None
    selected = [name if name in columns else f"'{_NOT_CUT}' as {name}" for name in _RESTATEMENTS]
    return f"select {', '.join(selected)} from released.marts.restatements"
