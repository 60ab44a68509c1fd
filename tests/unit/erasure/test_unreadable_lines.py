"""Whose records a line that nobody can parse may be about."""

import pytest

from orchestration.landing.declarations import DeclaredTable, Identity
from orchestration.landing.identities import names_record, possible_keys

TABLE = DeclaredTable(
    ("id",), ("contacts",), (Identity("id", "contact", "lead:"), Identity("d", "anonymous"))
)
KEYS = {"contact:crm:lead:C:17", "contact:crm:lead:C 18", "anonymous:crm:d|1"}


@pytest.mark.parametrize("text", ["C:17,too,many", "x;C 18;y", '{"id": "C 18", "broken', '"C:17"\tx'])
def test_whole_fields_of_a_line_may_be_ids(text: str) -> None:
    assert possible_keys("crm", TABLE, text) & KEYS
    assert not possible_keys("other", TABLE, text) & KEYS


@pytest.mark.parametrize("text", ["C:17,too,many", "see C 18.", "a d|1 b", "(C:17)"])
def test_known_id_is_found_as_a_whole_word(text: str) -> None:
    assert names_record("crm", TABLE, KEYS, text)
    assert not names_record("other", TABLE, KEYS, text)


@pytest.mark.parametrize("text", ["C:171,too,many", "XC:17", "C 18-2", "BC 18", "C:17:2", "17", "", "d|12"])
def test_line_of_somebody_else_is_left_alone(text: str) -> None:
    assert not names_record("crm", TABLE, KEYS, text)
    assert not possible_keys("crm", TABLE, text) & KEYS
