"""Whether a build could come to another result than the last one."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration import records
from orchestration.policy import read_policy
from orchestration.records import BuildRecord
from orchestration.settings import PROJECT_ROOT, Settings, load_settings
from orchestration.starting_point import last_published, policy_digests, reason_to_build, starting_point

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TABLES = read_policy(PROJECT_ROOT)
START = {"files": "f", "policy": "p", "thresholds": "t", "code": "c", "settings": "s", "erasures": "e"}


def _record(build_id: str, status: str, **more: object) -> BuildRecord:
    return BuildRecord(
        build_id=build_id,
        status=status,
        as_of=records.utc_text(NOON),
        started_at=records.utc_text(NOON),
        starting_point=dict(START),
        **more,  # type: ignore[arg-type]
    )


LAST = _record("b1", records.PUBLISHED, next_due_at="2026-03-01T18:00:00+00:00")


@pytest.mark.parametrize(
    ("last", "start", "hour", "reason"),
    [
        (LAST, START, 12, None),
        (LAST, START, 17, None),
        (LAST, START, 18, "something has fallen due since"),
        (LAST, START, 11, "as-of lies before that of the last build"),
        (None, START, 12, "no release shows the last build"),
        (LAST, {**START, "files": "g"}, 12, "the landing files changed"),
        (LAST, {**START, "policy": "q", "code": "d"}, 12, "the policy tables and the code changed"),
        (LAST, {**START, "thresholds": "u"}, 12, "the tolerances in force changed"),
        (LAST, {**START, "settings": "t"}, 12, "the settings changed"),
        (LAST, {**START, "erasures": "f"}, 12, "the list of the forgotten changed"),
    ],
)
def test_reason_names_what_changed(
    last: BuildRecord | None, start: dict[str, str], hour: int, reason: str | None
) -> None:
    assert reason_to_build(last, start, NOON.replace(hour=hour)) == reason


def test_each_day_has_its_release() -> None:
    last = replace(LAST, next_due_at=None)
    assert reason_to_build(last, START, NOON.replace(hour=23)) is None
    assert reason_to_build(last, START, NOON.replace(day=2, hour=0)) == "another day has begun"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = replace(load_settings(), warehouse=tmp_path)
    (tmp_path / "releases" / "r1").mkdir(parents=True)
    settings.current.symlink_to("releases/r1")
    return settings


def test_last_published_is_what_readers_see(settings: Settings) -> None:
    assert last_published(settings, "b9") is None
    records.write_record(settings, _record("b1", records.PUBLISHED, release_id="r1"))
    records.write_record(settings, _record("b2", records.UNCHANGED, release_id="r1", unchanged_since="b1"))
    found = last_published(settings, "b9")
    assert found is not None
    assert found.build_id == "b1"


@pytest.mark.parametrize("status", [records.FAILED, records.CANDIDATE, records.INTERRUPTED, records.BUILT])
def test_a_build_in_between_may_have_left_other_models(settings: Settings, status: str) -> None:
    records.write_record(settings, _record("b1", records.PUBLISHED, release_id="r1"))
    records.write_record(settings, _record("b2", status))
    assert last_published(settings, "b9") is None


def test_after_a_rollback_the_next_build_goes_forward(settings: Settings) -> None:
    records.write_record(settings, _record("b1", records.PUBLISHED, release_id="r2"))
    assert last_published(settings, "b9") is None


FILES = """
    create table landing.files as
    select * from (values
        (1, 1, 's', 't', 'a.csv', 'A', 'loaded'),
        (2, 2, 's', 't', 'a.csv', 'B', 'loaded')
    ) as files(file_id, load_id, source_system, source_table, path, content_hash, status)
"""


def test_files_are_what_they_deliver(settings: Settings) -> None:
    with duckdb.connect() as database:

        def digest() -> str:
            return starting_point(settings, database, TABLES, "t")["files"]

        database.execute("create schema landing")
        database.execute(FILES)
        first = digest()
        database.execute("insert into landing.files values (3, 3, 's', 't', 'a.csv', 'B', 'duplicate')")
        assert digest() == first, "a file that was only touched brings nothing"
        database.execute("insert into landing.files values (4, 4, 's', 't', 'a.csv', 'A', 'duplicate')")
        assert digest() != first, "an old content that is back may be the state of a snapshot"


def test_settings_and_policy_count(settings: Settings) -> None:
    with duckdb.connect() as database:
        database.execute("create schema landing")
        database.execute(FILES)
        plain = starting_point(settings, database, TABLES, "t")
        salted = starting_point(replace(settings, id_salt="secret"), database, TABLES, "t")
    assert {name for name in plain if plain[name] != salted[name]} == {"settings"}
    assert "secret" not in str(salted)


@pytest.mark.parametrize(
    ("table", "changed"),
    [
        ("shared_mailboxes", {"policy", "people_policy"}),
        ("success_metrics", {"policy", "report_policy"}),
        ("exchange_rates", {"policy"}),
    ],
)
def test_a_policy_table_counts_for_what_it_governs(table: str, changed: set[str]) -> None:
    without = policy_digests(replace(TABLES, tables={**TABLES.tables, table: ()}))
    shipped = policy_digests(TABLES)
    assert {name for name in shipped if shipped[name] != without[name]} == changed
