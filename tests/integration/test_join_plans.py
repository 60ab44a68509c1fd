"""No model makes DuckDB compare every row with every other where a key could tell them apart."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.integration.compiled_world import CompiledWorld
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


def test_such_a_join_is_found(compiled_world: CompiledWorld):
    blind = (
        "select 1 from marts.touches as a"
        " left join marts.people as b on a.campaign_id is null and a.person_id = b.person_id"
    )
    with connect(compiled_world.settings) as database:
        assert len(list(_blind_joins(_plan(database, blind)))) == 1


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
