"""Releases: what they hold, how they are listed, rolled back to, named and retired."""

import errno
import io
import json
import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from rich.console import Console

from orchestration.alarms import RELEASE_DAMAGED
from orchestration.digests import sha256_of
from orchestration.errors import LeadproofError
from orchestration.release import (
    AUDIT_RESULTS_COLUMNS,
    RELEASES_COLUMNS,
    apply_retention,
    current_release,
    damaged_file,
    list_releases,
    newest_whole,
    open_release,
    released_policy,
    rollback,
    store,
)
from orchestration.release.history import add_releases
from orchestration.report.status import read_status
from orchestration.settings import Settings
from orchestration.source_text import WITHHELD
from tests.fixtures.little_room import little_room
from tests.fixtures.release_world import (
    build_id_of,
    generation_of,
    leftovers_of,
    make_candidate,
    make_release,
    make_settings,
    moment_of,
    publish_candidate,
)

PERSONAL = "anna@acme.example was staff"


@pytest.fixture
def settings(tmp_path) -> Settings:
    return make_settings(tmp_path)


def _query(settings: Settings, sql: str, release_id: str | None = None) -> list[tuple]:
    with open_release(settings, release_id) as connection:
        return connection.execute(sql).fetchall()


# -- what a release holds ---------------------------------------------------------------------------


def test_release_holds_database_parquet_policy_and_a_manifest_of_every_file(settings):
    release = make_release(settings, 1)

    manifest = json.loads((release.path / "manifest.json").read_text(encoding="utf-8"))
    files = {path.relative_to(release.path).as_posix() for path in release.path.rglob("*") if path.is_file()}
    tables = {"people", "touches", "people_by_generation", "audit_results", "releases"}
    assert files == {
        "leadproof.duckdb",
        "manifest.json",
        "policy/stage_policy.csv",
        *(f"marts/{table}.parquet" for table in tables),
    }
    assert set(manifest["files"]) == files - {"manifest.json"}
    for name, entry in manifest["files"].items():
        assert entry["sha256"] == sha256_of(release.path / name)
        assert entry["size_bytes"] == (release.path / name).stat().st_size
    assert set(manifest["tables"]) == tables
    assert manifest["audit"]["suite_digest"] == "suite-1"


def test_release_has_the_same_rows_in_database_and_parquet(settings):
    release = make_release(settings, 1)

    for table in ("people", "touches", "audit_results", "releases"):
        in_database = _query(settings, f"select * from marts.{table} order by all")
        in_parquet = duckdb.sql(
            f"select * from '{release.path}/marts/{table}.parquet' order by all"
        ).fetchall()
        assert in_database == in_parquet != []


def test_release_columns_added_by_publication_are_all_described(settings):
    make_release(settings, 1)

    found = _query(
        settings,
        "select table_name, column_name, lower(data_type), comment from duckdb_columns() "
        "where table_name in ('audit_results', 'releases') order by table_name, column_index",
    )

    assert found == [
        *(
            ("audit_results", column.name, column.data_type, column.description)
            for column in AUDIT_RESULTS_COLUMNS
        ),
        *(("releases", column.name, column.data_type, column.description) for column in RELEASES_COLUMNS),
    ]


def test_release_lists_itself_with_what_it_was_made_of(settings):
    release = make_release(settings, 1)

    rows = _query(
        settings,
        "select release_id, build_id, published_at, as_of, inputs_digest, policy_digest, code_version, "
        "verdict, restatement_reason, row_counts from marts.releases",
    )

    assert rows == [
        (
            release.release_id,
            build_id_of(1),
            datetime(2026, 1, 5, 7, 5),
            datetime(2026, 1, 5, 7, 0),
            "inputs-1",
            "policy-1",
            "0.1.0",
            "passed",
            None,
            '{"people": 50, "people_by_generation": 1, "touches": 200}',
        )
    ]


def test_release_records_the_reason_of_a_restatement(settings):
    make_candidate(settings, 1)

    release = publish_candidate(settings, 1, restatement_reason="Seniority was read wrongly")

    assert _query(settings, "select restatement_reason from marts.releases") == [
        ("Seniority was read wrongly",)
    ]
    assert (
        release.restatement_reason
        == list_releases(settings)[0].restatement_reason
        == "Seniority was read wrongly"
    )


def test_reason_that_names_somebody_is_not_published(settings):
    make_candidate(settings, 1, people=5, touches=5)
    release = publish_candidate(settings, 1, restatement_reason=PERSONAL)
    assert _query(settings, "select restatement_reason from marts.releases") == [(WITHHELD,)]
    manifest = release.path / "manifest.json"
    content = manifest.read_text(encoding="utf-8")
    assert PERSONAL not in content
    # As an earlier version wrote it.
    for path, mode in ((release.path, 0o755), (manifest, 0o644)):
        path.chmod(mode)
    manifest.write_text(content.replace(WITHHELD, PERSONAL), encoding="utf-8")
    assert list_releases(settings)[0].restatement_reason == WITHHELD


def test_reason_of_a_retired_release_that_names_somebody_is_told_no_further(settings):
    make_candidate(settings, 1, people=5, touches=5)
    present = publish_candidate(settings, 1)
    retired = replace(present, release_id="r20250101T000000_abcdef", restatement_reason=PERSONAL)
    with duckdb.connect() as connection:
        for database in ("previous", "release"):
            connection.execute(f"attach ':memory:' as {database}; create schema {database}.marts")
        add_releases(connection, "previous", [retired], present, None)
        add_releases(connection, "release", [], present, "previous")
        reasons = connection.execute("select restatement_reason from release.marts.releases order by 1")
        assert reasons.fetchall() == [(WITHHELD,), (None,)]


def test_releases_table_remembers_retired_releases(settings):
    for number in range(1, 5):
        make_release(settings, number)
        apply_retention(settings, keep=1)

    found = _query(settings, "select build_id from marts.releases order by release_id")

    assert found == [(build_id_of(number),) for number in range(1, 5)]
    assert len(list_releases(settings)) == 1


# -- audit history ----------------------------------------------------------------------------------


def _write_history(settings: Settings, number: int, columns: str) -> None:
    folder = settings.quality / "audit_results"
    folder.mkdir(parents=True, exist_ok=True)
    duckdb.sql(f"copy (select {columns}) to '{folder}/{build_id_of(number)}.parquet' (format parquet)")


def test_audit_history_holds_failed_builds_and_older_shapes(settings):
    full = f"""'{build_id_of(1)}' as build_id, timestamp '2026-01-05 07:00:00' as audited_at,
        'ExpectX' as expectation, 'people' as table_name, '*' as source_system, 'critical' as severity,
        false as is_success, 50::bigint as evaluated_rows, 2::bigint as failing_rows, 0.04 as observed_value,
        0.0 as tolerance, '2026-02-01' as baselined_until, 'Two rows.' as message,
        ['p_1', 'p_2'] as failing_keys"""
    _write_history(settings, 1, full)
    _write_history(
        settings, 2, f"'{build_id_of(2)}' as build_id, 'ExpectX' as expectation, null as failing_keys"
    )
    _write_history(settings, 3, f"'{build_id_of(3)}' as build_id, 'ExpectTwice' as expectation")

    make_release(settings, 3)

    rows = _query(
        settings,
        "select build_id, expectation, failing_rows, baselined_until::varchar, failing_keys "
        "from marts.audit_results order by all",
    )
    assert rows == [
        (build_id_of(1), "ExpectX", 2, "2026-02-01", "p_1|p_2"),
        (build_id_of(2), "ExpectX", None, None, None),
        (build_id_of(3), "ExpectFreshInputs", 0, "2026-03-31", "leadproof|zoho"),
        (build_id_of(3), "ExpectPeopleUnique", 0, None, None),
    ]


def test_audit_history_survives_the_loss_of_its_folder(settings):
    make_release(settings, 1)
    make_release(settings, 2)
    shutil.rmtree(settings.quality, ignore_errors=True)

    make_release(settings, 3)

    builds = _query(settings, "select build_id, count(*) from marts.audit_results group by 1 order by 1")
    assert builds == [(build_id_of(number), 2) for number in (1, 2, 3)]


def test_audit_history_that_cannot_be_read_is_not_skipped(settings):
    make_release(settings, 1)
    folder = settings.quality / "audit_results"
    folder.mkdir(parents=True)
    (folder / f"{build_id_of(0)}.parquet").write_bytes(b"half a file")
    make_candidate(settings, 2)

    with pytest.raises(LeadproofError, match=r"audit history file .* cannot be read"):
        publish_candidate(settings, 2)

    assert current_release(settings) == list_releases(settings)[0]
    assert leftovers_of(settings) == []


# -- listing and rolling back -----------------------------------------------------------------------


def test_nothing_is_published_at_first(settings):
    assert list_releases(settings) == []
    assert current_release(settings) is None
    assert released_policy(settings) is None
    with pytest.raises(LeadproofError, match="Nothing is published yet"):
        open_release(settings)
    with pytest.raises(LeadproofError, match="There is no release 'r1'"):
        rollback(settings, "r1")


def test_releases_are_listed_newest_first_with_the_current_one(settings):
    made = [make_release(settings, number) for number in (1, 2, 3)]

    listed = list_releases(settings)

    assert [release.release_id for release in listed] == [release.release_id for release in reversed(made)]
    assert [release.is_current for release in listed] == [True, False, False]
    assert listed[0] == current_release(settings)


def test_rollback_moves_the_pointer_and_nothing_else_within_a_second(settings):
    first, second = make_release(settings, 1), make_release(settings, 2)
    before = {path: path.stat().st_mtime_ns for path in settings.releases.rglob("*")}

    started = time.monotonic()
    release = rollback(settings, first.release_id)
    seconds = time.monotonic() - started

    assert seconds < 1
    assert release.is_current
    assert release.release_id == first.release_id
    assert generation_of(settings.current / "leadproof.duckdb") == {1}
    assert {path: path.stat().st_mtime_ns for path in settings.releases.rglob("*")} == before
    assert rollback(settings, second.release_id).is_current
    assert generation_of(settings.current / "leadproof.duckdb") == {2}


def test_rollback_needs_no_room(settings):
    first, second = make_release(settings, 1), make_release(settings, 2)
    with little_room(0):
        rollback(settings, first.release_id)
        rollback(settings, second.release_id)
        rollback(settings, first.release_id)
    assert generation_of(settings.current / "leadproof.duckdb") == {1}


def test_build_after_a_rollback_becomes_current(settings):
    first = make_release(settings, 1)
    make_release(settings, 2)
    rollback(settings, first.release_id)

    third = make_release(settings, 3)

    assert current_release(settings) == third
    assert [release.build_id for release in list_releases(settings)] == [build_id_of(n) for n in (3, 2, 1)]


@pytest.mark.parametrize("release_id", ["", "..", "../releases", "r20260105T070500_ffffff"])
def test_rollback_to_no_release_is_refused(settings, release_id):
    made = make_release(settings, 1)

    with pytest.raises(LeadproofError, match="There is no release") as refusal:
        rollback(settings, release_id)

    assert made.release_id in refusal.value.hint
    assert current_release(settings) == made


@pytest.mark.parametrize("damage", ["shorter", "other bytes", "missing", "manifest"])
def test_rollback_to_a_damaged_release_is_refused(settings, damage):
    first, second = make_release(settings, 1), make_release(settings, 2)
    file = first.path / "marts" / "touches.parquet"
    content = file.read_bytes()
    file.parent.chmod(0o755)
    file.chmod(0o644)
    first.path.chmod(0o755)
    if damage == "shorter":
        file.write_bytes(content[:-1])
    elif damage == "other bytes":
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "missing":
        file.unlink()
    else:
        manifest = json.loads((first.path / "manifest.json").read_text(encoding="utf-8"))
        del manifest["files"]["leadproof.duckdb"]
        (first.path / "manifest.json").chmod(0o644)
        (first.path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    with pytest.raises(LeadproofError, match=f"Release {first.release_id} is damaged"):
        rollback(settings, first.release_id)

    assert current_release(settings) == second


@pytest.mark.parametrize("place", ["leadproof.duckdb", "marts/touches.parquet"])
def test_rollback_is_taken_back_where_a_large_file_has_other_bytes(settings, monkeypatch, place):
    monkeypatch.setattr(store, "_HASHED_FIRST_BYTES", 0)
    first, second = make_release(settings, 1), make_release(settings, 2)
    assert rollback(settings, first.release_id).is_current
    rollback(settings, second.release_id)
    file = first.path / place
    content = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    pointed, point = [], store._point
    monkeypatch.setattr(store, "_point", lambda *given: (pointed.append(given[1]), point(*given)))

    with pytest.raises(LeadproofError, match=f"Release {first.release_id} is damaged: {place} is not"):
        rollback(settings, first.release_id)

    assert pointed == [first.release_id, second.release_id], "readers do not wait for large files"
    assert current_release(settings) == second


@pytest.mark.parametrize("ending", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
def test_rollback_is_taken_back_where_a_large_file_cannot_be_compared(settings, monkeypatch, ending):
    monkeypatch.setattr(store, "_HASHED_FIRST_BYTES", 0)
    first, second = make_release(settings, 1), make_release(settings, 2)

    def unread(path):
        raise ending

    monkeypatch.setattr(store, "sha256_of", unread)
    with pytest.raises((LeadproofError, KeyboardInterrupt)):
        rollback(settings, first.release_id)
    assert current_release(settings) == second


def test_release_that_was_rewritten_while_it_was_compared_is_not_damaged(settings, monkeypatch):
    monkeypatch.setattr(store, "_HASHED_FIRST_BYTES", 0)
    first, _ = make_release(settings, 1), make_release(settings, 2)
    manifest = first.path / "manifest.json"
    manifest.chmod(0o644)

    def rewritten(path):
        told = json.loads(manifest.read_text(encoding="utf-8"))
        told["files"]["leadproof.duckdb"]["sha256"] = "of the rewritten file"
        manifest.write_text(json.dumps(told), encoding="utf-8")
        return "of the rewritten file" if path.name == "leadproof.duckdb" else sha256_of(path)

    monkeypatch.setattr(store, "sha256_of", rewritten)
    assert rollback(settings, first.release_id).release_id == first.release_id
    assert current_release(settings).release_id == first.release_id


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("files", {"leadproof.duckdb": "gone"}),
        ("files", {"leadproof.duckdb": ["gone"]}),
        ("files", {"leadproof.duckdb": None}),
        ("files", ["leadproof.duckdb"]),
        ("release.row_counts", {"people": "many"}),
        ("release.row_counts", {"people": None}),
        ("release.row_counts", "many"),
        ("release.build_id", 5),
        ("release.verdict", None),
    ],
)
def test_manifest_that_holds_another_kind_of_thing_is_damage(settings, part, value):
    first, second = make_release(settings, 1), make_release(settings, 2)
    path = second.path / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    place, _, name = part.rpartition(".")
    (manifest[place] if place else manifest)[name] = value
    path.chmod(0o644)
    path.write_text(json.dumps(manifest), encoding="utf-8")

    assert store.damaged_releases(settings) == {second.release_id: "manifest.json"}
    whole = newest_whole(list_releases(settings))
    assert whole is not None and whole.release_id == first.release_id
    if part == "files":
        assert store.differing_file(second) == "manifest.json"
    status = read_status(settings)
    assert RELEASE_DAMAGED in status.alarms
    assert "damaged" in status.next_step and "leadproof rollback" in status.next_step
    screen = io.StringIO()
    Console(file=screen, width=200).print(status)
    assert second.release_id in screen.getvalue()
    with pytest.raises(LeadproofError):
        rollback(settings, second.release_id)
    assert rollback(settings, first.release_id).release_id == first.release_id


def test_folder_without_a_manifest_is_left_out_and_left_alone(settings):
    made = make_release(settings, 1)
    stray = settings.releases / "r20250101T000000_aaaaaa"
    stray.mkdir()

    make_release(settings, 2)
    apply_retention(settings, keep=1)

    assert made.release_id not in [release.release_id for release in list_releases(settings)]
    assert stray.is_dir()


def test_pointer_to_a_lost_release_is_told_and_the_next_build_mends_it(settings):
    make_release(settings, 1)
    second = make_release(settings, 2)
    shutil.move(second.path, settings.warehouse / "elsewhere")

    with pytest.raises(LeadproofError, match=f"current release {second.release_id} is missing or damaged"):
        current_release(settings)
    third = make_release(settings, 3)

    assert current_release(settings) == third


def test_previous_release_that_cannot_be_read_stops_publication(settings):
    made = make_release(settings, 1)
    made.database.chmod(0o644)
    made.database.write_bytes(b"no database")
    make_candidate(settings, 2)

    with pytest.raises(LeadproofError, match="cannot be read, so the history it holds cannot be carried on"):
        publish_candidate(settings, 2)


def test_pointer_place_taken_by_a_folder_is_told(settings):
    make_candidate(settings, 1)
    settings.current.mkdir()

    with pytest.raises(LeadproofError, match="is a folder, where the pointer"):
        publish_candidate(settings, 1)

    assert list_releases(settings) == []
    assert leftovers_of(settings) == []
    settings.current.rmdir()
    assert publish_candidate(settings, 1).is_current


def test_warehouse_can_be_moved(settings, tmp_path):
    make_release(settings, 1)
    shutil.move(settings.warehouse, tmp_path / "moved")

    assert generation_of(tmp_path / "moved" / "current" / "leadproof.duckdb") == {1}


# -- names ------------------------------------------------------------------------------------------


def test_release_ids_sort_by_time_even_if_the_clock_stands_or_goes_back(settings):
    now = datetime(2026, 1, 10, tzinfo=UTC)
    made = []
    for number, moment in enumerate([now, now, now - timedelta(days=1), now + timedelta(seconds=1)], start=1):
        make_candidate(settings, number)
        made.append(publish_candidate(settings, number, now=moment).release_id)

    assert made == sorted(set(made))
    assert [release.release_id for release in list_releases(settings)] == made[::-1]
    assert made[0] == f"r20260110T000000_{build_id_of(1)[-6:]}"


# -- policy -----------------------------------------------------------------------------------------


def test_released_policy_is_that_of_the_last_publication_even_after_a_rollback(settings):
    first = make_release(settings, 1)
    make_release(settings, 2)
    rollback(settings, first.release_id)

    found = released_policy(settings)

    assert found is not None
    used_until, folder = found
    assert used_until == moment_of(2)
    assert (folder / "stage_policy.csv").read_text(encoding="utf-8") == "key,value\nmql_min_score,2\n"


def test_policy_stays_used_up_to_the_latest_as_of_of_any_release(settings):
    make_release(settings, 5)
    make_candidate(settings, 6)
    from orchestration.release import write_candidate
    from tests.fixtures.release_world import write_audit

    write_audit(settings, write_candidate(settings, build_id=build_id_of(6), as_of=moment_of(1)))
    release = publish_candidate(settings, 6)

    assert release.as_of == moment_of(1)
    assert release.policy_used_until == moment_of(5)
    found = released_policy(settings)
    assert found is not None
    assert found == (moment_of(5), release.policy)


# -- retention --------------------------------------------------------------------------------------


def test_retention_keeps_the_newest_with_their_contacts(settings):
    made = [make_release(settings, number) for number in range(1, 6)]

    removed = apply_retention(settings, keep=2)

    assert removed == [release.release_id for release in made[2::-1]]
    kept = {release.release_id for release in made[3:]}
    assert {path.name for path in settings.releases.iterdir()} == kept
    assert {path.name for path in settings.restricted.iterdir()} == kept
    assert leftovers_of(settings) == []


def test_retention_never_removes_the_current_release_nor_a_newer_one(settings):
    made = [make_release(settings, number) for number in range(1, 6)]
    rollback(settings, made[1].release_id)

    removed = apply_retention(settings, keep=1)

    assert removed == [made[0].release_id]
    assert current_release(settings) is not None
    assert generation_of(settings.current / "leadproof.duckdb") == {2}
    assert rollback(settings, made[4].release_id).is_current


def test_publication_applies_the_retention_of_the_settings(tmp_path):
    settings = make_settings(tmp_path, keep_releases=2)
    for number in range(1, 5):
        make_release(settings, number)

    assert [release.build_id for release in list_releases(settings)] == [build_id_of(4), build_id_of(3)]


def test_publication_stands_although_retention_fails(settings, monkeypatch, caplog):
    def fail(*_):
        raise PermissionError(13, "Permission denied", "somewhere")

    monkeypatch.setattr("orchestration.release.publication.retire", fail)

    release = make_release(settings, 1)

    assert current_release(settings) == release
    assert "Old releases could not be removed" in caplog.text


def test_retention_removes_leftovers_and_contacts_of_no_release(settings):
    made = make_release(settings, 1)
    (settings.releases / ".r20260105T080500_000002.staged" / "marts").mkdir(parents=True)
    (settings.releases / ".r20260105T080500_000002.staged").chmod(0o555)
    orphan = settings.restricted / "r20260105T080500_000002"
    orphan.mkdir()
    (orphan / "contacts.parquet").write_bytes(b"x")

    apply_retention(settings)

    assert leftovers_of(settings) == []
    assert [path.name for path in settings.restricted.iterdir()] == [made.release_id]


def test_published_candidate_gives_its_space_back_and_keeps_its_records(settings):
    make_release(settings, 1)

    assert sorted(path.name for path in (settings.candidates / build_id_of(1)).iterdir()) == [
        "audit.json",
        "audit.seal",
        "candidate.json",
        "candidate.seal",
    ]


@pytest.mark.parametrize("damage", ["cut", "overwritten"])
def test_damaged_release_is_passed_over_by_the_next_publication(settings, damage):
    """Its history is taken from the newest one that is whole; nobody has to move it away by hand."""
    first, second = make_release(settings, 1), make_release(settings, 2)
    second.path.chmod(0o755)
    second.database.chmod(0o644)
    if damage == "cut":
        with second.database.open("r+b") as file:
            file.truncate(5000)
    else:
        (second.path / "manifest.json").unlink()
    rollback(settings, first.release_id)

    third = make_release(settings, 3)

    assert current_release(settings) == third
    with open_release(settings) as connection:
        kept = connection.execute("select release_id from marts.releases order by all").fetchall()
    assert (first.release_id,) in kept and (third.release_id,) in kept


def test_releases_of_which_none_is_whole_say_so(settings):
    only = make_release(settings, 1)
    only.path.chmod(0o755)
    only.database.chmod(0o644)
    with only.database.open("r+b") as file:
        file.truncate(5000)

    assert damaged_file(only) == "leadproof.duckdb"
    with pytest.raises(LeadproofError, match="cannot be read, so the history it holds") as refusal:
        make_release(settings, 2)
    assert "move it out of that folder" in refusal.value.hint
