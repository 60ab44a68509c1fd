"""Names of files and columns that hold an address or a telephone number are told by their kind."""

import json

import pytest

from orchestration.landing.names import told_name, told_path

ADDRESS, TELEPHONE = "zq.canary@acme.example", "+49 170 1234567"


def _told(report):
    return json.dumps(report.to_dict(), ensure_ascii=False)


def _assert_hidden(text):
    for part in ("zq", "canary", "acme", "170", "1234567"):
        assert part not in text, text


# A CSV whose header holds an address is refused: it looks like data.
@pytest.mark.parametrize(("ending", "name"), [("jsonl", ADDRESS), ("jsonl", TELEPHONE), ("csv", TELEPHONE)])
def test_column_is_told_by_its_place(world, ending, name):
    values = {"id": "1", name: "x"}
    lines = [",".join(values), ",".join(values.values())] if ending == "csv" else [json.dumps(values)]
    world.drop(f"crm/leads/a.{ending}", '{"id": "1"}\n' if ending == "jsonl" else "id\n1\n")
    world.load()
    world.drop(f"crm/leads/b.{ending}", "\n".join(lines) + "\n")
    report = world.load()
    _assert_hidden(_told(report))
    kind = "address" if "@" in name else "telephone"
    assert [note.detail for note in report.drift] == [f"The column <{kind} #2> is new."]
    assert world.query("select original_name from landing.columns where column_name <> 'id'") == [(name,)]

    world.drop(f"crm/leads/c.{ending}", '{"id": "2"}\n' if ending == "jsonl" else "id\n2\n")
    report = world.load()
    _assert_hidden(_told(report))
    assert [note.detail for note in report.drift] == [
        f"The column '<{kind}>' is not in the file; it reads as null."
    ]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (f"crm/leads/{ADDRESS}.csv", "crm/leads/<address #1>.csv"),
        (f"crm/leads/{TELEPHONE}/b.csv", "crm/leads/<telephone #1>/b.csv"),
        (f"crm/leads/{ADDRESS}.pdf", "crm/leads/<address #1>"),
        (f"crm/{ADDRESS}/a.csv", "crm/<address #2>"),
        (f"{ADDRESS}/leads/a.csv", "<address #2>"),
        (f"{ADDRESS}.csv", "<address #2>.csv"),
    ],
)
def test_file_is_told_by_its_place(world, path, shown):
    world.drop(path, "")
    world.drop("crm/leads/zz_later.csv", "id\n1\n")
    report = world.load()
    told = _told(report)
    _assert_hidden(told)
    assert shown in told


def test_lines_set_aside_name_the_file_by_its_place(world):
    world.drop("crm/leads/a.csv", "id,b\n1,2\n")
    world.drop(f"crm/leads/{ADDRESS}.csv", "id,b\n3,4\n1,2,3\n")
    report = world.load()
    _assert_hidden(_told(report))
    assert any(note.startswith("crm/leads/<address #2>.csv: 1 of 2 lines") for note in report.notes)
    assert (f"crm/leads/{ADDRESS}.csv", "loaded") in world.entries()


def test_other_names_are_told_as_they_are(tmp_path):
    for name in ("leads_2026-03-01.csv", "export @ noon.csv", "20260301T120000.parquet", "a+b.jsonl"):
        (tmp_path / name).touch()
        assert told_path(tmp_path / name, tmp_path) == name
    assert told_name("@type", 3, "@type") == "@type"
