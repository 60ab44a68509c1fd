"""Snapshots of a content that was loaded before: it loads nothing, and yet the old state is back."""

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pytest

from orchestration.settings import Settings
from tests.integration.harness import fetch
from tests.integration.snapshot_world import (
    APPENDED_TABLE,
    SNAPSHOT_TABLES,
    Content,
    Delivery,
    make_world,
)
from tests.integration.staging_world import load

pytestmark = pytest.mark.slow

BEFORE: Content = {
    "leadproof/contacts": [
        "changes,Buyer,,2024-01-01,",
        "leaves,Buyer,,2024-01-01,",
        "stays,Buyer,,2024-01-01,",
        "dates-itself,Buyer,,2024-01-01,2024-01-15",
        "claims,Buyer,mql,2024-01-01,",
        "cannot-be-read,Buyer,,once,",
        "mended,Buyer,,once,",
    ],
    "leadproof/touches": [
        "leaves,2024-01-10,stays,email,email_sent",
        "stays,2024-01-10,stays,email,email_sent",
        "has-no-time,,stays,email,email_sent",
    ],
    "leadproof/campaign_spend": ["changes,2024-01-10,10,EUR", "stays,2024-01-10,5,EUR"],
    "leadproof/handoffs": ["h-1,stays,2024-01-20,accepted"],
    "zoho/accounts": ["changes,Acme,IT Services", "leaves,Bolt,Technology", "stays,Cork,Pharma"],
}
AFTER: Content = {
    "leadproof/contacts": [
        "changes,Head,,2024-01-01,",
        "arrives,Buyer,,2024-01-01,",
        "stays,Buyer,,2024-01-01,",
        "dates-itself,Head,,2024-01-01,2024-02-20",
        "claims,Buyer,sql,2024-01-01,",
        "mended,Buyer,,2024-01-01,",
    ],
    "leadproof/touches": [
        "arrives,2024-01-10,stays,email,email_sent",
        "stays,2024-01-10,stays,email,email_sent",
    ],
    "leadproof/campaign_spend": ["changes,2024-01-10,12,EUR", "stays,2024-01-10,5,EUR"],
    "leadproof/handoffs": ["h-1,stays,2024-01-20,rejected"],
    "zoho/accounts": ["changes,Acme,Technology", "arrives,Dock,Pharma", "stays,Cork,Pharma"],
}
# A line with a field too many: it may hold anybody.
TORN: Content = {table: [*lines, "leaves" + "," * 9] for table, lines in AFTER.items()}
NOTHING: Content = {table: [] for table in AFTER}
CONTENTS = {"A": BEFORE, "B": AFTER, "T": TORN, "-": NOTHING}

Deliver = Callable[..., Settings]


@pytest.fixture(scope="module")
def deliver(tmp_path_factory: pytest.TempPathFactory) -> Deliver:
    world = make_world(tmp_path_factory.mktemp("world"))
    made: dict[tuple[Delivery, ...], Settings] = {}

    def deliver(deliveries: Sequence[Delivery]) -> Settings:
        """Make the deliveries, once for all tests, and check what is true after any."""
        key = tuple(deliveries)
        if key not in made:
            made[key] = world.after(tmp_path_factory.mktemp("deliveries"), CONTENTS, deliveries)
            assert fetch(made[key], _LOADED_TWICE) == []
            assert fetch(made[key], _NOT_CONSERVED) == []
        return made[key]

    return deliver


def _in_dated_folders(contents: str, *, differing: bool = False, at_once: bool = False) -> list[Delivery]:
    """The contents as exports of February, March and so on, each in a folder named by its date."""
    last = len(contents) + 1
    return [
        Delivery(
            content,
            loaded_at=None if at_once and month < last else datetime(2024, month, 2),
            folder=f"2024-{month:02}-01",
            blank_lines=month if differing else 0,
        )
        for month, content in enumerate(contents, start=2)
    ]


def _over_one_path(contents: str, *, folder: str = "", differing: bool = False) -> list[Delivery]:
    """The contents as exports that overwrite one another, loaded on the first of February and so on."""
    return [
        Delivery(content, datetime(2024, month, 1), folder, blank_lines=month if differing else 0)
        for month, content in enumerate(contents, start=2)
    ]


_LOADED_TWICE = """
    select source_system, source_table, content_hash
    from landing.files where status = 'loaded' group by all having count(*) > 1
"""
_NOT_CONSERVED = """
    select * from marts.row_reconciliation
    where landed_rows <> accepted_rows + superseded_rows + quarantined_rows + pending_rows
"""
_CONTACTS = """
    select job_title, strftime(updated_at, '%m-%d') as row_date, is_deleted
    from intermediate.int_contacts_judged
    where verdict = 'accepted' and source_contact_id = ?
    order by updated_at
"""
_ACCOUNTS = """
    select industry, strftime(updated_at, '%m-%d') as row_date
    from intermediate.int_companies_judged
    where verdict = 'accepted' and source_system = 'zoho' and source_company_id = ?
    order by updated_at
"""
_TOUCHES = """
    select source_touch_id from intermediate.int_touches_judged
    where verdict = 'accepted' order by source_touch_id
"""
_SPEND = """
    select campaign_id, amount from intermediate.int_campaign_spend_judged
    where verdict = 'accepted' order by campaign_id
"""


_CLAIMS = "select claimed_stage from intermediate.int_claims_collected"


def _rows(settings: Settings, query: str, *parameters: str) -> list[Any]:
    rows = [tuple(row.values()) for row in fetch(settings, query, parameters)]
    return [row[0] if len(row) == 1 else row for row in rows]


def _counts(settings: Settings, table: str) -> dict[str, Any]:
    """The reconciliation of one table that feeds one entity."""
    found = fetch(
        settings,
        """
        select
            landed_rows as landed, accepted_rows as accepted, superseded_rows as superseded,
            quarantined_rows as quarantined, open_quarantined_rows as open, latest_row_at
        from marts.row_reconciliation where source_system || '/' || source_table = ?
        """,
        [table],
    )
    assert len(found) == 1
    return found[0]


def _whole_state(settings: Settings) -> dict[str, list[Any]]:
    """Everything that is in force, without where it came from."""
    found = {"claims": _rows(settings, _CLAIMS)}
    for entity in ("contacts", "companies", "touches", "campaign_spend"):
        found[entity] = _rows(
            settings,
            f"""
            select columns(name -> not starts_with(name, '_'))
            from intermediate.int_{entity}_judged where verdict = 'accepted' order by all
            """,
        )
    return found


def _staged(settings: Settings) -> dict[str, list[Any]]:
    """All staged rows, without when they were delivered."""
    return {
        model: _rows(settings, f"select * exclude (_load_id, _loaded_at) from staging.{model} order by all")
        for model in (
            "stg_leadproof__contacts",
            "stg_leadproof__touches",
            "stg_leadproof__campaign_spend",
            "stg_zoho__companies",
        )
    }


# -- the state is back -------------------------------------------------------------------------------


def test_old_state_is_back_as_of_the_snapshot_that_repeats_it(deliver: Deliver) -> None:
    settings = deliver(_in_dated_folders("ABA"))
    assert _rows(settings, _CONTACTS, "changes") == [
        ("Buyer", "01-01", False),
        ("Head", "03-01", False),
        ("Buyer", "04-01", False),
    ]
    assert _rows(settings, _CONTACTS, "leaves") == [
        ("Buyer", "01-01", False),
        ("Buyer", "03-01", True),
        ("Buyer", "04-01", False),
    ]
    assert _rows(settings, _CONTACTS, "arrives") == [("Buyer", "01-01", False), ("Buyer", "04-01", True)]
    assert _rows(settings, _CONTACTS, "stays") == [("Buyer", "01-01", False)]
    assert _rows(settings, _ACCOUNTS, "changes") == [
        ("it_services", "02-01"), ("technology", "03-01"), ("it_services", "04-01")
    ]  # fmt: skip
    assert _rows(settings, _ACCOUNTS, "leaves") == [("technology", "02-01"), ("technology", "04-01")]
    assert _rows(settings, _ACCOUNTS, "stays") == [("pharma", "02-01")]
    assert _rows(settings, _TOUCHES) == ["leaves", "stays"]
    assert _rows(settings, _SPEND) == [("changes", 10), ("stays", 5)]
    assert _rows(settings, _CLAIMS) == ["mql"]


@pytest.mark.long
def test_old_state_is_back_when_one_path_is_overwritten(deliver: Deliver) -> None:
    settings = deliver(_over_one_path("ABA"))
    assert _rows(settings, _CONTACTS, "changes")[1:] == [("Head", "03-01", False), ("Buyer", "04-01", False)]
    assert _rows(settings, _CONTACTS, "leaves")[1:] == [("Buyer", "03-01", True), ("Buyer", "04-01", False)]
    assert _rows(settings, _CONTACTS, "arrives")[1:] == [("Buyer", "04-01", True)]
    assert [row[1] for row in _rows(settings, _ACCOUNTS, "changes")] == ["02-01", "03-01", "04-01"]
    assert _rows(settings, _TOUCHES) == ["leaves", "stays"]
    assert _rows(settings, _SPEND) == [("changes", 10), ("stays", 5)]


def test_correction_that_is_taken_back_never_held(deliver: Deliver) -> None:
    """One dated path takes another content and then its first again: one snapshot, and it is the first."""
    settings = deliver(_over_one_path("ABA", folder="2024-02-01"))
    assert _whole_state(settings) == _whole_state(deliver(_in_dated_folders("A")))
    assert _counts(settings, "leadproof/touches") == {
        "landed": 5, "accepted": 2, "superseded": 2, "quarantined": 1, "open": 1,
        "latest_row_at": datetime(2024, 1, 10),
    }  # fmt: skip


def test_each_change_back_is_a_version(deliver: Deliver) -> None:
    settings = deliver(_in_dated_folders("ABAB"))
    assert _rows(settings, _CONTACTS, "changes") == [
        ("Buyer", "01-01", False),
        ("Head", "03-01", False),
        ("Buyer", "04-01", False),
        ("Head", "05-01", False),
    ]
    assert _rows(settings, _CONTACTS, "leaves")[-1] == ("Buyer", "05-01", True)
    assert _rows(settings, _CONTACTS, "arrives") == [
        ("Buyer", "01-01", False),
        ("Buyer", "04-01", True),
        ("Buyer", "05-01", False),
    ]
    assert [row[1] for row in _rows(settings, _ACCOUNTS, "changes")] == ["02-01", "03-01", "04-01", "05-01"]
    assert _rows(settings, _TOUCHES) == ["arrives", "stays"]
    assert _rows(settings, _SPEND) == [("changes", 12), ("stays", 5)]
    assert _rows(settings, _CLAIMS) == ["sql"]


def test_same_content_once_more_changes_nothing(deliver: Deliver) -> None:
    once = deliver(_in_dated_folders("A"))
    assert _staged(deliver(_in_dated_folders("AAA"))) == _staged(once)
    assert _staged(deliver(_over_one_path("AA", folder="2024-02-01"))) == _staged(once)


@pytest.mark.long
def test_removal_is_found_after_a_repetition(deliver: Deliver) -> None:
    settings = deliver(_in_dated_folders("AAB"))
    assert _rows(settings, _CONTACTS, "leaves") == [("Buyer", "01-01", False), ("Buyer", "04-01", True)]
    assert _rows(settings, _TOUCHES) == ["arrives", "stays"]


@pytest.mark.long
def test_fact_that_several_snapshots_held_is_removed(deliver: Deliver) -> None:
    """No earlier row of it may take the place of the one that the last of them held."""
    settings = deliver(_in_dated_folders("AAB", differing=True))
    assert _rows(settings, _TOUCHES) == ["arrives", "stays"]


@pytest.mark.long
def test_unreadable_line_proves_no_absence_the_second_time_either(deliver: Deliver) -> None:
    settings = deliver(_in_dated_folders("TAT"))
    assert _rows(settings, _CONTACTS, "leaves") == [("Buyer", "01-01", False)]
    assert _rows(settings, _CONTACTS, "arrives")[-1] == ("Buyer", "04-01", False)
    assert _rows(settings, _TOUCHES) == ["arrives", "leaves", "stays"]


@pytest.mark.long
def test_earlier_snapshot_that_arrives_later_dates_the_content(deliver: Deliver) -> None:
    """What was loaded as of March was so in February already."""
    settings = deliver(
        [Delivery("A", datetime(2024, 5, 1), "2024-03-01"), Delivery("A", datetime(2024, 5, 2), "2024-02-01")]
    )
    assert _rows(settings, _ACCOUNTS, "changes") == [("it_services", "02-01")]
    assert _rows(settings, _CONTACTS, "stays") == [("Buyer", "01-01", False)]


@pytest.mark.long
def test_touched_file_delivers_nothing(deliver: Deliver) -> None:
    """A landing folder that is copied gives every file another modification time and is no new export."""
    settings = deliver(
        [Delivery("A", datetime(2024, 2, 1), "first"), Delivery("B", datetime(2024, 3, 1), "second")]
    )
    before = _staged(settings)
    for path in settings.landing.rglob("*.csv"):
        os.utime(path, ns=(1, 1))
    load(settings, datetime(2024, 4, 1))
    assert _rows(settings, "select count(*) from landing.files where status = 'duplicate'") != [0]
    assert _staged(settings) == before


def test_appended_files_stay_in_force_each_once(deliver: Deliver) -> None:
    settings = deliver(_in_dated_folders("ABA"))
    assert _rows(settings, "select outcome from staging.stg_leadproof__handoffs order by _observed_at") == [
        "accepted", "rejected"
    ]  # fmt: skip
    counts = _counts(settings, APPENDED_TABLE)
    assert (counts["landed"], counts["accepted"], counts["superseded"]) == (2, 1, 1)


# -- as if the content had differed ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "contents"),
    [
        (_in_dated_folders, "ABAB"),
        pytest.param(_in_dated_folders, "AAB-A", marks=pytest.mark.long),
        pytest.param(_in_dated_folders, "TABTTA", marks=pytest.mark.long),
        pytest.param(_over_one_path, "AT-TAB", marks=pytest.mark.long),
    ],
)
def test_repeated_content_means_what_a_loaded_one_does(
    way: Callable[..., list[Delivery]], contents: str, deliver: Deliver
) -> None:
    """Blank lines make each file another one, so that it is loaded."""
    repeated, loaded = deliver(way(contents)), deliver(way(contents, differing=True))
    duplicates = "select count(*) from landing.files where status = 'duplicate'"
    assert _rows(repeated, duplicates) != [0]
    assert _rows(loaded, duplicates) == [0]
    assert _whole_state(repeated) == _whole_state(loaded)


@pytest.mark.long
def test_one_load_of_all_files_gives_the_same_as_one_load_of_each(deliver: Deliver) -> None:
    each, all_at_once = deliver(_in_dated_folders("ABAB")), deliver(_in_dated_folders("ABAB", at_once=True))
    assert _rows(all_at_once, "select count(distinct load_id) from landing.files") == [1]
    assert _whole_state(all_at_once) == _whole_state(each)
    for table in SNAPSHOT_TABLES:
        assert _counts(all_at_once, table) == _counts(each, table)


# -- what is counted ---------------------------------------------------------------------------------


def test_landed_row_that_is_back_in_force_counts_as_accepted(deliver: Deliver) -> None:
    """Else a table would look empty and out of date as soon as an old state is back."""
    settings = deliver(_in_dated_folders("ABA"))
    assert _counts(settings, "leadproof/campaign_spend") == {
        "landed": 4, "accepted": 2, "superseded": 2, "quarantined": 0, "open": 0,
        "latest_row_at": datetime(2024, 1, 10),
    }  # fmt: skip
    assert _counts(settings, "leadproof/touches") == {
        "landed": 5, "accepted": 2, "superseded": 2, "quarantined": 1, "open": 1,
        "latest_row_at": datetime(2024, 1, 10),
    }  # fmt: skip
    assert _counts(settings, "zoho/accounts")["latest_row_at"] == datetime(2024, 4, 1)


@pytest.mark.parametrize(
    ("contents", "mended"),
    [
        pytest.param("A", "open", marks=pytest.mark.long),
        pytest.param("AB", "replaced", marks=pytest.mark.long),
        ("ABA", "open"),
        pytest.param("ABAB", "replaced", marks=pytest.mark.long),
    ],
)
def test_unusable_row_is_quarantined_once_under_the_file_that_was_loaded(
    contents: str, mended: str, deliver: Deliver
) -> None:
    """It is replaced while the record is accepted from a later delivery, in whatever loads they came."""
    query = """
        select source_file, source_row, reason_code, status, first_seen_at
        from marts.quarantine order by source_file, source_row
    """
    for at_once in (False, True):
        settings = deliver(_in_dated_folders(contents, at_once=at_once))
        file = "leadproof/{}/2024-02-01/export.csv"
        seen = datetime(2024, len(contents) + 1 if at_once else 2, 2)
        assert _rows(settings, query) == [
            (file.format("contacts"), 7, "unparseable_timestamp", "open", seen),
            (file.format("contacts"), 8, "unparseable_timestamp", mended, seen),
            (file.format("touches"), 4, "missing_required", "open", seen),
        ]


@pytest.mark.parametrize(("contents", "statuses"), [("AB", {"replaced"}), ("ABA", {"open"})])
def test_unusable_row_is_replaced_while_its_path_holds_another_content(
    contents: str, statuses: set[str], deliver: Deliver
) -> None:
    for folder in ("", "2024-02-01"):
        settings = deliver(_over_one_path(contents, folder=folder))
        assert set(_rows(settings, "select status from marts.quarantine")) == statuses
