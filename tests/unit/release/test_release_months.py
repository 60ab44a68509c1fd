"""Months that releases share: when a file is shared, what binds it to its audit, when it goes."""

import json
import os
import re
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import LeadproofError
from orchestration.release import (
    Candidate,
    Release,
    apply_retention,
    current_release,
    open_release,
    read_candidate,
    rollback,
    seal_record,
    write_candidate,
)
from orchestration.release.database import row_sums
from orchestration.release.months import months_of, view_text, write_months
from orchestration.settings import Settings
from tests.fixtures.release_world import (
    CLOSED_TOUCHES,
    MONTH_COLUMNS,
    build_id_of,
    generation_of,
    leftovers_of,
    make_build_db,
    make_candidate,
    make_release,
    make_settings,
    moment_of,
    publish_candidate,
    unneeded_of,
    write_audit,
)

CLOSED_MONTHS = [f"2025-{month:02d}" for month in range(1, 11)]


@pytest.fixture
def settings(tmp_path) -> Settings:
    return make_settings(tmp_path, shared_from_rows=100)


def test_rows_that_differ_in_anything_have_other_sums() -> None:
    texts = ["", "a", "1", "12", "/promo/0/item-08/index.html", "/promo/9/item-03/index.html"]
    written = ", ".join(["(null)", *(f"('{text}')" for text in texts)])
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            create table rows as
            select *, row_number() over ()::integer as part
            from (values {written}) as one(first_text), (values {written}) as other(second_text),
                (values (null), (false), (true)) as flags(flag), (values (null), (0), (1)) as counts(number),
                (values (null), (0.0::double), (1.0)) as measures(measure),
                (values (null), (timestamp '2025-01-01'), (timestamp '2025-01-02')) as moments(moment)
            """
        )
        columns = [
            (name, data_type, True, None)
            for name, data_type, *_ in connection.execute("describe rows").fetchall()
            if name != "part"
        ]
        sums = row_sums(connection, "rows", columns, "part")
    assert len(sums) == 7 * 7 * 3**4
    assert len({(each.exclusive_or, each.total) for each in sums.values()}) == len(sums)


def _files(release: Release) -> dict[str, Path]:
    return {path.name.rsplit("-", 2)[0]: path for path in release.path.glob("marts/touches/*")}


def _inodes(release: Release) -> dict[str, int]:
    return {month: path.stat().st_ino for month, path in _files(release).items()}


def _rewrite(settings: Settings, number: int, change: str) -> Candidate:
    make_build_db(settings, number)
    with duckdb.connect(settings.build_db) as database:
        database.execute(change)
    candidate = write_candidate(
        settings, build_id=build_id_of(number), as_of=moment_of(number), month_columns=MONTH_COLUMNS
    )
    return candidate


def _shared(settings: Settings, month: str) -> Path:
    (found,) = settings.shared.glob(f"touches/{month}-*.parquet")
    return found


def _damage(path: Path) -> None:
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    path.chmod(0o444)


# -- what is shared ---------------------------------------------------------------------------------


def test_months_that_have_not_changed_are_the_same_files_on_the_disk(settings):
    first, second = _inodes(make_release(settings, 1)), _inodes(make_release(settings, 2))

    assert sorted(first) == [*CLOSED_MONTHS, "2026-01", "undated"]
    assert {month for month in first if first[month] == second[month]} == {*CLOSED_MONTHS, "undated"}


def test_a_short_first_month_does_not_make_a_mart_look_short(settings):
    # DuckDB expects a thousand rows of any file, so there must be more.
    candidate = _rewrite(
        settings,
        1,
        "insert into marts.touches select touches.* from marts.touches, range(200);"
        " insert into marts.touches by name select * replace (date '2024-12-31' as occurred_at)"
        " from marts.touches limit 1",
    )
    with duckdb.connect(candidate.path, read_only=True) as database:
        ((_, plan),) = database.execute("explain (format json) select touch_id from marts.touches").fetchall()
    (expected,) = {int(found) for found in re.findall(r'"Estimated Cardinality": "(\d+)"', plan)}
    assert 0.5 < expected / candidate.row_counts["touches"] < 2


def test_nothing_is_written_of_a_table_that_has_not_changed(settings, monkeypatch):
    make_release(settings, 1)
    written = []
    monkeypatch.setattr(
        "orchestration.release.shared.write_months",
        lambda *arguments: written.append(arguments[5]) or write_months(*arguments),
    )

    _rewrite(settings, 2, "update marts.touches set generation = 1 where generation = 2")

    assert written == [[]]


def test_release_holds_every_row_and_description_of_the_build(settings):
    release = make_release(settings, 1)

    with duckdb.connect(settings.build_db, read_only=True) as build:
        built = build.execute("select * from marts.touches order by all").fetchall()
    with open_release(settings) as connection:
        found = connection.execute("select * from marts.touches order by all").fetchall()
        comments = connection.execute(
            "select comment from duckdb_views() where view_name = 'touches' union all "
            "select comment from duckdb_columns() where table_name = 'touches' and comment is not null"
        ).fetchall()
    parquet = duckdb.sql(f"select * from '{release.path}/marts/touches/*.parquet' order by all").fetchall()

    assert found == built == parquet
    assert len(built) == release.row_counts["touches"] == 200 + CLOSED_TOUCHES
    assert comments == [("One row per touch.",), ("The touch.",)]


def test_digest_of_a_table_is_the_same_by_month_as_in_one_piece(settings, tmp_path):
    make_build_db(settings, 1)
    arguments = {"build_id": build_id_of(1), "as_of": moment_of(1), "month_columns": MONTH_COLUMNS}
    by_month = write_candidate(settings, **arguments)
    in_one = write_candidate(make_settings(tmp_path), **arguments)

    assert set(by_month.months) == {"touches"}
    assert in_one.months == {}
    assert by_month.digests == in_one.digests


def test_unchanged_months_are_not_read(settings, monkeypatch):
    make_build_db(settings, 1)
    arguments = {"as_of": moment_of(1), "month_columns": MONTH_COLUMNS}
    first = write_candidate(settings, build_id=build_id_of(1), **arguments)
    with duckdb.connect(settings.build_db) as database:
        database.execute("update marts.touches set generation = 2 where month(occurred_at) = 3")
    read = []
    monkeypatch.setattr(
        "orchestration.release.months.row_sums",
        lambda *words, **more: read.append(row_sums(*words, **more)) or read[-1],
    )
    unchanged = {month: sums for month, sums in first.month_sums["touches"].items() if month != 202503}
    second = write_candidate(
        settings, build_id=build_id_of(2), unchanged_months={"touches": unchanged}, **arguments
    )

    assert [*read[0]] == [202503]
    assert second.digests["touches"] != first.digests["touches"]
    assert second.month_sums["touches"].items() >= unchanged.items()
    whole = write_candidate(settings, build_id=build_id_of(3), **arguments)
    assert whole.digests == second.digests
    assert whole.months == second.months


def test_months_are_read_after_all_where_rows_are_missing_from_them(settings):
    make_build_db(settings, 1)
    arguments = {"as_of": moment_of(1), "month_columns": MONTH_COLUMNS}
    first = write_candidate(settings, build_id=build_id_of(1), **arguments)
    with duckdb.connect(settings.build_db) as database:
        database.execute("delete from marts.touches where month(occurred_at) = 3")
    second = write_candidate(
        settings, build_id=build_id_of(2), unchanged_months=first.month_sums, **arguments
    )

    assert 202503 not in second.month_sums["touches"]
    assert second.digests == write_candidate(settings, build_id=build_id_of(3), **arguments).digests


def test_table_of_fewer_rows_lies_in_the_database(tmp_path):
    settings = make_settings(tmp_path, shared_from_rows=201)
    release = make_release(settings, 1)

    assert (release.path / "marts" / "touches.parquet").is_file()
    assert not settings.shared.exists()


def test_table_that_grows_past_the_limit_is_shared_from_then_on(tmp_path):
    settings = make_settings(tmp_path, shared_from_rows=201)
    make_release(settings, 1)

    assert sorted(_files(make_release(settings, 2, touches=201))) == [*CLOSED_MONTHS, "2026-01", "undated"]
    assert generation_of(settings.current / "leadproof.duckdb") == {2}


def test_long_table_without_months_lies_in_one_file(tmp_path):
    settings = make_settings(tmp_path, shared_from_rows=1)
    first, second = make_release(settings, 1), make_release(settings, 2)
    changed = [*first.path.glob("marts/people/*"), *second.path.glob("marts/people/*")]

    assert [path.name.rsplit("-", 2)[0] for path in changed] == ["all", "all"]
    assert changed[0].name != changed[1].name
    assert generation_of(settings.current / "leadproof.duckdb") == {2}
    with open_release(settings, first.release_id) as connection:
        assert connection.execute("select generation, count(*) from marts.people group by 1").fetchall() == [
            (1, 50)
        ]


def test_column_of_another_type_asks_for_new_files(settings):
    before = _inodes(make_release(settings, 1))
    _rewrite(settings, 2, "alter table marts.touches alter generation type bigint")

    assert {path.stat().st_ino for path in settings.shared.glob("touches/*")} & {*before.values()} != set()
    assert not {path.stat().st_ino for path in read_candidate(settings, build_id_of(2)).shared_files} & {
        *before.values()
    }


def test_column_that_parquet_cannot_hold_is_refused(settings):
    with pytest.raises(LeadproofError, match="did not come back from its Parquet file"):
        _rewrite(settings, 1, "alter table marts.touches alter generation type hugeint")

    assert leftovers_of(settings) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda sums: replace(sums, quick=sums.quick + 1),
        lambda sums: replace(sums, rows=sums.rows + 1),
        lambda sums: replace(sums, exclusive_or=sums.exclusive_or ^ 1, total=sums.total + 1, quick=None),
    ],
    ids=["quick sum", "rows", "no quick sum was taken"],
)
def test_file_that_does_not_give_back_what_was_read_is_refused(settings, monkeypatch, change):
    def read_otherwise(*arguments):
        first, *others = months_of(*arguments)
        return [replace(first, sums=change(first.sums)), *others]

    monkeypatch.setattr("orchestration.release.shared.months_of", read_otherwise)
    with pytest.raises(LeadproofError, match="Month undated did not come back"):
        make_release(settings, 1)

    assert leftovers_of(settings) == []


def test_months_are_written_in_several_passes_where_memory_is_short(tmp_path):
    # Room for two months at a time: threads times rows of a row group times four columns of 16 bytes.
    settings = make_settings(tmp_path, shared_from_rows=100, memory_limit="32MB")

    assert len(_files(make_release(settings, 1))) == 12
    assert generation_of(settings.current / "leadproof.duckdb") == {1}


def test_sharing_goes_on_after_a_rollback(settings):
    first = make_release(settings, 1)
    second = make_release(settings, 2)
    rollback(settings, first.release_id)

    third = _inodes(make_release(settings, 3))

    assert {month: third[month] for month in CLOSED_MONTHS} == {
        month: _inodes(second)[month] for month in CLOSED_MONTHS
    }


# -- what binds a month to its audit ----------------------------------------------------------------


@pytest.mark.parametrize("month", ["2026-01", "2025-03"], ids=["a new month", "a shared month"])
@pytest.mark.parametrize("damage", ["other bytes", "missing"])
def test_candidate_whose_month_is_not_the_audited_one_is_refused(settings, month, damage):
    make_release(settings, 1)
    candidate = make_candidate(settings, 2)
    path = next(path for path in candidate.shared_files if path.name.startswith(month))
    if damage == "missing":
        path.unlink()
    else:
        _damage(path)

    sentence = (
        "a month of the candidate, is missing" if damage == "missing" else "has changed since the audit"
    )
    with pytest.raises(LeadproofError, match=sentence):
        publish_candidate(settings, 2)

    assert current_release(settings).build_id == build_id_of(1)
    assert publish_again(settings).build_id == build_id_of(3)
    assert generation_of(settings.current / "leadproof.duckdb") == {3}


def publish_again(settings: Settings) -> Release:
    """The next build mends what is damaged, without anybody's help."""
    make_candidate(settings, 3)
    return publish_candidate(settings, 3)


def test_candidate_that_names_other_months_than_were_audited_is_refused(settings):
    candidate = make_candidate(settings, 1)
    note = json.loads((candidate.folder / "candidate.json").read_text(encoding="utf-8"))
    del note["tables"]["touches"]["months"][0]
    (candidate.folder / "candidate.json").write_text(json.dumps(note), encoding="utf-8")
    seal_record(settings, candidate.folder / "candidate.json")

    with pytest.raises(LeadproofError, match="has changed since the audit"):
        publish_candidate(settings, 1)


def test_view_over_other_files_than_the_audited_ones_is_refused(settings, monkeypatch):
    make_candidate(settings, 1)
    monkeypatch.setattr(
        "orchestration.release.publication.view_text",
        lambda *names: "create view" if names[2] == "touches" else view_text(*names),
    )

    with pytest.raises(LeadproofError, match=r"marts\.touches differs from the audited table"):
        publish_candidate(settings, 1)

    assert not settings.current.exists()


def test_rows_that_no_audit_has_passed_are_closed_to_other_accounts(settings):
    umask = os.umask(0)
    try:
        candidate = make_candidate(settings, 1)
    finally:
        os.umask(umask)
    before = {stat.S_IMODE(path.stat().st_mode) for path in candidate.shared_files}
    publish_candidate(settings, 1)

    assert before == {0o400}
    assert {stat.S_IMODE(path.stat().st_mode) for path in candidate.shared_files} == {0o444}


@pytest.mark.parametrize("damage", ["shorter", "other bytes", "missing", "missing where views look"])
def test_rollback_to_a_release_with_a_damaged_month_is_refused(settings, damage):
    first, second = make_release(settings, 1), make_release(settings, 2)
    path = _files(first)["2026-01"]
    path.parent.chmod(0o755)
    if damage == "missing":
        path.unlink()
    elif damage == "missing where views look":
        (settings.shared / "touches" / path.name).unlink()
    elif damage == "shorter":
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-1])
    else:
        _damage(path)

    with pytest.raises(LeadproofError, match=rf"{first.release_id} is damaged: .*{path.name}"):
        rollback(settings, first.release_id)

    assert current_release(settings) == second


def test_damaged_month_is_not_shared_on(settings, caplog):
    make_release(settings, 1)
    _damage(_shared(settings, "2025-03"))

    second = make_release(settings, 2)

    assert "is written anew" in caplog.text
    assert rollback(settings, second.release_id).is_current
    assert generation_of(settings.current / "leadproof.duckdb") == {2}


def test_manifest_that_calls_a_file_by_another_content_leads_nobody_astray(settings):
    release = make_release(settings, 1)
    path = release.path / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    months = {month["month"]: month for month in manifest["tables"]["touches"]["months"]}
    for key in ("file", "sha256", "size_bytes"):
        months["2025-02"][key] = months["2025-03"][key]
    path.chmod(0o644)
    path.write_text(json.dumps(manifest), encoding="utf-8")

    make_release(settings, 2)

    assert generation_of(settings.current / "leadproof.duckdb") == {2}
    with open_release(settings) as connection:
        assert connection.execute("select count(distinct touch_id) from marts.touches").fetchone() == (500,)


# -- when a file goes -------------------------------------------------------------------------------


def test_retired_release_takes_only_what_nobody_else_holds(settings):
    make_release(settings, 1)
    make_release(settings, 2)
    open_months = sorted(settings.shared.glob("touches/2026-01-*"))
    assert len(open_months) == 2

    apply_retention(settings, keep=1)

    assert len(list(settings.shared.glob("touches/2026-01-*"))) == 1
    assert len(list(settings.shared.glob("touches/2025-*"))) == 10
    assert {stat.S_IMODE(path.stat().st_mode) for path in settings.shared.glob("touches/*")} == {0o444}
    assert unneeded_of(settings) == []
    assert generation_of(settings.current / "leadproof.duckdb") == {2}


def test_candidate_keeps_its_months_while_it_waits_for_its_audit(settings):
    make_release(settings, 1)
    make_release(settings, 2)
    make_candidate(settings, 3)

    apply_retention(settings, keep=1)

    assert publish_candidate(settings, 3).is_current
    assert leftovers_of(settings) == []


def test_blocked_candidates_do_not_pile_up(settings):
    make_release(settings, 1)
    for number in (2, 3, 4):
        make_candidate(settings, number)

    assert len(list(settings.shared.glob("touches/2026-01-*"))) == 2


def test_release_without_a_readable_manifest_keeps_its_months(settings):
    first = make_release(settings, 1)
    months = _files(first)
    (first.path / "manifest.json").chmod(0o644)
    (first.path / "manifest.json").write_text("{", encoding="utf-8")

    make_candidate(settings, 2)

    assert all((settings.shared / "touches" / path.name).is_file() for path in months.values())


def test_open_connection_whose_release_was_removed_fails_rather_than_reading_less(settings):
    make_release(settings, 1)
    with duckdb.connect(settings.current / "leadproof.duckdb", read_only=True) as connection:
        make_release(settings, 2)
        apply_retention(settings, keep=1)

        assert connection.execute("select count(*) from marts.people").fetchone() == (50,)
        with pytest.raises(duckdb.IOException, match="No files found"):
            connection.execute("select count(*) from marts.touches").fetchall()
        with pytest.raises(duckdb.IOException, match="No files found"):
            connection.execute("select 1 from marts.touches where occurred_at < '2025-02-01'").fetchall()


# -- file systems and paths -------------------------------------------------------------------------


def test_file_system_without_hard_links_gets_copies(settings, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    first, second = make_release(settings, 1), make_release(settings, 2)

    assert generation_of(settings.current / "leadproof.duckdb") == {2}
    assert rollback(settings, first.release_id).is_current
    apply_retention(settings, keep=1)
    assert rollback(settings, second.release_id).is_current
    _damage(_shared(settings, "2025-03"))
    with pytest.raises(LeadproofError, match="is damaged"):
        rollback(settings, first.release_id)


def test_moved_warehouse_says_what_to_do_and_shares_on(settings, tmp_path):
    make_release(settings, 1)
    moved = make_settings(tmp_path / "elsewhere", shared_from_rows=100)
    moved.warehouse.parent.mkdir()
    shutil.move(settings.warehouse, moved.warehouse)

    with pytest.raises(LeadproofError, match="looks for its months in") as refusal:
        open_release(moved)
    assert "symbolic link" in refusal.value.hint
    with pytest.raises(LeadproofError, match="looks for its months in"):
        rollback(moved, current_release(moved).release_id)

    settings.warehouse.symlink_to(moved.warehouse)
    assert generation_of(moved.current / "leadproof.duckdb") == {1}
    settings.warehouse.unlink()
    before = _inodes(current_release(moved))
    after = _inodes(make_release(moved, 2))
    assert generation_of(moved.current / "leadproof.duckdb") == {2}
    assert before["2025-03"] == after["2025-03"]


def test_views_name_the_files_as_readers_reach_them(tmp_path):
    mounted = tmp_path / "as readers' containers see it"
    settings = make_settings(tmp_path, shared_from_rows=100, reader_path=mounted)
    make_build_db(settings, 1)
    with pytest.raises(LeadproofError, match=r"LEADPROOF_READER_PATH is .* does not lead to the warehouse"):
        write_candidate(settings, build_id=build_id_of(1), as_of=moment_of(1), month_columns=MONTH_COLUMNS)

    mounted.symlink_to(settings.warehouse)
    make_release(settings, 1)

    with open_release(settings) as connection:
        (text,) = connection.execute("select sql from duckdb_views() where view_name = 'touches'").fetchone()
        assert connection.execute("select count(*) from marts.touches").fetchone() == (500,)
    assert str(mounted).replace("'", "''") in text
    assert str(settings.warehouse) not in text


def test_candidate_is_named_by_its_months_too(settings):
    candidate = make_candidate(settings, 1)
    record = json.loads(write_audit(settings, candidate).read_text(encoding="utf-8"))

    from orchestration.digests import sha256_of, sha256_with_shared

    shared = {f"touches/{path.name}": sha256_of(path) for path in candidate.shared_files}
    assert record["candidate_sha256"] == sha256_with_shared(sha256_of(candidate.path), shared)
    assert candidate.sha256 != sha256_of(candidate.path)
