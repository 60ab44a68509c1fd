"""What is learnt of records that arrive with the address of somebody forgotten, and of whom nothing is."""

from pathlib import Path

import pytest

from orchestration import erasure
from orchestration.landing import DeclaredTable
from orchestration.landing.declarations import read_declarations
from orchestration.settings import PROJECT_ROOT
from orchestration.suppression import keep_out, read_suppression
from tests.unit.landing.conftest import World, settings_in

FORGOTTEN = "anna@firm.example.org"
OTHERS = 30


@pytest.fixture
def world(tmp_path: Path) -> World:
    settings = settings_in(tmp_path, "leadproof")
    made = World(settings, tmp_path, dict[tuple[str, str], DeclaredTable](read_declarations(PROJECT_ROOT)))
    erasure.forget(settings, f"email:{FORGOTTEN}")
    return made


def _contacts(world: World, name: str, rows: dict[str, str]) -> list[str]:
    lines = "".join(f"{record},{address},Somebody,2026-01-01\n" for record, address in rows.items())
    world.drop(f"leadproof/contacts/{name}.csv", f"source_contact_id,email,full_name,created_at\n{lines}")
    return world.load().notes


def _touches(world: World, name: str, records: list[str], address: str = "") -> None:
    lines = "".join(f"{name}{record},{record},{address},2026-02-01,email,email_sent\n" for record in records)
    header = "source_touch_id,source_contact_id,email,occurred_at,channel,touch_type\n"
    world.drop(f"leadproof/touches/{name}.csv", header + lines)
    world.load()


def _kept(world: World, table: str) -> set[str]:
    return {row[0] for row in world.query(f"select source_contact_id from raw_leadproof.{table}")}


def _learned(world: World, *records: str) -> set[str]:
    keys = read_suppression(world.settings).matching(f"contact:leadproof:{record}" for record in records)
    return {key.rpartition(":")[2] for key in keys}


def test_record_known_under_another_address_outlives_a_row_with_a_forgotten_one(world: World) -> None:
    _contacts(world, "a", {"bob": "bob@other.test"})
    _touches(world, "b", ["bob"])
    notes = _contacts(world, "c", {"bob": FORGOTTEN})
    assert any("1 rows are about people who have been forgotten" in note for note in notes)
    assert any("1 records came with the address of somebody forgotten" in note for note in notes)
    assert erasure.erase_late_rows(world.settings) is None
    _contacts(world, "d", {"bob": "bob@new.test"})
    addresses = world.query("select email from raw_leadproof.contacts order by all")
    assert addresses == [("bob@new.test",), ("bob@other.test",)]
    assert _kept(world, "touches") == {"bob"} and not _learned(world, "bob")


def test_record_known_in_touches_or_in_the_same_file_is_not_learnt(world: World) -> None:
    _touches(world, "a", ["bob"], "bob@other.test")
    _contacts(world, "b", {"bob": FORGOTTEN})
    header = "source_contact_id,email,full_name,created_at\n"
    rows = f"eve,eve@other.test,Eve,2026-01-01\neve,{FORGOTTEN},Eve,2026-01-02\n"
    world.drop("leadproof/contacts/c.csv", header + rows)
    world.load()
    assert not _learned(world, "bob", "eve") and _kept(world, "contacts") == {"eve"}
    assert erasure.erase_late_rows(world.settings) is None


@pytest.mark.parametrize("are_known", [True, False])
def test_address_that_too_many_records_bear_teaches_nothing(world: World, are_known: bool) -> None:
    records = [f"b{number}" for number in range(OTHERS)]
    if are_known:
        _contacts(world, "a", {record: f"{record}@other.test" for record in records})
    _touches(world, "b", records)
    _contacts(world, "c", dict.fromkeys(records, FORGOTTEN))
    assert not _learned(world, *records)
    assert erasure.erase_late_rows(world.settings) is None
    assert _kept(world, "touches") == set(records)
    assert world.query(
        "select 1 from landing.files where path like '%c.csv' and erased_count = 30 and row_count = 0"
    )


def test_new_record_is_learnt_and_its_earlier_rows_go(world: World) -> None:
    _touches(world, "a", ["anna-2", "bob"])
    _contacts(world, "b", {"anna-2": FORGOTTEN, "bob": "bob@other.test"})
    assert _learned(world, "anna-2", "bob") == {"anna-2"}
    late = erasure.erase_late_rows(world.settings)
    assert late is not None and late.content["raw_rows"] == {"leadproof.touches": 1}
    assert _kept(world, "touches") == {"bob"}


def test_late_rows_lead_to_no_further_address(world: World) -> None:
    _contacts(world, "a", {"bob": "bob@other.test", "bob-2": "bob@other.test"})
    _touches(world, "b", ["bob", "bob-2"])
    keep_out(world.settings, ["contact:leadproof:bob"])
    assert erasure.erase_late_rows(world.settings) is not None
    assert _kept(world, "contacts") == _kept(world, "touches") == {"bob-2"}
    assert not read_suppression(world.settings).matching(["email:bob@other.test"])
