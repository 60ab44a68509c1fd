"""Under which name the ledger knows a file that is called by the address of somebody forgotten."""

import re

import pytest

from orchestration.landing.erased_names import without_forgotten
from orchestration.suppression import NOBODY, Suppression

SECRET = Suppression(b"secret")
FORGOTTEN = Suppression(
    b"secret", frozenset(SECRET.digest(f"email:{each}") for each in ("an@acme.test", "o@b.c"))
)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("crm/contacts/an@acme.test.csv", "crm/contacts/(*).csv"),
        ("crm/contacts/export_AN@acme.test_2026-01-01.csv.gz", "crm/contacts/export_(*)_2026-01-01.csv.gz"),
        ("crm/contacts/an@acme.test/an%40acme.test.csv", "crm/contacts/(*)/(*).csv"),
        ("crm/contacts/export of an@acme.test, o@b.c.csv", "crm/contacts/export of (*), (*).csv"),
        ("crm/contacts/jan@acme.test.csv", "crm/contacts/jan@acme.test.csv"),
        ("crm/contacts/an@acme.testing.csv", "crm/contacts/an@acme.testing.csv"),
        ("crm/contacts/other.csv", "crm/contacts/other.csv"),
    ],
)
def test_name_loses_the_forgotten_and_stays_one_of_its_own(name: str, kept: str) -> None:
    cleaned = without_forgotten(name, FORGOTTEN)
    assert re.sub(r"\(erased-[0-9a-f]{8}\)", "(*)", cleaned) == kept
    assert without_forgotten(cleaned, FORGOTTEN) == cleaned
    assert without_forgotten(name, NOBODY) == name


def test_names_of_different_people_stay_different() -> None:
    names = [without_forgotten(f"crm/contacts/{each}.csv", FORGOTTEN) for each in ("an@acme.test", "o@b.c")]
    assert len({*names}) == 2
