"""What the paths below the landing folder say."""

from datetime import datetime

import pytest

from orchestration.errors import LeadproofError
from orchestration.landing import discover
from orchestration.landing.discovery import named_date, survey


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("leads_2024-01-31.csv", (2024, 1, 31)),
        ("leads20240131.csv", (2024, 1, 31)),
        ("leads_2024_01_31_v2.csv", (2024, 1, 31)),
        ("dt=2024-01-31/leads.csv", (2024, 1, 31)),
        ("2024/01/31/leads.csv", (2024, 1, 31)),
        ("year=2024/month=1/day=31/part-0.parquet", (2024, 1, 31)),
        ("2024-01-31/leads_2024-02-01.csv", (2024, 2, 1)),
        ("2024-01-01_to_2024-01-31.csv", (2024, 1, 31)),
        ("leads.csv", None),
        ("leads_2024-13-01.csv", None),
        ("leads_2024-02-30.csv", None),
        ("leads_18500101.csv", None),
        ("export_1234202401311.csv", None),
        ("export_2024-01_31.csv", None),
        ("2024/01/leads.csv", None),
    ],
)
def test_date_in_a_path(path, expected):
    assert named_date(path) == (datetime(*expected) if expected else None)


def test_names_that_are_not_read(world):
    for name in (".hidden.csv", "_draft.csv", "a.csv.tmp", "a.csv.part", "a.csv.crdownload", "_old/a.csv"):
        world.drop(f"crm/leads/{name}", "id\n1\n")
    world.drop("crm/leads/deep/er/A.CSV", "id\n1\n")
    found = survey(world.settings, world.root)
    assert [file.relative_path for file in found.files] == ["crm/leads/deep/er/A.CSV"]
    assert found.drift == []


def test_what_cannot_be_read_is_said(world):
    world.drop("crm/leads/a.xlsx", b"x")
    world.drop("crm/loose.csv", "id\n1\n")
    world.drop("loose.csv", "id\n1\n")
    world.drop("crm/Big Leads/a.csv", "id\n1\n")
    world.drop("CRM 2/leads/a.csv", "id\n1\n")
    found = survey(world.settings, world.root)
    assert found.files == []
    assert {note.kind for note in found.drift} == {"unusable_name"}
    assert len(found.drift) == 5


def test_files_are_ordered_by_their_date(world):
    for name in ("b_2024-01-02.csv", "a_2024-01-03.csv", "c_2024-01-01.csv", "undated.csv"):
        world.drop(f"crm/leads/{name}", "id\n1\n")
    assert [file.path.name for file in discover(world.settings)] == [
        "c_2024-01-01.csv",
        "b_2024-01-02.csv",
        "a_2024-01-03.csv",
        "undated.csv",
    ]


def test_linked_folders_are_followed_once(world, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.csv").write_text("id\n1\n")
    (elsewhere / "back").symlink_to(elsewhere)
    (world.settings.landing / "crm").mkdir()
    (world.settings.landing / "crm" / "leads").symlink_to(elsewhere)
    assert [file.relative_path for file in discover(world.settings)] == ["crm/leads/a.csv"]


def test_missing_landing_folder_is_told(world):
    world.settings.landing.rmdir()
    with pytest.raises(LeadproofError, match=r"does not exist\. Create it"):
        discover(world.settings)


def test_systems_are_on_off_unknown_or_empty(world, with_systems):
    with_systems("crm")
    world.drop("shop/orders/a.csv", "id\n1\n")
    world.drop("mystery/things/a.csv", "id\n1\n")
    found = survey(world.settings, world.root)
    assert [file.source_system for file in found.files] == ["mystery"]
    assert (found.systems_off, found.systems_unknown, found.systems_empty) == (["shop"], ["mystery"], ["crm"])
