"""Which landing files are listed for their owner: all that hold the person, loaded or not."""

import gzip
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration import erasure
from orchestration.landing.declarations import read_declarations
from orchestration.settings import PROJECT_ROOT
from tests.unit.landing.conftest import World, refuse_listing, settings_in

ANNA, BOB = "anna@acme.example", "bob@acme.example"
CONTACTS = "source_contact_id,email,full_name,created_at\n"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(settings_in(tmp_path, "leadproof"), tmp_path, {**read_declarations(PROJECT_ROOT)})


def _listed(content: dict[str, Any]) -> dict[str, int | None]:
    return {file["path"]: file["rows"] for file in content["landing_files_to_delete"]}


def test_files_that_only_mention_the_person_or_were_never_loaded_are_listed(world: World) -> None:
    landing = world.settings.landing
    world.drop(
        "leadproof/contacts/own.csv", f"{CONTACTS}1,{ANNA},Anna,2026-01-01\n2,{ANNA},Anna,2026-01-01\n"
    )
    world.drop("leadproof/contacts/others.csv", f"{CONTACTS}3,{BOB},{ANNA} of {ANNA},2026-01-01\n")
    world.drop("leadproof/fair/utf16.csv", f"name,told\nBob,ask {ANNA}\n".encode("utf-16"))
    world.drop("leadproof/contacts/strange.csv", f"nothing,known\n{ANNA},x\n")
    world.drop("leadproof/contacts/nobody.csv", f"{CONTACTS}4,j.{ANNA},Other,2026-01-01\n")
    world.drop(f"leadproof/contacts/of {BOB}.csv", f"{CONTACTS}5,e@acme.example,{ANNA},2026-01-01\n")
    erasure.forget(world.settings, erasure.email_key(BOB))
    world.load()
    world.drop("leadproof/contacts/later.csv.gz", gzip.compress(f"{CONTACTS}6,{ANNA},,\n".encode()))
    world.drop("leadproof/contacts/copying.csv.part", f"7,{ANNA.upper()},Anna")
    duckdb.execute(f"copy (select '{ANNA}' as email) to '{landing / 'leadproof' / 'contacts' / 'p.parquet'}'")
    expected = {
        "leadproof/contacts/own.csv": 2,
        "leadproof/contacts/others.csv": None,
        "leadproof/fair/utf16.csv": 1,
        "leadproof/contacts/strange.csv": None,
        "leadproof/contacts/<address #4>.csv": 1,
        "leadproof/contacts/later.csv.gz": None,
        "leadproof/contacts/copying.csv.part": None,
        "leadproof/contacts/p.parquet": None,
    }
    previewed = erasure.preview(world.settings, erasure.email_key(ANNA))
    assert _listed(previewed) == expected
    certificate = erasure.forget(world.settings, erasure.email_key(ANNA))
    assert _listed(certificate.content) == expected
    assert certificate.content["landing_not_searched"] == []
    assert ANNA not in certificate.path.read_text() and BOB not in json.dumps(certificate.content)


def test_landing_folder_that_cannot_be_read_is_told_and_stops_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = world.drop(f"leadproof/contacts/{ANNA}/a.csv", f"{CONTACTS}1,{ANNA},Anna,2026-01-01\n").parent
    refuse_listing(monkeypatch, closed)
    content = erasure.forget(world.settings, erasure.email_key(ANNA)).content
    assert content["landing_not_searched"] == ["leadproof/contacts/<address #1>"]
    assert content["landing_files_to_delete"] == []
