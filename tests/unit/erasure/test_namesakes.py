"""Rows that give only a name which somebody forgotten bore: they stay out, and a namesake's are told of."""

from pathlib import Path

from orchestration import erasure
from orchestration.landing.declarations import read_declarations
from orchestration.settings import PROJECT_ROOT
from tests.unit.landing.conftest import World, settings_in


def test_rows_of_a_namesake_that_are_left_out_are_told_of(tmp_path: Path) -> None:
    world = World(settings_in(tmp_path, "zoho"), tmp_path, {**read_declarations(PROJECT_ROOT)})
    statuses = "campaign_name,lead_last_name,status,last_modified_time\n"
    world.drop("zoho/leads/1.csv", "leadid,last_name,company\n1,McBride,A\n2,Other,B\n")
    world.drop("zoho/campaign_lead_status/1.csv", f"{statuses}c,McBride,Sent,\nc,Other,Sent,\n")
    world.load()
    certificate = erasure.forget(world.settings, erasure.contact_key("zoho:lead-1"))
    assert certificate.content["raw_rows"] == {"zoho.campaign_lead_status": 1, "zoho.leads": 1}

    world.drop("zoho/campaign_lead_status/2.csv", f"{statuses}c,McBride,Opened,\n")
    assert not any("nothing but a name" in note for note in world.load().notes)
    world.drop("zoho/leads/2.csv", "leadid,last_name,company\n1,McBride,A\n3,McBride,C\n")
    world.load()
    world.drop("zoho/campaign_lead_status/3.csv", f"{statuses}c,McBride,Opted Out,\nc,Other,Opened,\n")
    notes = [note for note in world.load().notes if "nothing but a name" in note]
    assert len(notes) == 1 and "rows left out, 1 have" in notes[0] and "McBride" not in notes[0]
    assert world.query("select lead_last_name, status from raw_zoho.campaign_lead_status order by all") == [
        ("Other", "Opened"),
        ("Other", "Sent"),
    ]
