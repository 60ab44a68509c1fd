"""A file is loaded once, whole or not at all, and everything about it is remembered."""

import gzip
import json
import os
from datetime import datetime

import duckdb
import pytest

from orchestration.landing import DeclaredTable, loading, table_summaries


def test_rows_carry_their_provenance(world):
    world.drop("crm/leads/2026-02-01/a.csv", "id\n1\n")
    world.drop("crm/leads/b.csv", "id\n2\n")
    world.load()
    assert world.query(
        "select id, _load_id, _loaded_at, _observed_at, _source_file, _source_row"
        " from raw_crm.leads order by id"
    ) == [
        ("1", 1, world.now, datetime(2026, 2, 1), "crm/leads/2026-02-01/a.csv", 2),
        ("2", 1, world.now, world.now, "crm/leads/b.csv", 2),
    ]


def test_nothing_new_loads_nothing(world):
    world.drop("crm/leads/a.csv", "id\n1\n")
    first = world.load()
    second = world.load()
    assert (first.load_id, first.rows) == (1, 1)
    assert (second.load_id, second.rows, second.notes) == (None, 0, [])
    assert second.tables[0].total_rows == 1
    assert len(world.entries()) == 1


def test_same_content_under_another_name_is_a_duplicate_once(world):
    world.drop("crm/leads/a.csv", "id\n1\n")
    world.load()
    world.drop("crm/leads/b.csv", "id\n1\n")
    world.drop("crm/leads/c.csv.gz", gzip.compress(b"id\n1\n"))
    world.drop("crm/other/a.csv", "id\n1\n")
    report = world.load()
    counts = {table.source_table: (table.files, table.duplicates) for table in report.tables}
    assert counts == {"leads": (0, 2), "other": (1, 0)}
    world.load()
    assert [status for _, status in world.entries()] == ["loaded", "duplicate", "duplicate", "loaded"]


def test_touched_file_is_not_loaded_again(world):
    path = world.drop("crm/leads/a.csv", "id\n1\n")
    world.load()
    for moment in (1_700_000_000, 1_700_000_100):
        os.utime(path, (moment, moment))
        assert world.load().rows == 0
    assert [status for _, status in world.entries()] == ["loaded", "duplicate"]


def test_known_path_with_new_content_is_a_further_version(world):
    world.drop("crm/leads/a.csv", "id\n1\n")
    world.load()
    world.drop("crm/leads/a.csv", "id\n1\n2\n")
    assert world.load().load_id == 2
    assert world.query("select _load_id, count(*) from raw_crm.leads group by 1 order by 1") == [
        (1, 1),
        (2, 2),
    ]


def test_refused_file_is_tried_again_when_it_changes(world):
    world.drop("crm/leads/a.csv", "")
    world.load()
    world.drop("crm/leads/a.csv", "id\n1\n")
    assert world.load().rows == 1
    assert [status for _, status in world.entries()] == ["refused", "loaded"]


def test_refused_content_is_no_loaded_content(world):
    path = world.drop("crm/leads/a.csv", "")
    world.drop("crm/leads/b.csv", "")
    assert world.load().tables[0].refused == 2
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert world.load().tables[0].refused == 1
    assert world.load().tables[0].refused == 0
    assert [status for _, status in world.entries()] == ["refused", "refused"]


def test_rejects_are_kept_and_counted(world):
    world.drop("crm/leads/a.csv", 'id,name\n1,a\n2\n3,"open\n4,d\n5,e,f\n')
    report = world.load()
    assert world.rejects() == [
        (3, "2 values were expected, 1 were found", "2"),
        (4, "a quoted value is not closed", '3,"open'),
        (6, "2 values were expected, 3 were found", "5,e,f"),
    ]
    table = report.tables[0]
    assert (table.rows, table.rejects) == (2, 3)
    assert world.query("select row_count, reject_count from landing.files") == [(2, 3)]
    assert "3 of 5 lines" in report.notes[0]


def test_columns_appear_and_vanish(lead_world):
    world = lead_world
    world.drop("crm/leads/1.csv", "id,name\n1,a\n")
    assert world.load().drift == []
    world.drop("crm/leads/2.csv", "id,extra\n2,x\n")
    report = world.load()
    assert world.query("select id, name, extra from raw_crm.leads order by id") == [
        ("1", "a", None),
        ("2", None, "x"),
    ]
    assert [note.kind for note in report.drift] == ["new_column", "vanished_column"]
    assert report.tables[0].drift == 2
    world.drop("crm/leads/3.csv", "id,extra\n3,x\n")
    assert world.load().drift == []
    world.drop("crm/leads/4.csv", "id,name,extra\n4,b,x\n")
    world.drop("crm/leads/5.csv", "id,extra\n5,y\n")
    assert [note.detail for note in world.load().drift] == [
        "The column 'name' is not in the file; it reads as null."
    ]


def test_declared_columns_that_never_came_are_drift(lead_world):
    lead_world.drop("crm/leads/1.csv", "id\n1\n")
    assert [note.kind for note in lead_world.load().drift] == ["vanished_column"]
    lead_world.drop("crm/leads/2.csv", "id\n2\n")
    assert lead_world.load().drift == []


def test_undeclared_table_is_loaded_and_told_once(world):
    world.declared[("crm", "leads")] = DeclaredTable(("id",), ())
    world.drop("crm/users/a.csv", "id\n1\n")
    report = world.load()
    assert [(note.kind, note.source_table) for note in report.drift] == [("undeclared_table", "users")]
    assert [table.is_declared for table in report.tables] == [False]
    world.drop("crm/users/b.csv", "id\n2\n")
    assert world.load().drift == []


def test_unknown_system_is_loaded_and_told(world):
    world.drop("mystery/things/a.csv", "id\n1\n")
    report = world.load()
    assert world.query("select count(*) from raw_mystery.things") == [(1,)]
    assert any("'mystery' has no folder models/staging/mystery" in note for note in report.notes)


def test_system_that_is_off_is_not_loaded(world):
    world.drop("shop/orders/a.csv", "id\n1\n")
    world.drop("crm/leads/a.csv", "id\n1\n")
    report = world.load()
    assert [table.source_system for table in report.tables] == ["crm"]
    assert report.systems_off == ["shop"]
    assert any("'shop' has files but is off" in note for note in report.notes)


def test_system_without_files_is_told(world):
    report = world.load()
    assert any("'crm' is on but has no files" in note for note in report.notes)


def test_tables_made_ready_by_dbt_take_a_files_types(world, tmp_path):
    world.drop("crm/leads/a.csv", "id\n1\n")
    world.load()
    with duckdb.connect(str(world.settings.build_db)) as connection:
        connection.execute(
            "create table raw_crm.deals (amount varchar, note varchar, _load_id bigint, _loaded_at timestamp,"
            " _observed_at timestamp, _source_file varchar, _source_row bigint)"
        )
    duckdb.sql(f"copy (select 1.5::double as amount) to '{tmp_path / 'a.parquet'}'")
    world.drop("crm/deals/a.parquet", (tmp_path / "a.parquet").read_bytes())
    world.load()
    assert world.columns("raw_crm.deals") == {"amount": "DOUBLE", "note": "VARCHAR"}


@pytest.mark.parametrize("what", ["changed", "vanished"])
def test_file_that_moves_while_it_is_read_leaves_nothing(world, monkeypatch, what):
    path = world.drop("crm/leads/a.csv", "id\n1\n")
    world.drop("crm/leads/b.csv", "id\n2\n")
    read = loading.readers.read_csv

    def disturb(job, text):
        result = read(job, text)
        if job.file.path == path:
            path.write_text("id\n1\n9\n") if what == "changed" else path.unlink()
        return result

    monkeypatch.setattr(loading.readers, "read_csv", disturb)
    report = world.load()
    assert len([note for note in report.notes if note.startswith("crm/leads/a.csv: It ")]) == 1
    assert world.query("select id from raw_crm.leads") == [("2",)]
    assert world.entries() == [("crm/leads/b.csv", "loaded")]
    monkeypatch.undo()
    assert world.load().rows == (2 if what == "changed" else 0)


def test_file_replaced_while_it_is_read_by_one_of_its_size_and_time_is_not_believed(world, monkeypatch):
    """As rsync and ``cp -p`` do; the ledger would keep the hash of one content with rows of another."""
    path = world.drop("crm/leads/a.csv", "id\n1\n")
    read = loading.readers.read_csv

    def replaced(job, text):
        before = path.stat()
        (path.parent / ".a").write_text("id\n2\n")
        (path.parent / ".a").replace(path)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        return read(job, text)

    monkeypatch.setattr(loading.readers, "read_csv", replaced)
    assert world.load().rows == 0
    monkeypatch.undo()
    assert world.load().rows == 1
    assert world.query("select id from raw_crm.leads") == [("2",)]


def test_a_crash_between_rows_and_ledger_leaves_neither(world, monkeypatch):
    world.drop("crm/leads/a.csv", "id\n1\n2\n")
    monkeypatch.setattr(loading.ledger, "add_columns", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        world.load()
    monkeypatch.undo()
    assert world.entries() == []
    assert world.load().rows == 2
    assert world.query("select count(*) from raw_crm.leads") == [(2,)]


def test_reading_that_does_not_add_up_is_repeated_then_refused(world, monkeypatch):
    world.drop("crm/leads/a.csv", "id\n1\n2\n")
    attempts = []

    def short(job, text):
        attempts.append(job.rewrites_all)
        raise loading.IncompleteReadError

    monkeypatch.setattr(loading.readers, "read_csv", short)
    report = world.load()
    assert attempts == [False, True]
    assert "without losing rows" in report.notes[0]
    assert world.entries() == [("crm/leads/a.csv", "refused")]


def test_rewritten_reading_gives_the_same_rows(world, monkeypatch):
    world.drop("crm/leads/a.csv", 'id,name\n1,"a ""b"""\n\n2,"c\nd"\n3\n')
    real = loading.readers.read_csv

    def second_only(job, text):
        if not job.rewrites_all:
            raise loading.IncompleteReadError
        return real(job, text)

    monkeypatch.setattr(loading.readers, "read_csv", second_only)
    world.load()
    assert world.query("select id, name, _source_row from raw_crm.leads order by 1") == [
        ("1", 'a "b"', 2),
        ("2", "c\nd", 4),
    ]
    assert [line for line, *_ in world.rejects()] == [6]


def test_report_is_json(world):
    world.drop("crm/leads/a_2026-01-05.csv", "id\n1\n")
    plain = json.loads(json.dumps(world.load().to_dict()))
    assert plain["rows"] == 1
    assert plain["tables"][0]["latest_observed_at"] == "2026-01-05T00:00:00Z"
    assert plain["drift"][0]["kind"] == "undeclared_table"


def test_summaries_count_what_was_loaded(world):
    world.drop("crm/leads/a_2026-01-05.csv", "id,name\n1,a\n2\n")
    world.drop("crm/leads/b.csv", "")
    world.load()
    with duckdb.connect(str(world.settings.build_db), read_only=True) as connection:
        summary = table_summaries(connection)["crm", "leads"]
    assert (summary.files, summary.rows, summary.rejects, summary.refused, summary.drift) == (1, 1, 1, 1, 2)
    assert summary.latest_observed_at == datetime(2026, 1, 5)


def test_progress_names_no_values(world):
    said = []
    world.drop("crm/leads/a.csv", "id,email\n1,person@example.com\n")
    world.load(progress=said.append)
    assert said == ["crm.leads: file 1 of 1 (0.0 MB)"]


def test_work_of_a_killed_run_is_cleared_away(world):
    left = world.settings.build_db.parent / "spill" / "landing-left"
    left.mkdir(parents=True)
    (left / "content").write_text("x")
    world.load()
    assert list(left.parent.iterdir()) == []
