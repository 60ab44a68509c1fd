"""Whoever is forgotten stands in columns of every type, bad lines and names of files, and arrives again."""

import gzip
import hashlib
import json
import os
import sqlite3
import time
from pathlib import Path

import duckdb
import pytest

from orchestration import erasure
from orchestration.erasure import search
from orchestration.erasure.needles import Needles, needles_of
from orchestration.erasure.search import search_everywhere
from orchestration.landing.erased_names import without_forgotten
from orchestration.landing.names import literal, quoted
from orchestration.release.database import literal as literal_of_database
from orchestration.suppression import read_suppression
from tests.unit.landing.conftest import World, settings_in

FORGOTTEN, OTHER = "o'hara@firm.example.org", "bo'hara@firm.example.org"
PERSON = f"p_{hashlib.md5(f'email:{FORGOTTEN}'.encode(), usedforsecurity=False).hexdigest()[:16]}"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(settings_in(tmp_path, "crm"), tmp_path)


def _drop(world: World, said: str = "") -> None:
    """Rows that name both in a column of each type, beside a row of the other alone."""
    path = world.settings.landing / "crm" / "notes" / f"notes{said}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {
        "in_list": "[told]",
        "in_struct": "{'told': told, 'n': 1}",
        "in_both": "[{'told': [told]}]",
        "in_map": "map {told: 1}",
        "in_bytes": "encode(told)",
        "in_struct_of_bytes": "{'told': encode(told)}",
        "in_json": "to_json({'told': told})",
    }
    rows = [
        f"select '{column}' as kind, {literal(said)} as said, {value} as {column}"
        f" from (select {literal(f'ask {told} é')} as told)"
        for column, value in values.items()
        for told in (FORGOTTEN, OTHER)
    ]
    duckdb.execute(f"copy ({' union all by name '.join(rows)}) to '{path}'")
    world.drop(
        f"crm/words/words{said}.csv",
        "_2nd_email,told\n"
        f"{FORGOTTEN},by o%27hara%40firm.example.org\n"
        f"{OTHER},bo&#x27;hara@firm.example.org knows {PERSON} and {PERSON}0{said}\n",
    )
    world.drop(f"crm/lines/lines{said}.csv", f'a,b\n1,2\n"{PERSON} is it,3\n{said}')
    world.drop(
        f"crm/words/export_O%27Hara@firm.example.org{said}.csv", f"_2nd_email,told\nx@y.example,{said}\n"
    )


def _assert_only_the_other_is_there(world: World, said: str) -> None:
    kinds = world.query(f"select kind, count(*) from raw_crm.notes where said = '{said}' group by all")
    # What became text is cleaned in the person's rows; of other values the row goes.
    assert dict(kinds) == {
        kind: 2 if kind in ("in_struct", "in_both", "in_struct_of_bytes") else 1 for kind, _ in kinds
    }
    assert len(kinds) == 7
    words = world.query(
        f"select * exclude (_loaded_at) from raw_crm.words where _source_file like '%words{said}%'"
    )
    told = [row[:2] for row in words]
    assert len(told) == 1
    assert told[0][0] == OTHER and told[0][1].startswith("bo&#x27;hara@firm.example.org knows ")
    files = [path for path, _ in world.entries() if "export" in path and path.endswith(f"{said}.csv")]
    assert len(files) == 1 and "hara" not in files[0].lower()
    needles = needles_of({f"email:{FORGOTTEN}"}, {PERSON}, ())
    assert search_everywhere(world.settings, needles).found_in == []


def test_forgotten_stand_in_no_column_of_any_type_and_do_not_come_back(world: World) -> None:
    _drop(world, "_a")
    world.load()
    assert search_everywhere(world.settings, needles_of({f"email:{FORGOTTEN}"}, {PERSON}, ())).found_in
    certificate = erasure.forget(world.settings, erasure.email_key(FORGOTTEN))
    assert certificate.content["raw_rows"] == {"crm.notes": 4, "crm.words": 1}
    assert certificate.content["cleaned_values"] == 4
    assert certificate.content["raw_lines"] == {"crm.lines": 1}
    _assert_only_the_other_is_there(world, "_a")
    told = world.query("select told from raw_crm.words where told like '%knows%'")
    assert told == [(f"bo&#x27;hara@firm.example.org knows (erased) and {PERSON}0_a",)]

    _drop(world, "_b")
    world.load()
    assert read_suppression(world.settings)
    kept = world.query("select count(*) from raw_crm.notes where said = '_b'")
    assert kept == [(10,)]


def test_type_that_an_earlier_version_kept_loses_the_address_and_no_row(world: World) -> None:
    world.drop("crm/votes/votes.csv", "poll,votes\n1,\n2,\n")
    world.load()
    kind = f'STRUCT("{FORGOTTEN}" INTEGER, b VARCHAR)'
    with duckdb.connect(str(world.settings.build_db)) as connection:
        connection.execute(f"alter table raw_crm.votes alter column votes set data type {kind} using null")
        connection.execute(
            f"update raw_crm.votes set votes = row(case poll when '1' then 1 end, {literal(OTHER)})::{kind}"
        )
        connection.execute(
            "update landing.columns set data_type = (select data_type from duckdb_columns()"
            " where column_name = 'votes') where column_name = 'votes'"
        )
    certificate = erasure.forget(world.settings, erasure.email_key(FORGOTTEN))
    assert (certificate.content["raw_rows"], certificate.content["cleaned_values"]) == ({}, 2)
    assert world.columns("raw_crm.votes")["votes"] == "VARCHAR"
    assert world.query("select data_type from landing.columns where column_name = 'votes'") == [("VARCHAR",)]
    assert world.query("select poll, votes from raw_crm.votes order by poll") == [
        ("1", f'{{"(erased)":1,"b":"{OTHER}"}}'),
        ("2", f'{{"(erased)":null,"b":"{OTHER}"}}'),
    ]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_forgotten_names_no_column_of_a_file_that_comes_later(world: World, ending: str) -> None:
    erasure.forget(world.settings, erasure.email_key(FORGOTTEN))
    ours, others = f"votes of {FORGOTTEN}", f"votes of {OTHER}"
    for number, columns in enumerate(([others, ours, "c"], ["c", "d", ours])):
        path = world.drop(f"crm/polls/{number}.{ending}", "")
        values = [f"{place}{number}" for place in range(len(columns))]
        if ending == "csv":
            path.write_text(f"{','.join(columns)}\n{','.join(values)}\n")
        elif ending == "jsonl":
            path.write_text(json.dumps(dict(zip(columns, values, strict=True))) + "\n")
        else:
            told = ", ".join(
                f"{literal(value)} as {quoted(column)}" for value, column in zip(values, columns, strict=True)
            )
            duckdb.execute(f"copy (select {told}) to '{path}'")
    assert world.load().rows == 2
    needles = needles_of({f"email:{FORGOTTEN}"}, {PERSON}, ())
    assert search_everywhere(world.settings, needles).found_in == []
    names = world.query("select column_name, original_name from landing.columns order by rowid")
    assert [(name, "(erased-" in original) for name, original in names] == [
        ("votes_of_bo_hara_firm_example_org", False),
        ("column_2", True),
        ("c", False),
        ("d", False),
    ]
    values = "votes_of_bo_hara_firm_example_org, column_2, c, d"
    assert world.query(f"select {values} from raw_crm.polls order by _source_file") == [
        ("00", "10", "20", None),
        (None, "21", "01", "11"),
    ]


def test_forgotten_lose_the_column_that_was_named_after_them(world: World) -> None:
    header, row = f"a,votes of {FORGOTTEN},votes of {OTHER},column_2\n", "{0}1,{0}2,{0}3,{0}4\n"
    world.drop("crm/polls/1.csv", header + row.format("x"))
    world.load()
    assert "votes_of_o_hara_firm_example_org" in world.columns("raw_crm.polls")
    erasure.forget(world.settings, erasure.email_key(FORGOTTEN))
    world.drop("crm/polls/2.csv", header + row.format("y"))
    world.load()
    columns = [name for name in world.columns("raw_crm.polls") if not name.startswith("_")]
    assert columns == ["a", "column_2_2", "votes_of_bo_hara_firm_example_org", "column_2"]
    assert world.query(f"select {', '.join(columns)} from raw_crm.polls order by a") == [
        ("x1", "x2", "x3", "x4"),
        ("y1", "y2", "y3", "y4"),
    ]
    listed = world.query("select column_name from landing.columns order by rowid")
    assert [name for (name,) in listed] == columns
    assert not world.query("from landing.drift where kind = 'new_column' and detail like '%column_2_2%'")


def test_capital_that_is_two_letters_in_lower_case_is_forgotten(world: World) -> None:
    world.drop(
        "crm/words/words.csv",
        "told\n\u0130nci@firm.example.org\nINCI@FIRM.example.org\ninca@firm.example.org\n",
    )
    world.load()
    erasure.forget(world.settings, erasure.email_key("\u0130nci@firm.example.org"))
    assert world.query("select told from raw_crm.words") == [("inca@firm.example.org",)]


def test_names_of_files_keep_others_and_differ(world: World) -> None:
    erasure.forget(world.settings, f"email:{FORGOTTEN}")
    suppression = read_suppression(world.settings)
    names = [
        "crm/words/o'hara@firm.example.org.csv",
        "crm/words/O'HARA@firm.example.org.csv",
        "crm/words/o%27hara%40firm.example.org.csv",
        "crm/words/o&#39;hara@firm.example.org-2026-01-01.csv.gz",
        "crm/o'hara@firm.example.org/all.csv",
        "crm/words/export_o'hara@firm.example.org_all.csv",
    ]
    kept = [without_forgotten(name, suppression) for name in names]
    assert len({*kept}) == len(names) and not any("hara" in name.lower() for name in kept)
    assert [without_forgotten(name, suppression) for name in kept] == kept
    for other in ("j.o'hara@firm.example.org", "bo%27hara@firm.example.org", "o'hara@firm.example.organ"):
        assert without_forgotten(f"crm/words/{other}.csv", suppression) == f"crm/words/{other}.csv"


def _search(world: World, *addresses: str) -> list[str]:
    needles = Needles(frozenset(addresses), frozenset(), frozenset())
    return [path.name for path in search_everywhere(world.settings, needles).found_in]


def test_pieces_of_a_file_end_between_words(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_BLOCK_BYTES", 64)
    folder = world.settings.warehouse / "quality"
    folder.mkdir(parents=True)
    for shift in range(70):
        text = "." * shift + " an@x.example j.bn@x.example cn@x.example.org "
        (folder / f"{shift}.log").write_text(text * 3)
    assert _search(world, "bn@x.example", "cn@x.example") == []
    assert len(_search(world, "an@x.example")) == 70


def test_short_addresses_are_not_taken_for_parts_of_packed_bytes(world: World) -> None:
    folder = world.settings.warehouse / "quality"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "kept.duckdb")) as database:
        database.execute("create table kept as select 'a@x.test.example' as told from range(5000)")
    (folder / "kept.log.gz").write_bytes(gzip.compress(os.urandom(3_000_000).hex().encode()))
    assert _search(world, "a@x.test", "q@z", "z@q") == []
    with duckdb.connect(str(folder / "kept.duckdb")) as database:
        database.execute("insert into kept values ('ask a@x.test')")
    with gzip.open(folder / "other.log.gz", "wt") as file:
        file.write("ask a@x.test")
    assert sorted(_search(world, "a@x.test")) == ["kept.duckdb", "other.log.gz"]


def test_values_of_sqlite_are_read_one_by_one(world: World) -> None:
    folder = world.settings.warehouse / "state"
    folder.mkdir(parents=True)
    with sqlite3.connect(folder / "kept.db") as database:
        database.execute("create table kept (one text, two text)")
        database.execute("insert into kept values ('j', 'an@firm.example.org')")
    assert _search(world, "an@firm.example.org") == ["kept.db"]


@pytest.mark.parametrize("write", [literal, literal_of_database])
def test_text_with_a_nul_character_can_be_written_in_a_statement(write: object) -> None:
    told = "o'hara\0@firm.example.org"
    assert callable(write)
    assert duckdb.execute(f"select {write(told)}").fetchall() == [(told,)]


def test_many_rows_are_searched_and_cleaned_in_time(tmp_path: Path) -> None:
    needles = needles_of({f"email:{FORGOTTEN}", "email:person77@firm.example.org"}, {PERSON}, ())
    with duckdb.connect(str(tmp_path / "held.duckdb")) as connection:
        connection.execute(
            "create table held as select 'person' || n || '@firm.example.org' as email,"
            " case when n % 10 = 0 then 'asked colleague' || n || '@firm.example.org, see https://x.example/?e=a%40b'"
            " end as told, {'id': n, 'mail': 'm' || n || '@x.example'} as nested from range(200000) as r(n)"
        )
        started = time.process_time()
        asked = needles.in_sql(connection)
        types = {"email": "VARCHAR", "told": "VARCHAR", "nested": "STRUCT(id BIGINT, mail VARCHAR)"}
        found = connection.execute(f"select count(*) from held where {asked.any_condition(types)}").fetchall()
        connection.execute(
            f"create table kept as select {asked.without('email', 'VARCHAR')} as email,"
            f" {asked.without('told', 'VARCHAR')} as told from held"
        )
        seconds = time.process_time() - started
        cleaned = connection.execute("select count(*) from kept where email = '(erased)'").fetchall()
    assert found == cleaned == [(1,)]
    assert seconds < 20
