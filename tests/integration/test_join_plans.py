"""No model makes DuckDB compare every row with every other where a key could tell them apart."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from expectations import suites
from expectations.catalogue import read_catalogue
from expectations.claims import Claim, class_named
from expectations.claims.base import tally_sql
from orchestration.release.database import literal
from orchestration.released_past import entries_sql, held_columns
from tests.integration.compiled_world import AS_OF, BUILD_ID, CompiledWorld
from tests.integration.harness import connect

# Two columns that are equal: with that alone in a condition, a hash join would do.
_EQUAL_COLUMNS = re.compile(r"\(\w+ = \w+\)")
_CASES = re.compile(r"CASE .* END")


def test_no_join_with_a_key_compares_all_rows(compiled_world: CompiledWorld):
    """As where an outer join has a condition on its left side alone; small tables hide what it costs."""
    with connect(compiled_world.settings) as database:
        found = {
            node["name"]: conditions
            for node in compiled_world.models
            if (conditions := list(_blind_joins(_plan(database, node["compiled_code"]))))
        }

    assert found == {}


def test_no_expectation_compares_all_rows(compiled_world: CompiledWorld):
    catalogue = read_catalogue(compiled_world.settings.build_db, BUILD_ID)
    planned = suites.plan(catalogue, BUILD_ID, AS_OF, [])
    with connect(compiled_world.settings) as database:
        found = {
            each.identity: conditions
            for each in planned
            if each.promise.table in catalogue.columns
            if (conditions := list(_blind_joins(_plan(database, _tally(each)))))
        }

    assert len(planned) > 100
    assert found == {}


def test_a_release_is_read_without_comparing_all_rows(compiled_world: CompiledWorld, tmp_path: Path):
    release = compiled_world.copied_to(tmp_path).build_db
    with connect(compiled_world.settings) as database:
        database.execute(f"attach {literal(release)} as released (read_only)")
        assert list(_blind_joins(_plan(database, entries_sql(held_columns(database))))) == []


def test_such_a_join_is_found(compiled_world: CompiledWorld):
    blind = (
        "select 1 from marts.touches as a"
        " left join marts.people as b on a.campaign_id is null and a.person_id = b.person_id"
    )
    with connect(compiled_world.settings) as database:
        assert len(list(_blind_joins(_plan(database, blind)))) == 1


def _tally(planned: suites.PlannedExpectation) -> str:
    claim: Claim = class_named(planned.promise.expectation)(**planned.parameters)
    return tally_sql(f"select * from marts.{planned.promise.table}", claim.rows_sql(), claim.scope_sql())


def _plan(database: Any, query: str) -> list[dict[str, Any]]:
    rows = database.execute(f"explain (format json) {query}").fetchall()
    plan: list[dict[str, Any]] = json.loads(rows[0][1])
    return plan


def _blind_joins(nodes: list[dict[str, Any]]) -> Iterator[str]:
    for node in nodes:
        condition = str(node["extra_info"].get("Condition", ""))
        if node["name"].strip() == "BLOCKWISE_NL_JOIN" and _EQUAL_COLUMNS.search(_CASES.sub("", condition)):
            yield condition
        yield from _blind_joins(node["children"])
