"""From where the models continue, and what makes them begin from nothing."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import duckdb
import pytest

from orchestration import increment
from orchestration.increment import CompletedBuild, reason_for_full_build

POINT = {
    "people_policy": "p",
    "report_policy": "r",
    "code": "c",
    "settings": "s",
    "files": "f",
    "policy": "q",
}
COMPLETED = CompletedBuild("b1", datetime(2026, 1, 10), 3, datetime(2026, 2, 1), POINT)
NEXT_DAY = datetime(2026, 1, 11, tzinfo=UTC)


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for statement in (
            "create schema ops",
            "create schema landing",
            "create schema intermediate",
            "create schema policy",
            "create table ops.current_build as select 'b2' as build_id, timestamp '2026-01-10' as as_of,"
            " 'b1' as since_build_id, timestamp '2026-01-09' as since_as_of,"
            " cast(2 as bigint) as since_load_id",
            "create table landing.files as select cast(3 as bigint) as load_id",
            "create table intermediate.int_changes_expected as"
            " select 'policy' as kind, timestamp '2026-02-01' as due_at",
            "create table policy.campaign_registry as select 'crm' as source_system, 'c1' as campaign_id",
        ):
            connection.execute(statement)
        yield connection


def test_new_files_and_policy_of_no_one_continue() -> None:
    assert reason_for_full_build(COMPLETED, POINT | {"files": "g", "policy": "s"}, NEXT_DAY) is None


@pytest.mark.parametrize("name", ["people_policy", "report_policy", "code", "settings"])
def test_what_governs_everyone_begins_from_nothing(name: str) -> None:
    reason = reason_for_full_build(COMPLETED, POINT | {name: "other"}, NEXT_DAY)
    assert reason is not None
    assert reason.endswith("changed")


def test_nothing_completed_begins_from_nothing() -> None:
    assert reason_for_full_build(None, POINT, NEXT_DAY) == "there is no completed build to continue from"


def test_an_earlier_clock_begins_from_nothing() -> None:
    assert reason_for_full_build(COMPLETED, POINT, datetime(2026, 1, 10, tzinfo=UTC)) is None
    earlier = datetime(2026, 1, 9, 23, 59, tzinfo=UTC)
    assert reason_for_full_build(COMPLETED, POINT, earlier) == "as-of lies before that of the last build"


def test_a_policy_that_comes_into_force_begins_from_nothing() -> None:
    before = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
    assert reason_for_full_build(COMPLETED, POINT, before) is None
    due = datetime(2026, 2, 1, tzinfo=UTC)
    assert reason_for_full_build(COMPLETED, POINT, due) == "another policy is in force"
    assert reason_for_full_build(replace(COMPLETED, next_policy_at=None), POINT, due) is None


def test_a_completed_build_is_remembered_with_what_it_saw(database: duckdb.DuckDBPyConnection) -> None:
    assert increment.completed_build(database) is None
    increment.remember_completed(database, POINT)
    found = increment.completed_build(database)
    assert found == CompletedBuild("b2", datetime(2026, 1, 10), 3, datetime(2026, 2, 1), POINT)
    assert database.execute("from ops.completed_registry").fetchall() == [("crm", "c1")]


def test_a_full_build_forgets_what_could_be_continued(database: duckdb.DuckDBPyConnection) -> None:
    increment.remember_completed(database, POINT)
    increment.build_anew(database)
    assert increment.completed_build(database) is None
    assert database.execute("select since_build_id from ops.current_build").fetchall() == [(None,)]


def test_an_increment_tells_the_models_where_to_continue(database: duckdb.DuckDBPyConnection) -> None:
    increment.continue_from(database, COMPLETED)
    row = database.execute(
        "select since_build_id, since_as_of, since_load_id from ops.current_build"
    ).fetchone()
    assert row == ("b1", datetime(2026, 1, 10), 3)
