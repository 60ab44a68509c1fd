"""No stage, no verdict and no quality report depends on a sale, down to the raw columns.

Otherwise the funnel would prove itself by its own outcome: fit would depend on winning. The sources declare
which tables and columns record a sale (``records_sale``). Three proofs follow from that: dbt's graph, the
compiled SQL, and warehouses in which every one of those columns is made to say something else. A new model is
protected unless it is listed here with the reason why not.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import duckdb
import pytest

from expectations.catalogue import read_catalogue
from expectations.suites import MARTS, plan
from orchestration import records
from orchestration.records import BuildRecord
from orchestration.release import write_candidate
from orchestration.report.pages import write_pages
from orchestration.settings import Settings
from tests.integration.compiled_world import AS_OF, BUILD_ID, CompiledWorld, Node
from tests.integration.harness import connect, fetch
from tests.integration.sales_worlds import (
    ADDS_SALES,
    CHANGES,
    SAYS_SOLD,
    RawColumn,
    handed_off_otherwise,
    is_marked,
    is_raw,
    sale_columns,
    sale_tables,
)

pytestmark = pytest.mark.slow

SALES = {
    "stg_*__deals": "The deals of a source system. They are what closed-loop reports read.",
    "int_deals_judged": "The deals of all systems with their verdicts, for closed-loop reports.",
    "closed_loop": "The closed-loop report: deals and amounts beside what had been proved. Nothing reads it.",
}
"""Models that hold sales."""

BOOKKEEPING = {
    "int_rows_judged": "Lists every staged row with its verdict: each landed row is accounted for.",
    "int_rows_quarantined": "Lists the rows that cannot be used, of sales tables too.",
    "quarantine": "Publishes that list.",
    "row_reconciliation": "Counts rows by source table and entity: conservation holds for all of them.",
}
"""Models that count the rows of sales tables. Only their rows about deals may change, and nothing else."""

CLAIMS = {
    "int_claims_collected": "What a CRM claims, which it may set when a deal is won.",
    "stage_claims": "Shows what a CRM claims beside what is proved.",
}
"""Models that read what a CRM claims. They may follow a sale; nothing may follow them."""

EXEMPT = SALES | BOOKKEEPING | CLAIMS

MENTIONS = {
    "account_type": [],
    "converted": ["base_zoho__leads", "base_zoho__contacts", "stg_zoho__contacts"],
    "lead_status": ["base_zoho__leads", "base_zoho__contacts", "stg_zoho__contacts"],
    "source_stage": ["stg_*__contacts", "int_claims_collected"],
}
"""Which models may name a raw column that records a sale, and the claim that is made of it."""

NO_SALE = {
    "zoho.campaigns.expected_revenue": "What somebody hoped for before anybody had bought.",
    "zoho.calls.potentialid": "Which record a call was about. Tells repeats apart; says no outcome.",
    "zoho.calls.what_id": "Empty in this export.",
    "zoho.events.potentialid": "Which record a meeting was about. Not used.",
    "zoho.events.what_id": "Repeats the potential's id. Not used.",
}
"""Columns whose name or description sounds like a sale, and why they record none."""

_NAMED_LIKE_A_SALE = re.compile(
    r"convert|customer|revenue|deal|potential|opportun|(^|_)won(_|$)|sold|sale|purchas|contract_|invoice|order|^what_id"
)
_TOLD_LIKE_A_SALE = re.compile(r"a sale\b|\bwon\b|\bsold\b|\bpotentials?\b|opportunit|revenue", re.IGNORECASE)

EMPTY = {
    "stg_*__handoffs": "Only the canonical form has handoffs.",
    "stg_olist__campaigns": "The source has no campaigns.",
    "stg_olist__campaign_spend": "The source has no spend.",
    "stg_olist__companies": "The source has no companies.",
    "int_*_restaged": "Only an increment fills it.",
    "int_*_changed": "Only an increment fills it.",
    "int_*_rechecked": "Only an increment fills it.",
    "int_*_affected": "Only an increment fills it.",
    "opt_out_breaches": "Nobody is contacted after an opt-out.",
    "restatements": "There is no release before.",
    "int_answers_crossed": "Nobody answers a touch that another key bears.",
}
"""Models without a row in the small world, whose comparison therefore says nothing."""

FOLLOW_CLAIMS = {
    "ExpectUniqueKey_stage_claims": "Nobody is claimed twice by one system.",
    "ExpectRequiredValues_stage_claims": "A claim names a stage.",
    "ExpectKnownPeople_stage_claims": "Claims are made of listed people.",
    "ExpectAcceptedValues_stage_claims": "A claimed stage is one of the codes.",
    "ExpectProvedStage_stage_claims": "Beside a claim stands the stage that is proved.",
    "ExpectNoPersonalValues_stage_claims": "Claims are published like any other table.",
    "ExpectUniqueKey_closed_loop": "No two rows of the closed-loop report share their grain.",
    "ExpectRequiredValues_closed_loop": "Its counts and amounts are there.",
    "ExpectAcceptedValues_closed_loop": "Its codes are known ones.",
    "ExpectNoPersonalValues_closed_loop": "It is published like any other table.",
    "ExpectEveryDealCounted_closed_loop": "Every accepted row of a deal is in it, whatever it says.",
}
"""Promises that look at other rows after a sale: at the form of these two tables and at whether all rows
are in them, never at what they say."""

ENTITY = "deals"


def matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


# -- what records a sale -----------------------------------------------------------------------------


def test_every_table_that_feeds_deals_is_marked(compiled_world: CompiledWorld) -> None:
    feeding = {
        source["unique_id"]
        for source in compiled_world.sources
        if ENTITY in source["config"].get("meta", {}).get("feeds", [])
    }
    assert feeding == {source["unique_id"] for source in sale_tables(compiled_world.sources)}
    assert all(
        source["config"]["meta"]["feeds"] == [ENTITY] for source in sale_tables(compiled_world.sources)
    )


def test_columns_that_sound_like_a_sale_are_marked_or_explained(compiled_world: CompiledWorld) -> None:
    marked = set(sale_columns(compiled_world.sources))
    sounding = {
        RawColumn(source["schema"].removeprefix("raw_"), source["identifier"], column["name"])
        for source in compiled_world.sources
        if is_raw(source) and not is_marked(source)
        for column in source["columns"].values()
        if _NAMED_LIKE_A_SALE.search(column["name"]) or _TOLD_LIKE_A_SALE.search(column["description"])
    }
    explained = {RawColumn(*name.split(".")) for name in NO_SALE}
    assert sounding - marked == explained


def test_marked_columns_and_tables_can_be_made_to_say_sold(compiled_world: CompiledWorld) -> None:
    columns = {marked.column for marked in sale_columns(compiled_world.sources)}
    assert columns == set(SAYS_SOLD) == set(MENTIONS)
    tables = {f"{source['schema']}.{source['identifier']}" for source in sale_tables(compiled_world.sources)}
    assert tables == set(ADDS_SALES)


# -- the graph and the SQL ---------------------------------------------------------------------------


def _ancestors(world: CompiledWorld) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for node in world.models:
        parents = node["depends_on"]["nodes"]
        found[node["unique_id"]] = {*parents, *(each for parent in parents for each in found.get(parent, ()))}
    return found


def _sales(world: CompiledWorld) -> set[str]:
    return {source["unique_id"] for source in sale_tables(world.sources)} | {
        node["unique_id"] for node in world.models if matches(node["name"], SALES)
    }


def test_no_protected_model_descends_from_a_sale(compiled_world: CompiledWorld) -> None:
    exempt = {node["unique_id"] for node in compiled_world.models if matches(node["name"], EXEMPT)}
    forbidden = _sales(compiled_world) | exempt
    ancestors = _ancestors(compiled_world)
    found = {
        node["name"]: sorted(ancestors[node["unique_id"]] & forbidden)
        for node in compiled_world.models
        if node["unique_id"] not in exempt and ancestors[node["unique_id"]] & forbidden
    }
    assert found == {}


def test_every_exemption_is_needed(compiled_world: CompiledWorld) -> None:
    names = [node["name"] for node in compiled_world.models]
    assert [pattern for pattern in EXEMPT if not matches_any(pattern, names)] == []
    ancestors, sales = _ancestors(compiled_world), _sales(compiled_world)
    for node in compiled_world.models:
        if matches(node["name"], SALES | BOOKKEEPING):
            assert ancestors[node["unique_id"]] & sales, f"{node['name']} no longer descends from a sale"
        if matches(node["name"], CLAIMS):
            assert not ancestors[node["unique_id"]] & sales, f"{node['name']} is no longer a claim alone"


def matches_any(pattern: str, names: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names)


def test_only_listed_models_name_a_column_that_records_a_sale(compiled_world: CompiledWorld) -> None:
    """Where no name stands, nothing is selected, joined or filtered by it; `*` is the next test's matter."""
    for column, allowed in MENTIONS.items():
        mentioning = [
            node["name"]
            for node in compiled_world.models
            if re.search(rf"\b{column}\b", _without_comments(node["compiled_code"]))
        ]
        assert [name for name in mentioning if not matches(name, allowed)] == [], column
        assert [pattern for pattern in allowed if not matches_any(pattern, mentioning)] == [], column


def test_no_model_hands_a_column_that_records_a_sale_on(compiled_world: CompiledWorld) -> None:
    with connect(compiled_world.settings, read_only=True) as database:
        rows = database.execute(
            "select table_name, column_name from information_schema.columns"
            " where table_schema not like 'raw_%'"
        ).fetchall()
    carrying = {(table, column) for table, column in rows if column in MENTIONS}
    assert {(table, column) for table, column in carrying if not matches(table, MENTIONS[column])} == set()


def _without_comments(sql: str) -> str:
    return re.sub(r"--[^\n]*|/\*.*?\*/", " ", sql, flags=re.DOTALL)


# -- other worlds ------------------------------------------------------------------------------------

Rows = Counter[tuple[Any, ...]]


@dataclass(frozen=True)
class Contents:
    """A relation's columns and rows."""

    columns: tuple[str, ...]
    rows: Rows

    def differences(self, other: "Contents") -> list[str]:
        """The columns that hold other values; none if the relations are the same."""
        if self == other:
            return []
        mine, theirs = (list(zip(*each.rows.elements(), strict=True)) for each in (self, other))
        if self.columns != other.columns or len(mine) != len(theirs):
            return ["(columns or rows that only one of them has)"]
        changed = [
            column
            for column, before, after in zip(self.columns, mine, theirs, strict=True)
            if Counter(before) != Counter(after)
        ]
        return changed or ["(values of rows exchanged)"]


def _is_compared(node: Node, column: str) -> bool:
    """All columns are compared but the claims that staging models carry."""
    return not (node["schema"] == "staging" and matches(node["name"], MENTIONS.get(column, ())))


def contents(world: CompiledWorld, settings: Settings) -> dict[str, Contents]:
    found = {}
    with connect(settings, read_only=True) as database:
        for node in world.models:
            where = f"where entity <> '{ENTITY}'" if node["name"] in BOOKKEEPING else ""
            cursor = database.execute(f"select * from {node['schema']}.{node['alias']} {where}")
            columns = [column[0] for column in cursor.description or ()]
            kept = [place for place, column in enumerate(columns) if _is_compared(node, column)]
            rows = Counter(tuple(row[place] for place in kept) for row in cursor.fetchall())
            found[f"{node['schema']}.{node['alias']}"] = Contents(
                tuple(columns[place] for place in kept), rows
            )
    return found


@pytest.fixture(scope="module")
def unchanged(compiled_world: CompiledWorld, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return compiled_world.copied_to(tmp_path_factory.mktemp("unchanged"))


@pytest.fixture(scope="module")
def worlds(compiled_world: CompiledWorld, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Settings]:
    """One warehouse for each change, with every model built anew."""
    changed = {}
    for name, change in CHANGES.items():
        settings = compiled_world.copied_to(tmp_path_factory.mktemp(name))
        with connect(settings) as database:
            change(database, compiled_world.sources)
            compiled_world.run_models(database)
        changed[name] = settings
    return changed


@pytest.fixture(scope="module")
def before(compiled_world: CompiledWorld, unchanged: Settings) -> dict[str, Contents]:
    return contents(compiled_world, unchanged)


@pytest.fixture(scope="module")
def after(compiled_world: CompiledWorld, worlds: dict[str, Settings]) -> dict[str, dict[str, Contents]]:
    return {name: contents(compiled_world, settings) for name, settings in worlds.items()}


def test_every_protected_model_has_rows(before: dict[str, Contents]) -> None:
    empty = [relation for relation, found in before.items() if not found.rows]
    assert [relation for relation in empty if not matches(relation.split(".")[1], EMPTY)] == []


@pytest.mark.parametrize("name", CHANGES)
def test_no_protected_model_changes_with_the_sales(
    name: str, before: dict[str, Contents], after: dict[str, dict[str, Contents]]
) -> None:
    changed = {
        relation: before[relation].differences(after[name][relation])
        for relation in before
        if not matches(relation.split(".")[1], SALES | CLAIMS)
    }
    assert {relation: columns for relation, columns in changed.items() if columns} == {}


def test_models_that_may_follow_a_sale_do(
    before: dict[str, Contents], after: dict[str, dict[str, Contents]]
) -> None:
    """Else the worlds would not differ where it matters, and the test above would say nothing."""
    followers = [relation for relation in before if matches(relation.split(".")[1], SALES | CLAIMS)]
    still = [each for each in followers if all(after[name][each] == before[each] for name in CHANGES)]
    assert followers
    assert still == []


def test_bookkeeping_counts_the_changed_rows(unchanged: Settings, worlds: dict[str, Settings]) -> None:
    for table in BOOKKEEPING:
        schema = MARTS if table in ("quarantine", "row_reconciliation") else "intermediate"
        query = f"select * from {schema}.{table} where entity = '{ENTITY}' order by all"
        rows = fetch(unchanged, query)
        assert rows
        assert any(fetch(worlds[name], query) != rows for name in CHANGES), table


# -- handoffs and money ------------------------------------------------------------------------------

QUALITY = (
    "int_contacts_followed",
    "int_people_contacted",
    "int_tests_counted",
    "int_tests_judged",
    "campaign_scorecard",
    "segment_scorecard",
    "message_scorecard",
    "hypothesis_log",
)
"""What outbound quality and its verdicts are read from: before sales is involved, and whatever it costs."""


def test_scorecards_and_verdicts_do_not_follow_handoffs_or_spend(
    compiled_world: CompiledWorld, before: dict[str, Contents], tmp_path: Path
) -> None:
    settings = compiled_world.copied_to(tmp_path)
    with connect(settings) as database:
        handed_off_otherwise(database, compiled_world.sources)
        compiled_world.run_models(database)
    after = contents(compiled_world, settings)
    judged = {relation for relation in before if relation.split(".")[1] in QUALITY}
    assert len(judged) == len(QUALITY)
    assert {
        each: before[each].differences(after[each]) for each in judged if before[each] != after[each]
    } == {}
    # Else the worlds would not differ.
    assert before["marts.stage_transitions"] != after["marts.stage_transitions"]


# -- the audit ---------------------------------------------------------------------------------------


def _examined(settings: Settings) -> dict[str, Rows]:
    """What each promise examines and counts, row by row, without the rows that are about deals."""
    from expectations.claims import class_named

    about_deals = f"""
        regexp_replace(key, '^.* of ', '')
            in (select quarantine_id from {MARTS}.quarantine where entity = '{ENTITY}')
        or regexp_matches(key, '\\b({ENTITY}|potentials|closed_deals)\\b')
    """
    # Source systems share a promise's queries, so one of them speaks for all.
    catalogue = read_catalogue(settings.build_db, BUILD_ID)
    promises = {each.promise.check_name: each for each in plan(catalogue, BUILD_ID, AS_OF, ())}
    found = {}
    with connect(settings, read_only=True) as database:
        for name, planned in promises.items():
            claim = class_named(planned.promise.expectation)(**planned.parameters)
            batch = f"with batch as (select * from {MARTS}.{planned.promise.table})"
            rows = database.execute(
                f"{batch} select * from ({claim.rows_sql()}) as examined where ({about_deals}) is not true"
            ).fetchall()
            # How many rows lie in quarantine follows from what cannot be read in any table.
            is_counted = planned.promise.table != "quarantine"
            scope = database.execute(f"{batch} {claim.scope_sql()}").fetchall() if is_counted else []
            found[name] = Counter([*rows, *scope])
    return found


def test_no_promise_examines_a_sale(unchanged: Settings, worlds: dict[str, Settings]) -> None:
    before = _examined(unchanged)
    assert before
    changed = set()
    for settings in worlds.values():
        after = _examined(settings)
        changed |= {check for check, rows in before.items() if after[check] != rows}
    assert changed == set(FOLLOW_CLAIMS)


@pytest.mark.parametrize("entity", ["contacts", None])
def test_freshness_is_not_that_of_the_deals(entity: str | None) -> None:
    """A system without touches is as fresh as its records; deals that go on arriving do not make it so."""
    from expectations.claims import class_named

    claim = class_named("ExpectFreshness")(build_id=BUILD_ID, as_of="2026-06-30 12:00:00", tolerance=24)
    rows = [(ENTITY, "2026-06-30 11:00:00"), *([(entity, "2026-01-01 00:00:00")] if entity else [])]
    listed = ", ".join(
        f"('{BUILD_ID}', 'acme', 'records', '{each}', 1, timestamp '{newest}')" for each, newest in rows
    )
    batch = (
        f"with batch as (select * from (values {listed}) as batch"
        " (build_id, source_system, source_table, entity, accepted_rows, latest_row_at))"
    )
    with duckdb.connect() as database:
        found = database.execute(f"{batch} select * from ({claim.rows_sql()}) as examined").fetchall()
        scope = database.execute(f"{batch} select * from ({claim.scope_sql()}) as scope").fetchall()
    examined = [(key, failing) for key, _, _, failing, _ in found]
    assert examined == ([("acme.records (contacts)", 1)] if entity else [])
    assert scope == ([("acme", 1)] if entity else [])


# -- the quality report ------------------------------------------------------------------------------

COUNTS_ROWS = {"rows", "quarantine"}
SHOWS_CLAIMS = {"claims"}
"""Sections that may differ: row counts of sales tables, and `stage_claims` beside what is proved."""


def _page(settings: Settings) -> dict[str, str]:
    """The sections of the quality report, by id, and what stands above them without what CRMs claim."""
    write_candidate(settings, build_id=BUILD_ID, as_of=AS_OF)
    record = BuildRecord(
        build_id=BUILD_ID,
        status="candidate",
        as_of=AS_OF.isoformat(),
        started_at=AS_OF.isoformat(),
        source_systems=list(settings.source_systems),
    )
    records.write_record(settings, record)
    text = write_pages(settings, BUILD_ID).read_text(encoding="utf-8")
    sections = dict(re.findall(r'<section id="([\w-]+)"(.*?)</section>', text, re.DOTALL))
    sections["above"] = re.sub(r'<p class="claim">.*?</p>\s*', "", text[: text.index("<section")])
    return sections


def test_quality_report_tells_of_no_sale(unchanged: Settings, worlds: dict[str, Settings]) -> None:
    expected = _page(unchanged)
    assert {"funnel", "obstacles", "directions", "freshness", *COUNTS_ROWS, *SHOWS_CLAIMS} <= set(expected)
    for name, settings in worlds.items():
        page = _page(settings)
        assert set(page) == set(expected)
        differing = {section for section in expected if page[section] != expected[section]}
        assert differing <= COUNTS_ROWS | SHOWS_CLAIMS, name
