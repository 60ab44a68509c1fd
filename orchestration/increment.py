"""From where a build's models continue: from the last completed build, or from nothing.

An increment computes people anew whom something new has touched, and no others. That equals a full build as
long as everything else the result depends on is the same, so whatever may touch everybody is looked at here.
What it continues from is written when a build completes and forgotten before a full one begins: a build that
is killed, at whatever moment, leaves the next one a starting point it can trust.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

_GOVERN_EVERYONE = {
    "people_policy": "a policy that governs everyone",
    "report_policy": "a policy that everybody's reports are kept by",
    "code": "the code",
    "settings": "the settings",
}
_STATE = (
    "create table if not exists ops.completed_build (build_id varchar, as_of timestamp, load_id bigint,"
    " next_policy_at timestamp, starting_point varchar)"
)


@dataclass(frozen=True)
class CompletedBuild:
    """What the models in the build database are of.

    Args:
        build_id: The last build that completed all models.
        as_of: Its clock (UTC, without zone).
        load_id: Number of the latest load run that it had seen.
        next_policy_at: First moment after as-of (UTC, without zone) at which another policy is in force; None
            without one.
        starting_point: What it started from, as digests.
    """

    build_id: str
    as_of: datetime
    load_id: int
    next_policy_at: datetime | None
    starting_point: dict[str, str]


def write_current_build(
    database: duckdb.DuckDBPyConnection, *, build_id: str, as_of: datetime, started_at: datetime, id_salt: str
) -> None:
    """Tell the models which build runs, and that it continues from nothing until it is told otherwise.

    Args:
        database: The build database.
        build_id: The build.
        as_of: Its clock (UTC, without zone).
        started_at: When it began (UTC, without zone).
        id_salt: What person ids are salted with.
    """
    database.execute("create schema if not exists ops")
    database.execute(
        "create or replace table ops.current_build"
        " (build_id varchar, as_of timestamp, started_at timestamp, id_salt varchar,"
        " since_build_id varchar, since_as_of timestamp, since_load_id bigint)"
    )
    database.execute(
        "insert into ops.current_build values (?, ?, ?, ?, null, null, null)",
        [build_id, as_of, started_at, id_salt],
    )


def written_salts(database: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the salt of person ids that the last build wrote into the database.

    Args:
        database: The build database.

    Returns:
        The salt; nothing before the first build.
    """
    written = database.execute(
        "select 1 from duckdb_columns() where database_name = current_database() and schema_name = 'ops'"
        " and table_name = 'current_build' and column_name = 'id_salt'"
    ).fetchone()
    if written is None:
        return set()
    rows = database.execute("select id_salt from ops.current_build where id_salt is not null").fetchall()
    return {row[0] for row in rows}


def completed_build(database: duckdb.DuckDBPyConnection) -> CompletedBuild | None:
    """Return the build that the models in the database are of.

    Args:
        database: The build database.

    Returns:
        The build; None if there is none, or what it left has been changed since.
    """
    database.execute(_STATE)
    row = database.execute(
        "select build_id, as_of, load_id, next_policy_at, starting_point from ops.completed_build"
    ).fetchone()
    if row is None:
        return None
    build_id, as_of, load_id, next_policy_at, digests = row
    return CompletedBuild(build_id, as_of, load_id, next_policy_at, json.loads(digests))


def reason_for_full_build(
    completed: CompletedBuild | None, starting_point: dict[str, str], as_of: datetime
) -> str | None:
    """Say why everybody has to be computed anew.

    Args:
        completed: The last completed build; None without one.
        starting_point: What this build starts from, as digests.
        as_of: Its clock (UTC).

    Returns:
        A few words; None if only those have to be whom something new has touched.
    """
    if completed is None:
        return "there is no completed build to continue from"
    changed = [
        words
        for name, words in _GOVERN_EVERYONE.items()
        if completed.starting_point.get(name) != starting_point[name]
    ]
    if changed:
        return f"{' and '.join(changed)} changed"
    clock = as_of.astimezone(UTC).replace(tzinfo=None)
    if clock < completed.as_of:
        return "as-of lies before that of the last build"
    if completed.next_policy_at is not None and completed.next_policy_at <= clock:
        return "another policy is in force"
    return None


def continue_from(database: duckdb.DuckDBPyConnection, completed: CompletedBuild) -> None:
    """Tell the models to continue from a completed build.

    Args:
        database: The build database.
        completed: The build.
    """
    database.execute(
        "update ops.current_build set since_build_id = ?, since_as_of = ?, since_load_id = ?",
        [completed.build_id, completed.as_of, completed.load_id],
    )


def build_anew(database: duckdb.DuckDBPyConnection) -> None:
    """Tell the models to begin from nothing, and forget what could have been continued.

    Args:
        database: The build database.
    """
    database.execute(_STATE)
    database.execute("begin")
    database.execute("delete from ops.completed_build")
    database.execute(
        "update ops.current_build set since_build_id = null, since_as_of = null, since_load_id = null"
    )
    database.execute("commit")


def remember_completed(database: duckdb.DuckDBPyConnection, starting_point: dict[str, str]) -> None:
    """Note that the models are complete, so that the next build can continue from here.

    Args:
        database: The build database.
        starting_point: What the build that completed them started from, as digests.
    """
    database.execute(_STATE)
    database.execute("begin")
    database.execute("delete from ops.completed_build")
    database.execute(
        """
        insert into ops.completed_build
        select
            current_build.build_id,
            current_build.as_of,
            (select coalesce(max(load_id), 0) from landing.files),
            (select due_at from intermediate.int_changes_expected where kind = 'policy'),
            ?
        from ops.current_build
        """,
        [json.dumps(starting_point)],
    )
    database.execute(
        "create or replace table ops.completed_registry as select * from policy.campaign_registry"
    )
    database.execute("commit")


def people_computed(database: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Count the people there are, and those of them that the last run of the models computed anew.

    Args:
        database: The build database, with all models.

    Returns:
        All people, and those computed anew.
    """
    row = database.execute(
        """
        select
            count(*),
            count(*) filter (
                (select since_build_id is null from ops.current_build)
                or person_id in (select affected.person_id from intermediate.int_people_affected as affected)
            )
        from marts.people
        """
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
