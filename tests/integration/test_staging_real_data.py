"""Staging on exports that nobody here wrote: every row accounted for, by reason."""

import shutil
from datetime import datetime
from pathlib import Path

import pytest

from orchestration.settings import PROJECT_ROOT, Settings
from tests.integration.harness import fetch, make_warehouse
from tests.integration.staging_world import load, stage, unstaged_rows

EXPORTS = PROJECT_ROOT.parent / "shared" / "data"
OLIST_TABLES = {
    "olist_marketing_qualified_leads_dataset.csv": "marketing_qualified_leads",
    "olist_closed_deals_dataset.csv": "closed_deals",
}
ENTITIES = {
    "zoho": ("contacts", "companies", "touches", "campaigns", "campaign_spend", "deals"),
    "olist": ("contacts", "touches", "deals"),
}
pytestmark = pytest.mark.skipif(
    not EXPORTS.is_dir(),
    reason=f"the real exports are not here ({EXPORTS}); they are never part of the project",
)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    root = tmp_path_factory.mktemp("real")
    for path in sorted((EXPORTS / "zoho_crm").glob("*.csv")):
        _drop(path, root / "landing" / "zoho" / path.stem.lower())
    for name, table in OLIST_TABLES.items():
        _drop(EXPORTS / "olist_funnel" / name, root / "landing" / "olist" / table)
    modes = dict.fromkeys(("zoho.leads", "zoho.contacts", "zoho.accounts"), "snapshot")
    settings = make_warehouse(root, root / "landing", source_systems=("zoho", "olist"), load_modes=modes)
    load(settings, datetime(2024, 6, 1))
    stage(settings)
    return settings


def _drop(path: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    shutil.copy(path, folder / path.name)


def test_real_rows_are_all_staged_and_counted_by_reason(real: Settings) -> None:
    counts = {}
    for system, entities in ENTITIES.items():
        for entity in entities:
            rows = fetch(
                real,
                f"""
                select source_table, coalesce(reject_reason, 'usable') as verdict, count(*) as staged
                from staging.stg_{system}__{entity}
                group by all
                """,
            )
            for row in rows:
                counts[system, row["source_table"], entity, row["verdict"]] = row["staged"]
    for (system, table, entity, verdict), staged in sorted(counts.items()):
        print(f"{system}.{table} as {entity}: {verdict} {staged:,}")
    assert counts == {
        ("zoho", "leads", "contacts", "usable"): 3900,
        ("zoho", "contacts", "contacts", "usable"): 1265,
        ("zoho", "accounts", "companies", "usable"): 2229,
        ("zoho", "campaigns", "campaigns", "usable"): 110,
        ("zoho", "campaigns", "campaign_spend", "usable"): 110,
        ("zoho", "campaign_lead_status", "touches", "usable"): 1720,
        ("zoho", "campaign_lead_status", "touches", "ambiguous_identity"): 2180,
        ("zoho", "calls", "touches", "usable"): 2270,
        ("zoho", "calls", "touches", "no_identity"): 1830,
        ("zoho", "events", "touches", "usable"): 2975,
        ("zoho", "events", "touches", "no_identity"): 3,
        # 3,632 potentials, of which 1,910 are closed as well.
        ("zoho", "potentials", "deals", "usable"): 5542,
        ("olist", "marketing_qualified_leads", "contacts", "usable"): 8000,
        ("olist", "marketing_qualified_leads", "touches", "usable"): 8000,
        ("olist", "closed_deals", "deals", "usable"): 842,
    }
    assert {key: missing for key, missing in unstaged_rows(real).items() if missing} == {}


def test_real_optional_values_are_all_read(real: Settings) -> None:
    for system, entities in ENTITIES.items():
        for entity in entities:
            rows = fetch(real, f"select distinct warning_columns from staging.stg_{system}__{entity}")
            assert rows == [{"warning_columns": None}], f"{system} {entity}"


def test_real_calls_repeat_and_everything_else_does_not(real: Settings) -> None:
    rows = fetch(
        real,
        """
        select source_table, count(distinct source_touch_id) as touches, count(*) as staged
        from staging.stg_zoho__touches
        group by all
        """,
    )
    assert {row["source_table"]: (row["touches"], row["staged"]) for row in rows} == {
        "calls": (1528, 4100),
        "events": (2978, 2978),
        "campaign_lead_status": (3900, 3900),
    }


def test_real_money_adds_up(real: Settings) -> None:
    spend = fetch(
        real,
        """
        select sum(amount) as total, count(distinct currency) as currencies
        from staging.stg_zoho__campaign_spend
        """,
    )
    assert spend == [{"total": pytest.approx(44_209_580.0), "currencies": 1}]
    won = fetch(
        real,
        "select sum(amount) as total, count(*) as deals from staging.stg_zoho__deals where status = 'won'",
    )
    assert won == [{"total": pytest.approx(89_066_200.0), "deals": 1425}]


def test_real_paid_search_states_no_keyword(real: Settings) -> None:
    rows = fetch(
        real,
        """
        select channel, placement, keyword_intent, audience_consent, count(*) as touches
        from staging.stg_olist__touches
        where channel in ('paid_search', 'email')
        group by all
        order by channel
        """,
    )
    assert [tuple(row.values()) for row in rows] == [
        ("email", None, None, None, 493),
        ("paid_search", "search_ad", None, None, 1586),
    ]
