"""What the paths below the landing folder say."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from orchestration.errors import LeadproofError
from orchestration.landing import discover
from orchestration.landing.discovery import named_date, survey
from tests.fixtures.accounts import ordinary_account
from tests.unit.landing.conftest import World, settings_in


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


_MAY_NOT = {"list": 0o300, "reach": 0o600}


@pytest.fixture
def ordinary() -> Iterator[World]:
    """A landing folder of an account that file modes bind."""
    with ordinary_account() as folder:
        for system in ("crm", "shop"):
            (folder / "project" / "models" / "staging" / system).mkdir(parents=True)
        yield World(settings_in(folder, "crm", "shop"), folder / "project")


@pytest.mark.parametrize("to", _MAY_NOT)
@pytest.mark.parametrize(
    ("closed", "left"),
    [
        ("crm/leads/2024", ["crm/leads/a.csv", "shop/orders/a.csv"]),
        ("crm/leads", ["shop/orders/a.csv"]),
        ("crm", ["shop/orders/a.csv"]),
    ],
)
def test_closed_folder_is_told_and_stops_no_other(ordinary, closed, left, to):
    for name in ("crm/leads/a.csv", "crm/leads/2024/b.csv", "crm/leads/2024/c.csv", "shop/orders/a.csv"):
        ordinary.drop(name, f"id\n{name}\n")
    folder = ordinary.settings.landing / closed
    folder.chmod(_MAY_NOT[to])

    report = ordinary.load()

    told = (
        f"The folder '{closed}' cannot be read (permission denied), so nothing in it is loaded; give this"
        " account read access to it."
    )
    assert [path for path, _ in ordinary.entries()] == left
    assert [detail for kind, detail in ordinary.drift() if kind == "closed_folder"] == [told]
    assert report.notes.count(told) == 1
    assert not any("has no files" in note for note in report.notes)

    folder.chmod(0o700)
    later = ordinary.load()

    assert len(ordinary.entries()) == 4
    assert told not in later.notes


@pytest.mark.parametrize("to", _MAY_NOT)
def test_closed_landing_folder_is_an_error(ordinary, to):
    ordinary.drop("crm/leads/a.csv", "id\n1\n")
    ordinary.settings.landing.chmod(_MAY_NOT[to])
    with pytest.raises(LeadproofError, match=r"cannot be read: permission denied\. Give"):
        ordinary.load()


def test_closed_folder_of_a_system_that_is_off_does_not_matter(ordinary):
    ordinary.settings = replace(ordinary.settings, source_systems=("crm",))
    ordinary.drop("crm/leads/a.csv", "id\n1\n")
    ordinary.drop("shop/orders/a.csv", "id\n1\n").parent.chmod(0)
    found = survey(ordinary.settings, ordinary.root)
    assert [file.relative_path for file in found.files] == ["crm/leads/a.csv"]
    assert found.drift == []


@pytest.mark.parametrize("name", ["crm/leads", "crm/leads/2024", "crm/leads/a.csv", "crm"])
def test_link_that_leads_nowhere_is_told(world, tmp_path, name):
    link = world.settings.landing / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(tmp_path / "not mounted")
    found = survey(world.settings, world.root)
    assert [note.detail for note in found.drift] == [
        f"The link '{name}' leads to nothing that can be read (no such file or directory), so nothing is"
        " loaded from it; mend it or take it away."
    ]
