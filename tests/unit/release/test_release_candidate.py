"""The candidate: what is copied, what is left behind, how its content is digested."""

import json
import os
import stat

import duckdb
import pytest

from orchestration.digests import sha256_of
from orchestration.errors import LeadproofError
from orchestration.release import Candidate, read_candidate, seal_record, write_candidate
from orchestration.release.database import digest_of
from orchestration.settings import Settings
from tests.fixtures.release_world import build_id_of, make_build_db, make_candidate, make_settings, moment_of


@pytest.fixture
def settings(tmp_path) -> Settings:
    return make_settings(tmp_path)


def _write(settings: Settings, number: int = 1, **arguments) -> Candidate:
    return write_candidate(settings, build_id=build_id_of(number), as_of=moment_of(number), **arguments)


def test_candidate_holds_tables_and_views_of_marts_and_nothing_else(settings):
    make_build_db(settings, 1)

    candidate = _write(settings)

    assert candidate.row_counts == {"people": 50, "people_by_generation": 1, "touches": 200}
    with duckdb.connect(candidate.path, read_only=True) as connection:
        found = connection.execute(
            "select schema_name, table_name from duckdb_tables() order by 2"
        ).fetchall()
    assert found == [("marts", "people"), ("marts", "people_by_generation"), ("marts", "touches")]


def test_candidate_keeps_comments_and_not_null_promises(settings):
    make_build_db(settings, 1)

    candidate = _write(settings)

    with duckdb.connect(candidate.path, read_only=True) as connection:
        table = connection.execute(
            "select comment from duckdb_tables() where table_name = 'people'"
        ).fetchone()
        column = connection.execute(
            "select comment, is_nullable from duckdb_columns() where column_name = 'person_id' "
            "and table_name = 'people'"
        ).fetchone()
    assert table == ("One row per person's id.",)
    assert column == ("The person.", False)


def test_candidate_is_described_by_its_bytes(settings):
    make_build_db(settings, 1)

    candidate = _write(settings)

    assert candidate.sha256 == sha256_of(candidate.path)
    assert read_candidate(settings, build_id_of(1)) == candidate
    assert [path.name for path in candidate.folder.iterdir() if path.suffix == ".wal"] == []


@pytest.mark.parametrize("lacking", ["contacts", "policy"])
def test_candidate_of_an_earlier_version_is_refused(settings, lacking):
    make_build_db(settings, 1)
    note = _write(settings).folder / "candidate.json"
    written = json.loads(note.read_text(encoding="utf-8"))
    del written[lacking]
    note.write_text(json.dumps(written), encoding="utf-8")
    seal_record(settings, note)

    with pytest.raises(LeadproofError, match="written by an earlier version"):
        read_candidate(settings, build_id_of(1))


def test_candidate_leaves_no_deleted_bytes_behind(settings):
    make_build_db(settings, 1)
    with duckdb.connect(settings.build_db) as database:
        database.execute("pragma force_compression = 'uncompressed'")
        database.execute(
            "create table marts.mixed as "
            "select if(i % 2 = 0, 'KEPT-' , 'DELETED-') || i as s from range(5000) as r (i)"
        )
        database.execute("checkpoint")
        database.execute("delete from marts.mixed where s like 'DELETED%'")

    candidate = _write(settings)

    assert b"DELETED-4999" in settings.build_db.read_bytes(), "DuckDB cleans up by itself now"
    assert b"DELETED-4999" not in candidate.path.read_bytes()


def test_candidate_takes_only_the_tables_asked_for(settings):
    make_build_db(settings, 1)

    assert _write(settings, tables=["touches"]).row_counts == {"touches": 200}


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        (["people", "leads"], "marts.leads is to be published but the build database has no such table"),
        (["people; drop table people"], "cannot be published under that name"),
        (["../people"], "cannot be published under that name"),
        (["releases"], "marts.releases is written by publication itself"),
        ([], "holds no table in schema marts"),
    ],
)
def test_candidate_refuses_tables_it_cannot_publish(settings, tables, sentence):
    make_build_db(settings, 1)

    with pytest.raises(LeadproofError, match=sentence):
        _write(settings, tables=tables)

    assert list(settings.candidates.iterdir()) == []


def test_candidate_needs_a_build_database(settings):
    with pytest.raises(LeadproofError, match="There is no build database"):
        _write(settings)


@pytest.mark.parametrize("build_id", ["", "b1", "../b20260105T070000000001", "b20260105T070000000001/.."])
def test_candidate_refuses_ids_that_are_no_build_ids(settings, build_id):
    with pytest.raises(LeadproofError, match="is no build id"):
        write_candidate(settings, build_id=build_id, as_of=moment_of(1))


def test_candidate_replaces_those_of_earlier_and_killed_builds(settings):
    make_candidate(settings, 1)
    killed = settings.candidates / f".{build_id_of(2)}.writing"
    killed.mkdir()
    (killed / "leadproof.duckdb").write_bytes(b"half")

    make_candidate(settings, 3)

    assert [path.name for path in settings.candidates.iterdir()] == [build_id_of(3)]


def test_candidate_of_the_same_build_is_written_anew_without_the_old_audit(settings):
    first = make_candidate(settings, 1)
    make_build_db(settings, 1, people=51)

    second = _write(settings)

    assert second.sha256 != first.sha256
    assert not (second.folder / "audit.json").exists()


def test_candidate_that_another_process_is_writing_to_is_told_in_a_sentence(settings, monkeypatch):
    make_build_db(settings, 1)

    def busy(*_, **__):
        raise duckdb.IOException('IO Error: Could not set lock on file "x": Conflicting lock is held')

    monkeypatch.setattr("orchestration.release.candidate.copy_table", busy)
    with pytest.raises(LeadproofError, match="another process is using the build database"):
        _write(settings)


@pytest.mark.parametrize(
    ("change", "is_noticed"),
    [
        ("update t set a = a + 1 where a = 7", True),
        ("update t set a = b, b = a where a = 7", True),
        ("update t set s = null where a = 7", True),
        ("update t set s = '' where a = 7", True),
        ("delete from t where a = 7", True),
        ("insert into t select * from t where a in (7, 8)", True),
        ("insert into t select * from t where a = 7; insert into t select * from t where a = 7", True),
        ("update t set s = case a when 7 then 's8' else 's7' end where a in (7, 8)", True),
        ("alter table t alter a type bigint", True),
        ("alter table t rename b to c", True),
        (
            "create table u as select * from t order by hash(a); drop table t; alter table u rename to t",
            False,
        ),
        ("update t set a = a", False),
    ],
)
def test_content_digest_notices_what_readers_would_and_not_the_order(change, is_noticed):
    with duckdb.connect() as connection:
        connection.execute("create schema marts; set schema = 'memory.marts'")
        connection.execute(
            "create table t as select i::integer as a, (i * 2 + 1)::integer as b, 's' || i as s "
            "from range(3000) as r (i)"
        )
        before = digest_of(connection, "memory", "t")
        connection.execute(change)
        after = digest_of(connection, "memory", "t")

    assert (after != before) is is_noticed


def test_content_digest_of_an_empty_table_knows_its_columns():
    with duckdb.connect() as connection:
        connection.execute(
            "create schema marts; create table marts.a (x integer); create table marts.b (y integer)"
        )
        first, second = digest_of(connection, "memory", "a"), digest_of(connection, "memory", "b")

    assert first.rows == 0
    assert first.digest != second.digest


@pytest.mark.parametrize("is_there", [False, True], ids=["new folder", "folder of an earlier version"])
def test_candidates_are_closed_to_other_accounts(settings, is_there):
    make_build_db(settings, 1)
    umask = os.umask(0)
    try:
        if is_there:
            settings.candidates.mkdir(mode=0o755, parents=True)
        _write(settings)
    finally:
        os.umask(umask)

    assert stat.S_IMODE(settings.candidates.stat().st_mode) == 0o700
    # What stands above must stay open, or readers could not reach the release.
    assert stat.S_IMODE(settings.warehouse.stat().st_mode) & 0o055 == 0o055
