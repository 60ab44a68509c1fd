"""Which months a candidate may take for what they were: those to and from which no row went."""

from collections.abc import Iterator

import duckdb
import pytest

from orchestration.known_months import forget_months, keep_months, unchanged_months
from orchestration.release.database import RowSums

OLDER, NEWER, UNDATED = RowSums(2, 3, 5), RowSums(7, 11, 2**80), RowSums(1, 4, 4)
NOTING = {"touches"}


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("create schema ops")
        keep_months(connection, {"touches": {202601: OLDER, 202602: NEWER, 0: UNDATED}})
        yield connection


def _note(database: duckdb.DuckDBPyConnection, table: str, month: str | None) -> None:
    database.execute("insert into ops.months_changed values (?, cast(? as timestamp))", [table, month])


def test_months_are_known_as_they_were_kept(database) -> None:
    assert unchanged_months(database, NOTING) == {"touches": {202601: OLDER, 202602: NEWER, 0: UNDATED}}


def test_changed_months_are_not_known(database) -> None:
    _note(database, "touches", "2026-02-01")
    _note(database, "touches", None)
    _note(database, "stage_transitions", "2026-01-01")

    assert unchanged_months(database, NOTING) == {"touches": {202601: OLDER}}


def test_changed_months_are_known_again_once_their_sums_are_kept(database) -> None:
    _note(database, "touches", "2026-02-01")
    keep_months(database, {"touches": {202602: OLDER}})

    assert unchanged_months(database, NOTING) == {"touches": {202602: OLDER}}


def test_nothing_is_known_of_a_mart_whose_model_notes_no_months(database) -> None:
    assert unchanged_months(database, set()) == {}


def test_nothing_is_known_once_the_marts_are_built_anew(database) -> None:
    forget_months(database)

    assert unchanged_months(database, NOTING) == {}


def test_nothing_is_known_from_another_version_of_duckdb(database, monkeypatch) -> None:
    monkeypatch.setattr(duckdb, "__version__", "0.0.0")

    assert unchanged_months(database, NOTING) == {}


def test_new_build_database_knows_nothing() -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema ops")
        assert unchanged_months(connection, NOTING) == {}
