"""An address that more records bear than one person has, while these are forgotten one by one."""

from pathlib import Path

import duckdb
import pytest

from orchestration import erasure
from orchestration.errors import LeadproofError
from orchestration.landing.declarations import read_declarations
from orchestration.landing.shared_addresses import read_shared_addresses
from orchestration.settings import PROJECT_ROOT
from tests.unit.landing.conftest import World, settings_in

SHARED = "family@home.example"
RECORDS = [f"c{number}" for number in range(read_shared_addresses(PROJECT_ROOT).most_contacts + 1)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(settings_in(tmp_path, "leadproof"), tmp_path, {**read_declarations(PROJECT_ROOT)})
    rows = "".join(f"{record},{SHARED},Name {record},2026-01-01\n" for record in RECORDS)
    made.drop("leadproof/contacts/a.csv", f"source_contact_id,email,full_name,created_at\n{rows}")
    made.drop(
        "leadproof/touches/a.csv",
        "source_touch_id,source_contact_id,email,occurred_at,channel,touch_type\n"
        f"t1,,{SHARED},2026-02-01,email,email_sent\n",
    )
    made.load()
    with duckdb.connect(str(made.settings.build_db)) as connection:
        connection.execute("create schema intermediate")
        connection.execute(
            "create table intermediate.int_identity_hubs_found as"
            f" select 'email:{SHARED}' as identity_key, 'address_on_many_contacts' as reason"
        )
    return made


def test_shared_address_can_be_forgotten_once_no_record_bears_it(world: World) -> None:
    for record in RECORDS:
        if record in RECORDS[1:-1]:
            erasure.forget(world.settings, erasure.contact_key(f"leadproof:{record}"))
            continue
        with pytest.raises(LeadproofError, match="identifies nobody") as raised:
            erasure.forget(world.settings, erasure.email_key(SHARED))
        assert "Once no record bears" in str(raised.value.hint)
        certificate = erasure.forget(world.settings, erasure.contact_key(f"leadproof:{record}"))
        assert certificate.content["raw_rows"] == {"leadproof.contacts": 1}
        assert certificate.content["addresses_left"] == 1
    assert world.query("select source_touch_id from raw_leadproof.touches") == [("t1",)]
    certificate = erasure.forget(world.settings, erasure.email_key(SHARED))
    assert certificate.content["raw_rows"] == {"leadproof.touches": 1}
    assert certificate.content["addresses_left"] == 0
    assert world.query("from raw_leadproof.touches") == []
