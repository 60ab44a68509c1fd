"""What staging hides is what the audit would block: the same patterns, each written where its language is."""

import re

import duckdb
import pytest

from expectations.claims import tables
from tests.conventions.engine_forms import DUCKDB, render_file
from tests.conventions.tree import read

MACROS = "dbt_project/macros/staging/personal_words.sql"


@pytest.mark.parametrize(
    ("macro", "pattern"),
    [
        ("address_pattern", tables._EMAIL),
        ("telephone_pattern", tables._PHONE),
        ("grouped_telephone_pattern", tables._NATIONAL_PHONE),
    ],
)
def test_staging_hides_what_the_audit_blocks(macro: str, pattern: str) -> None:
    assert render_file(DUCKDB, MACROS, macro) == f"'{pattern}'"


def test_staging_hides_query_strings_that_the_audit_blocks() -> None:
    assert f"    '{tables._QUERY_STRING}{{{{ rest }}}}'\n" in read(MACROS)


ADDRESSES = (
    *("dora.public@acme.example", "dora.public%40acme.example", "dora.public%2540acme%2Eexample"),
    *("dora.public&#64;acme.example", "dora.public&amp;#x40;acme.example", "dora.public&commat;acme.example"),
    "dora.public\\u0040acme.example",
)
TELEPHONES = ("+49 170 1234567", "%2B49%20170%201234567", "212-555-0199", "212%20555%200199")
RESEMBLING = ("caf%C3%A9/offer-40", "40% of a%20b", "r&d/v2.1", "c%40", "%2B1%202", "a@b", "c:\\u00e9.txt")


@pytest.mark.parametrize("value", [*ADDRESSES, *TELEPHONES])
def test_every_writing_is_blocked_and_hidden(value: str) -> None:
    page = f"https://shop.example/u%2F{value}/next"
    assert _is_blocked(page)
    assert _sql("looks_personal", page)
    hidden = str(_sql("without_personal_words", page))
    assert re.fullmatch(r"https://shop\.example/(u(%2F)?)?<(address|telephone)>/next", hidden)
    assert not _is_blocked(hidden)


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_writing_of_an_address_is_hidden_in_ids(address: str) -> None:
    assert _sql("holds_address", f"7:{address}")
    assert _sql("without_addresses", f"7:{address},{address}") == "7:<address>,<address>"


@pytest.mark.parametrize("text", RESEMBLING)
def test_what_only_resembles_them_stays(text: str) -> None:
    assert not _is_blocked(text)
    assert not _sql("looks_personal", text)


def _is_blocked(text: str) -> bool:
    conditions = [*tables._looks_personal("words"), tables._matches("words", tables._NATIONAL_PHONE)]
    return any(_asked(f"select {condition} from (select ? as words)", text) for condition in conditions)


def _sql(macro: str, text: str) -> object:
    return _asked(f"select {render_file(DUCKDB, MACROS, macro, 'words')} from (select ? as words)", text)


def _asked(sql: str, text: str) -> object:
    with duckdb.connect() as database:
        row = database.execute(sql, [text]).fetchone()
    assert row is not None
    return row[0]
