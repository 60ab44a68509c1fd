"""What is found of a person in bytes, and what only looks like it."""

import gzip
import json
import re
import sqlite3
import time
from pathlib import Path

import duckdb
import pytest

from orchestration import erasure
from orchestration.erasure.files import redact_file
from orchestration.erasure.needles import needles_of
from orchestration.erasure.run import contact_key
from orchestration.errors import LeadproofError

PERSON, STRANGER = "p_0123456789abcdef", "p_fedcba9876543210"
NEEDLES = needles_of({"email:o'hara@firm.example", "contact:crm:7"}, {PERSON}, {"crm:t-1"})


@pytest.mark.parametrize(
    "told",
    [
        "O'Hara@Firm.example",
        "<o&#x27;hara@firm.example>",
        "?e=o%27hara%40firm.example&x",
        "mail o'hara@firm.example.",
        PERSON,
        "keys: crm:t-1|crm:t-2",
        "The last one is crm:t-1.",
        f'{{"trace": "line\\n{PERSON}"}}',
    ],
)
def test_needle_is_found_however_it_is_written(told: str) -> None:
    cleaned, count = NEEDLES.replaced(told.encode())
    assert count == 1 and len(cleaned) == len(told.encode())
    assert NEEDLES.replaced(cleaned)[1] == 0


@pytest.mark.parametrize(
    "told",
    [
        "bo'hara@firm.example",
        "o'hara@firm.example.test",
        STRANGER,
        f"{PERSON}0",
        "crm:t-12",
    ],
)
def test_somebody_else_is_left_alone(told: str) -> None:
    assert NEEDLES.replaced(told.encode()) == (told.encode(), 0)


TOUCHES = needles_of(
    (), (), {"crm:T 1", "crm:T\u00e9", "crm:T|1", "crm:T&1", "crm:T1", "crm:T", "crm:urn:x/1"}
)


@pytest.mark.parametrize(
    ("told", "rest"),
    [
        (json.dumps({"failing_keys": ["crm:T 1"]}), '{"failing_keys": ["*"]}'),
        (json.dumps("crm:T\u00e9"), '"*"'),
        (json.dumps(json.dumps("crm:T\u00e9")), '"\\"*\\""'),
        ("crm:T\u00e9 here", "* here"),
        ("crm:T|1", "*"),
        ("<td>crm:T&amp;1</td>", "<td>*</td>"),
        ('"crm:T\\u00261"', '"*"'),
        *((f"crm:T1{sign}", f"*{sign}") for sign in "!?/#*.:…"),
        ("/touch/crm:T1/told", "/touch/*/told"),
        ("crm%3AT1&x", "*&x"),
        ("line\\ncrm:T1", "line\\n*"),
        ("\x1b[31mcrm:T1\x1b[0m", "\x1b[31m*\x1b[0m"),
        ("crm:urn:x/1|crm:T", "*|*"),
    ],
)
def test_touch_is_found_whatever_its_id_holds_and_however_it_is_written(told: str, rest: str) -> None:
    cleaned, count = TOUCHES.replaced(told.encode())
    assert count == told.count("crm") and len(cleaned) == len(told.encode())
    assert re.sub(r"\(erased\)\**|\*{5,}", "*", cleaned.decode()).replace("**", "*") == rest.replace(
        "**", "*"
    )
    assert TOUCHES.replaced(cleaned) == (cleaned, 0)


@pytest.mark.parametrize(
    "told",
    [
        "crm:T12",
        "crm:T1-2",
        "crm:T1.5",
        "crm:T1\u00e8",
        "crm:T1\\u00e8",
        "xcrm:T1",
        "crm:Tx",
        "crm:T_1",
        "crm:T&#232;",
    ],
)
def test_touch_of_somebody_else_is_left_alone(told: str) -> None:
    assert TOUCHES.replaced(told.encode()) == (told.encode(), 0)


def test_touches_are_looked_for_in_time_that_grows_with_the_text() -> None:
    needles = needles_of((), (), {f"crm:{number:0{4 + number % 40}d}" for number in range(5_000)})
    started = time.process_time()
    assert needles.replaced(b"crm:x " * 200_000)[1] == 0
    assert needles.replaced(b"crm:0" + b"-" * 1_000_000)[1] == 0
    assert time.process_time() - started < 10


def test_files_of_every_kind_are_cleaned_and_keep_their_shape(tmp_path: Path) -> None:
    text = tmp_path / "page.html"
    text.write_text(f"<td>{PERSON}</td><td>{STRANGER}</td>")
    text.chmod(0o444)
    packed = tmp_path / "run.log.gz"
    packed.write_bytes(gzip.compress(b"bad value o'hara@firm.example in row 3"))
    parquet = tmp_path / "history.parquet"
    duckdb.execute(f"copy (select ['{PERSON}', '{STRANGER}'] as keys, 3 as n) to '{parquet}'")
    events = tmp_path / "events.db"
    with sqlite3.connect(events) as database:
        database.execute("create table events (id integer primary key, told text)")
        told = json.dumps({"keys": [PERSON, STRANGER]})
        database.executemany("insert into events (told) values (?)", [(told,)] * 50)
    for path in (text, packed, parquet, events):
        assert redact_file(path, NEEDLES), path
        assert not redact_file(path, NEEDLES), path
    assert STRANGER in text.read_text() and text.stat().st_mode & 0o777 == 0o444
    assert gzip.decompress(packed.read_bytes()).endswith(b"in row 3")
    assert duckdb.execute(f"select keys, n from '{parquet}'").fetchall() == [(["(erased)", STRANGER], 3)]
    assert PERSON.encode() not in events.read_bytes()
    with sqlite3.connect(events) as database:
        assert {STRANGER in row[0] for row in database.execute("select told from events")} == {True}


def test_pages_that_sqlite_no_longer_uses_are_cleaned(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with sqlite3.connect(path) as database:
        database.execute("pragma secure_delete = off")
        database.execute("create table told (id integer primary key, text text)")
        database.executemany("insert into told (text) values (?)", [(f"ask {PERSON} again",), ("other",)])
        database.execute("delete from told where id = 1")
    assert PERSON.encode() in path.read_bytes()
    assert redact_file(path, NEEDLES)
    assert PERSON.encode() not in path.read_bytes()


def test_log_of_an_open_sqlite_database_keeps_the_rows_of_others(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    writing = sqlite3.connect(path, isolation_level=None)
    writing.execute("pragma journal_mode = wal")
    writing.execute("pragma wal_autocheckpoint = 0")
    writing.execute("create table told (id integer primary key, text text)")
    writing.execute("insert into told (text) values (?)", (PERSON,))
    writing.execute("update told set text = 'nobody'")
    writing.executemany("insert into told (text) values (?)", [("other",)] * 50)
    log = tmp_path / "runs.db-wal"
    assert PERSON.encode() in log.read_bytes()
    for file in (path, log):
        redact_file(file, NEEDLES)
    assert PERSON.encode() not in path.read_bytes() + log.read_bytes()
    assert writing.execute("select count(*) from told").fetchone() == (51,)
    writing.close()
    with sqlite3.connect(path) as database:
        assert database.execute("select count(*) from told").fetchone() == (51,)


def test_sqlite_tables_of_every_shape_are_cleaned(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with sqlite3.connect(path) as database:
        database.execute("create table named (name text primary key, n integer) without rowid")
        database.executemany("insert into named values (?, ?)", [(PERSON, 1), (STRANGER, 2)])
        database.execute("create table once (text text unique)")
        database.executemany(
            "insert into once values (?)", [("O'Hara@firm.example",), ("o'hara@firm.example",), (STRANGER,)]
        )
        database.execute("create table broken (text text)")
        database.execute("insert into broken values (cast(? as text))", (b"\xff " + PERSON.encode(),))
    assert redact_file(path, NEEDLES)
    held = path.read_bytes().lower()
    assert PERSON.encode() not in held and b"o'hara" not in held
    with sqlite3.connect(path) as database:
        database.text_factory = bytes
        assert (STRANGER.encode(), 2) in database.execute("select * from named").fetchall()
        assert (STRANGER.encode(),) in database.execute("select * from once").fetchall()
        assert database.execute("select * from broken").fetchall()[0][0].startswith(b"\xff ")


def test_damaged_files_are_cleaned_as_bytes(tmp_path: Path) -> None:
    packed = tmp_path / "run.log.gz"
    packed.write_bytes(gzip.compress(b"hello hello hello")[:10] + b"\xff" * 30 + f" {PERSON} ".encode())
    parquet = tmp_path / "h.parquet"
    parquet.write_bytes(b"PAR1" + f" {PERSON} ".encode())
    for path in (packed, parquet):
        assert redact_file(path, NEEDLES)
        assert PERSON.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    "text",
    [
        "<jane@firm.example>",
        "Jane Doe <Jane@Firm.example>",
        '"Doe, Jane" <jane@firm.example>;',
        "mailto:jane@firm.example",
        "MAILTO:jane%40firm.example?subject=Hello",
        "<mailto:jane@firm.example>",
        "jane@firm.example,",
        "jane@firm.example.",
        "\u200bjane@firm.example\u200b",
        "\ufeff jane@firm.example\u00a0\n",
        '"jane@firm.example"',
        "'jane@firm.example'",
        "'Jane@firm.example' <jane@firm.example>",
        "smtp:jane@firm.example",
    ],
)
def test_address_is_read_as_mail_programs_copy_it(text: str) -> None:
    assert erasure.email_key(text) == "email:jane@firm.example"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nobody",
        "a@b@c",
        "@b",
        "a@",
        "a b@c",
        "a@b c",
        ",a@b",
        "(a@b)",
        "a@b, c@d",
        "a@b <c@d>",
        "a%40b@c",
        "ja\u200bne@firm.example",
        "jane@fi\u00adrm.example",
        "'jane@firm.example",
        "jane@firm.example'",
        "\u201ejane@firm.example\u201c",
        "\u00abjane@firm.example\u00bb",
        "`jane@firm.example`",
        "[jane@firm.example]",
        "{jane@firm.example}",
        "*jane@firm.example*",
        "jane@firm.example!",
        "jane@firm.example/",
        "jane@firm.example\u2026",
        "mailto%3Ajane@firm.example",
    ],
)
def test_what_is_no_address_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(LeadproofError, match="no e-mail address") as raised:
        erasure.email_key(text)
    assert len(text) < 4 or text not in str(raised.value)


@pytest.mark.parametrize("text", ["an\x00na@firm.example", "anna@fi\x1brm.example", "an\udce4@firm.example"])
def test_what_no_text_holds_is_refused_as_address_and_as_record(text: str) -> None:
    for write in (erasure.email_key, lambda told: contact_key(f"crm:{told}")):
        with pytest.raises(LeadproofError, match="control characters or is no UTF-8") as raised:
            write(text)
        assert text not in str(raised.value)


def test_keys_of_an_audit_lose_whole_ids_and_no_part_of_others(tmp_path: Path) -> None:
    history = tmp_path / "history.parquet"
    duckdb.execute(
        "copy (select 'crm:t-1|crm:t-12|channel of crm:t-1|bcrm:t-1' as failing_keys, 'crm:t-12' as told"
        f" union all select null, 'bo''hara@firm.example') to '{history}'"
    )
    assert redact_file(history, NEEDLES)
    assert not redact_file(history, NEEDLES)
    rows = duckdb.execute(f"from '{history}' order by told desc").fetchall()
    assert rows == [("(erased)|crm:t-12|(erased)|bcrm:t-1", "crm:t-12"), (None, "bo'hara@firm.example")]
