"""Encodings, delimiters, headers: recognised, or refused in one sentence."""

import gzip
import io
import zipfile

import pytest

from orchestration.landing.readers import RAW_TEXT_LIMIT

ROWS = [("1", "Zoë"), ("2", "b; c")]


def loaded(world):
    return world.query("select id, name from raw_crm.leads order by _source_row")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_dialects_and_encodings(world, delimiter, encoding, end):
    text = end.join((f"id{delimiter}name", f"1{delimiter}Zoë", f'2{delimiter}"b; c"', ""))
    world.drop("crm/leads/a.csv", text.encode(encoding))
    report = world.load()
    assert report.notes == []
    assert loaded(world) == ROWS
    assert world.query("select _source_row from raw_crm.leads order by 1") == [(2,), (3,)]


def test_compressed_file(world):
    world.drop("crm/leads/a.csv.gz", gzip.compress("id,name\n1,Zoë\n2,b; c\n".encode()))
    world.load()
    assert loaded(world) == ROWS


def test_plain_file_is_not_copied(world, monkeypatch):
    # The rewritten reading would hide it if DuckDB could not read files where they lie.
    from orchestration.landing import loading

    monkeypatch.setattr(loading.readers, "rewritten", lambda job: pytest.fail("was read twice"))
    world.drop("crm/leads/a [1]*?'.csv", 'id,name\r\n1,Zoë\r\n2,"b; c"\r\n')
    world.load()
    assert loaded(world) == ROWS


def test_damaged_utf8_loses_only_the_damaged_lines(world):
    world.drop("crm/leads/a.csv", "id,name\n1,Zoë\n2,Ünal\n3,é".encode()[:-1] + b"\n4,x\n")
    world.load()
    assert world.query("select id from raw_crm.leads order by 1") == [("1",), ("2",), ("4",)]
    assert world.rejects() == [(4, "it is no valid UTF-8", "3,\\xc3")]


def test_excel_hint_and_blank_lines_before_the_header(world):
    world.drop("crm/leads/a.csv", 'sep=;\n\nid;name\n1;"a\nb"\n2;c\n')
    world.load()
    assert world.query("select id, name, _source_row from raw_crm.leads order by 3") == [
        ("1", "a\nb", 4),
        ("2", "c", 6),
    ]


def test_header_over_several_lines(world):
    world.drop("crm/leads/a.csv", '"id","full\nname"\n1,a\n')
    world.load()
    assert world.query("select id, full_name, _source_row from raw_crm.leads") == [("1", "a", 3)]


def test_delimiter_follows_the_declared_names(lead_world):
    lead_world.drop("crm/leads/a.csv", "id;name;a,b,c,d\n1;x;1,2,3,4\n")
    lead_world.load()
    assert lead_world.query("select id, name from raw_crm.leads") == [("1", "x")]


def test_column_names(world):
    world.drop("crm/leads/a.csv", "E-Mail,2nd Größe?,name,name,,_load_id\na,b,c,d,e,f\n")
    world.load()
    assert world.query("select e_mail, _2nd_grosse, name, name_2, column_5, load_id from raw_crm.leads") == [
        tuple("abcdef")
    ]


def test_names_alike_keep_their_columns_when_the_order_changes(world):
    world.drop("crm/leads/1.csv", "Name,name\na,b\n")
    world.load()
    world.drop("crm/leads/2.csv", "name,Name\nd,c\n")
    world.load()
    assert world.query("select name, name_2 from raw_crm.leads order by 1") == [("a", "b"), ("c", "d")]


def test_a_name_that_stands_twice_in_one_file_is_one_column_of_the_next(world):
    world.drop("crm/leads/1.csv", "name,name,id\na,b,1\n")
    world.load()
    world.drop("crm/leads/2.csv", "name,id\nc,2\n")
    world.drop("crm/leads/3.csv", "id,name,name\n3,d,e\n")
    world.load()
    assert world.query("select id, name, name_2 from raw_crm.leads order by 1") == [
        ("1", "a", "b"),
        ("2", "c", None),
        ("3", "d", "e"),
    ]


def test_a_declared_name_has_its_column_beside_whatever_looks_like_it(lead_world):
    lead_world.drop("crm/leads/1.csv", "id,Name,name\n1,a,b\n")
    lead_world.load()
    lead_world.drop("crm/leads/2.csv", "id,name\n2,c\n")
    lead_world.load()
    assert lead_world.query("select id, name, name_2 from raw_crm.leads order by 1") == [
        ("1", "b", "a"),
        ("2", "c", None),
    ]


def workbook():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("sheet.xml", "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"", "is empty"),
        ("a.jsonl", b"", "is empty"),
        ("a.parquet", b"", "is empty"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "is empty"),
        ("a.csv", workbook(), "ZIP archive or an Excel workbook"),
        ("a.csv", gzip.compress(b"id\n1\n", mtime=0), "without .gz"),
        ("a.csv", b"<!DOCTYPE html><html>", "web page"),
        ("a.csv", bytes(range(256)) * 8, "not text"),
        ("a.csv", "id,name\n1,Привет\n".encode("cp1251"), "neither UTF-8, UTF-16 nor Western"),
        ("a.csv", "id\n1\n".encode("utf-32"), "UTF-32"),
        ("a.csv", ",,\n1,2,3\n", "no column names"),
        ("a.csv", "person@example.com,x\nother@example.com,y\n", "looks like data"),
        ("a.csv", 'id,"name\n1,a\n', "header line is damaged"),
        ("a.csv.gz", gzip.compress(b"id,name\n" * 999, mtime=0)[:-20], "cut short"),
        ("a.csv.gz", b"id,name\n1,a\n", "no gzip file"),
        ("a.parquet", b"PAR1 no more", "no readable Parquet"),
        ("a.jsonl", b"[\n1\n]\n", "No line of the file is a JSON object"),
    ],
)
def test_unreadable_file_is_refused_in_one_sentence(world, name, content, sentence):
    world.drop(f"crm/leads/{name}", content)
    world.drop("crm/leads/good.csv", "id,name\n1,x\n")
    report = world.load()
    assert [note for note in report.notes if sentence in note], report.notes
    assert all("example.com" not in note for note in report.notes)
    assert world.query("select count(*) from raw_crm.leads") == [(1,)]
    table = report.tables[0]
    assert (table.refused, table.files) == (1, 1)
    assert [kind for kind, _ in world.drift() if kind == "refused_file"] == ["refused_file"]
    again = world.load()
    assert (again.files, len(world.entries())) == (0, 2)


@pytest.mark.parametrize("text", ["id,name\r1,Zoë\r2,b\n", "id,name\r,Zoë\n2,b\n", "id,name\r\r1,Zoë\n"])
def test_rows_behind_a_header_that_ends_otherwise_are_not_taken_for_names(world, text):
    world.drop("crm/leads/a.csv", text)
    report = world.load()
    assert any("holds a carriage return that ends no line" in note for note in report.notes)
    assert world.entries() == [("crm/leads/a.csv", "refused")]


def test_headerless_file_of_a_declared_table_is_refused(lead_world):
    lead_world.drop("crm/leads/a.csv", "17,Someone\n18,Other\n")
    report = lead_world.load()
    assert "names none of the columns" in report.notes[0]


def test_headerless_file_is_refused_after_a_column_without_a_name(lead_world):
    lead_world.drop("crm/leads/a.csv", "id,,name\n17,x,Someone\n")
    lead_world.load()
    lead_world.drop("crm/leads/b.csv", "18,,Other\n19,y,Third\n")
    assert "names none of the columns" in lead_world.load().notes[0]


def test_declared_header_only_file_is_loaded_empty(lead_world):
    lead_world.drop("crm/leads/a.csv", "id,name")
    report = lead_world.load()
    assert (report.files, report.rows, report.notes) == (1, 0, [])


@pytest.mark.parametrize("address", ["ann@firm.example", "ann&amp;#64;firm.example", "ann%40firm.example"])
@pytest.mark.parametrize("separator", [",", " ", ";", '"'])
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
@pytest.mark.parametrize("letter", ["x", "é"])
def test_long_line_that_is_set_aside_is_cut_between_words(world, address, separator, ending, letter):
    begin = "too,many,values,here "
    words = begin + letter * ((RAW_TEXT_LIMIT - 10 - len(begin)) // len(letter.encode()))
    line = f"{words}{separator}{address} and others"
    # In CSV a quote within a value is a fault of its own, and the line is set aside all the same.
    first = "id,b\n1,2" if ending == "csv" else '{"id": 1}'
    world.drop(f"crm/leads/a.{ending}", f"{first}\n{line}\n")
    world.load()
    ((_, _, kept),) = world.rejects()
    assert kept == (line if letter == "é" and ending == "jsonl" else words)


def test_line_of_one_word_without_end_is_set_aside_without_it(world):
    world.drop(
        "crm/leads/a.jsonl", '{"id": 1}\n' + "x" * (RAW_TEXT_LIMIT + 100) + "\n" + "y" * RAW_TEXT_LIMIT
    )
    world.load()
    assert [text for _, _, text in world.rejects()] == ["", "y" * RAW_TEXT_LIMIT]
