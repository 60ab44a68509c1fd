"""Staging on a small landing folder, once with files that add up and once with files that are snapshots."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration.settings import PROJECT_ROOT, Settings
from tests.integration.harness import fetch, make_warehouse
from tests.integration.staging_world import SYSTEMS, load, stage, unstaged_rows

FIXTURES = PROJECT_ROOT / "tests" / "fixtures" / "staging"
SNAPSHOTS = {
    table: "snapshot"
    for table in ("leadproof.contacts", "leadproof.touches", "zoho.leads", "zoho.contacts", "zoho.accounts")
}


def _staged(root: Path, load_modes: dict[str, str]) -> Settings:
    landing = root / "landing"
    shutil.copytree(FIXTURES / "landing", landing)
    settings = make_warehouse(root, landing, source_systems=SYSTEMS, load_modes=load_modes)
    load(settings, datetime(2024, 6, 1))
    # The file of March is delivered again, corrected: the same path with other content.
    shutil.copytree(FIXTURES / "corrected", landing, dirs_exist_ok=True)
    load(settings, datetime(2024, 6, 2))
    stage(settings)
    return settings


@pytest.fixture(scope="module")
def appended(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return _staged(tmp_path_factory.mktemp("appended"), {})


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return _staged(tmp_path_factory.mktemp("snapshots"), SNAPSHOTS)


def _contact_rows(settings: Settings, contact: str) -> list[tuple[Any, ...]]:
    rows = fetch(
        settings,
        """
        select
            strftime(_observed_at, '%m') as month, _load_id, job_title, source_stage,
            strftime(updated_at, '%Y-%m-%d') as row_date, is_deleted, _is_synthetic,
            strftime(_removed_at, '%m') as removed_in
        from staging.stg_leadproof__contacts
        where source_contact_id = ?
        order by _observed_at, _load_id, _is_synthetic
        """,
        [contact],
    )
    return [tuple(row.values()) for row in rows]


def test_append_keeps_every_row_in_force(appended: Settings) -> None:
    rows = _contact_rows(appended, "leaves-and-returns")
    assert rows == [
        ("02", 1, "Buyer", None, "2024-01-01", False, False, None),
        ("03", 1, "Buyer", None, "2024-01-01", False, False, None),
        ("04", 1, "Buyer", None, "2024-01-01", False, False, None),
        ("05", 1, "Buyer", None, "2024-01-01", False, False, None),
    ]
    changed = _contact_rows(appended, "changes-title")
    assert {row[4] for row in changed} == {"2024-01-01"}
    assert fetch(
        appended, "select count(*) as n from staging.stg_leadproof__contacts where _is_synthetic"
    ) == [{"n": 0}]


def test_snapshot_dates_a_change_by_its_first_snapshot(snapshots: Settings) -> None:
    assert _contact_rows(snapshots, "changes-title") == [
        ("02", 1, "Buyer", None, "2024-01-01", False, False, None),
        # Replaced by the corrected file: it says so, and makes neither a version nor a deletion.
        ("03", 1, "Mistaken", None, "2024-03-01", False, False, "03"),
        ("03", 2, "Head of Purchasing", None, "2024-03-01", False, False, None),
        ("04", 1, "Head of Purchasing", None, "2024-03-01", False, False, None),
        # Back to an earlier content is a change like any other.
        ("05", 1, "Buyer", None, "2024-05-01", False, False, None),
    ]


def test_snapshot_deletes_what_it_lacks_and_undoes_it_on_return(snapshots: Settings) -> None:
    assert _contact_rows(snapshots, "leaves-and-returns") == [
        ("02", 1, "Buyer", None, "2024-01-01", False, False, "03"),
        ("02", 1, "Buyer", None, "2024-03-01", True, True, "03"),
        # The file that was replaced still held it; that counts for nothing.
        ("03", 1, "Buyer", None, "2024-01-01", False, False, "03"),
        ("04", 1, "Buyer", None, "2024-04-01", False, False, None),
        ("05", 1, "Buyer", None, "2024-04-01", False, False, None),
    ]


def test_snapshot_return_is_later_than_the_deletion_whatever_the_record_says(snapshots: Settings) -> None:
    assert _contact_rows(snapshots, "dates-itself-and-returns") == [
        ("02", 1, "Buyer", None, "2024-01-15", False, False, "03"),
        ("02", 1, "Buyer", None, "2024-03-01", True, True, "03"),
        ("05", 1, "Buyer", None, "2024-05-01", False, False, None),
    ]


def test_snapshot_with_an_unreadable_line_deletes_nobody(snapshots: Settings) -> None:
    """April's file has a line that cannot be parsed: it may hold either of those that seem missing."""
    assert _contact_rows(snapshots, "dates-itself") == [
        ("02", 1, "Buyer", None, "2024-01-15", False, False, None),
        ("03", 1, "Chief Buyer", None, "2024-02-20", False, False, "03"),
        ("03", 2, "Chief Buyer", None, "2024-02-20", False, False, None),
        ("05", 1, "Chief Buyer", None, "2024-02-20", False, False, None),
    ]
    assert _contact_rows(snapshots, "leaves-late") == [
        ("02", 1, "Buyer", None, "2024-01-01", False, False, "05"),
        ("03", 1, "Buyer", None, "2024-01-01", False, False, "03"),
        ("03", 2, "Buyer", None, "2024-01-01", False, False, "05"),
        # One deletion, of the last row that held the record.
        ("03", 2, "Buyer", None, "2024-05-01", True, True, "05"),
    ]


def test_snapshot_forgets_what_only_the_replaced_file_held(snapshots: Settings) -> None:
    assert _contact_rows(snapshots, "added-by-mistake") == [
        ("03", 1, "Buyer", None, "2024-01-01", False, False, "03"),
    ]


def test_snapshot_claim_makes_no_version(snapshots: Settings) -> None:
    rows = _contact_rows(snapshots, "claims-more")
    assert {row[4] for row in rows} == {"2024-01-01"}
    assert rows[-1][3] == "sql"


def test_snapshot_implies_no_deletion_of_a_row_that_cannot_be_used(snapshots: Settings) -> None:
    rows = _contact_rows(snapshots, "cannot-be-read")
    assert [(row[6], row[7]) for row in rows] == [(False, "03")]


def test_snapshot_passes_the_removal_of_a_fact_on(snapshots: Settings) -> None:
    rows = fetch(
        snapshots,
        """
        select
            source_touch_id,
            strftime(_observed_at, '%m') as month,
            strftime(_removed_at, '%m') as removed_in
        from staging.stg_leadproof__touches
        where source_touch_id in ('stays', 'is-withdrawn')
        order by source_touch_id, _observed_at
        """,
    )
    assert [tuple(row.values()) for row in rows] == [
        ("is-withdrawn", "02", "03"),
        ("stays", "02", None),
        ("stays", "03", None),
    ]


def test_zoho_lead_changes_by_its_facts_and_not_by_its_success(snapshots: Settings) -> None:
    rows = fetch(
        snapshots,
        """
        select
            source_contact_id, company_name, source_stage,
            strftime(updated_at, '%Y-%m-%d') as row_date, is_deleted
        from staging.stg_zoho__contacts
        where source_contact_id in ('lead-1', 'lead-2', 'lead-3')
        order by source_contact_id, _observed_at, _is_synthetic
        """,
    )
    assert [tuple(row.values()) for row in rows] == [
        ("lead-1", "Acme", "prospect", "2021-04-15", False),
        ("lead-1", "Acme", "sql", "2021-04-15", False),
        ("lead-2", "Bolt", "mql", "2021-04-16", False),
        ("lead-2", "Bolt Works", "mql", "2024-03-01", False),
        ("lead-3", "Cork", "junk", "2021-04-17", False),
        ("lead-3", "Cork", "junk", "2024-03-01", True),
    ]


def test_zoho_calls_that_differ_by_task_id_alone_are_one_touch(appended: Settings) -> None:
    rows = fetch(
        appended,
        """
        select
            source_touch_id, count(*) as repeats,
            min(source_contact_id) as contact, min(touch_type) as kind
        from staging.stg_zoho__touches
        where source_table = 'calls' and reject_reason is null
        group by source_touch_id
        order by repeats desc, contact
        """,
    )
    assert [(row["repeats"], row["contact"], row["kind"]) for row in rows] == [
        (3, "contact-1", "inbound_call"),
        (1, "contact-1", "inbound_call"),
        (1, "lead-2", "call_made"),
    ]


def test_reasons_are_exactly_those_of_the_rows(appended: Settings) -> None:
    found = set()
    for system, entity in (
        ("leadproof", "contacts"), ("leadproof", "touches"), ("zoho", "contacts"), ("zoho", "companies"),
        ("zoho", "touches"), ("zoho", "campaigns"), ("zoho", "campaign_spend"), ("zoho", "deals"),
        ("olist", "contacts"), ("olist", "touches"), ("olist", "deals"),
    ):  # fmt: skip
        rows = fetch(
            appended,
            f"""
            select distinct source_table, _source_row, reject_reason, reject_column
            from staging.stg_{system}__{entity} where reject_reason is not null
            """,
        )
        found |= {(entity, *row.values()) for row in rows}
    assert found == {
        ("contacts", "contacts", 8, "unparseable_timestamp", "created_at"),
        ("touches", "touches", 4, "no_identity", "source_contact_id"),
        ("touches", "touches", 5, "missing_required", "occurred_at"),
        ("touches", "touches", 3, "no_identity", "source_contact_id"),
        ("touches", "touches", 4, "missing_required", "occurred_at"),
        ("contacts", "leads", 5, "missing_required", "source_contact_id"),
        ("contacts", "leads", 6, "missing_required", "created_at"),
        ("campaigns", "campaigns", 4, "missing_required", "updated_at"),
        ("campaign_spend", "campaigns", 3, "unparseable_number", "amount"),
        ("touches", "campaign_lead_status", 4, "ambiguous_identity", "source_contact_id"),
        ("touches", "campaign_lead_status", 5, "ambiguous_identity", "source_contact_id"),
        ("touches", "calls", 7, "no_identity", "source_contact_id"),
        ("touches", "events", 3, "no_identity", "source_contact_id"),
        ("contacts", "marketing_qualified_leads", 4, "missing_required", "created_at"),
        ("touches", "marketing_qualified_leads", 4, "missing_required", "occurred_at"),
    }


@pytest.mark.parametrize("mode", ["appended", "snapshots"])
def test_no_landed_row_is_lost(mode: str, request: pytest.FixtureRequest) -> None:
    counts = unstaged_rows(request.getfixturevalue(mode))
    assert len(counts) == 19
    assert {key: missing for key, missing in counts.items() if missing} == {}
