"""What is published, declared or edited by people is described once, in words that say more than its name."""

import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.integration.compiled_world import CompiledWorld, Node

pytestmark = pytest.mark.slow

SHORTEST = 15

SEVERAL_MEANINGS = {
    "source_system": "In a stage table that of the evidence, elsewhere that of the row.",
}
"""Columns of marts that do not mean the same everywhere, and why they keep one name."""


def _described(world: CompiledWorld, *kinds: str) -> Iterator[Node]:
    for node in [*world.manifest["nodes"].values(), *world.sources]:
        if node["resource_type"] in kinds:
            yield node


def _columns(world: CompiledWorld) -> Iterator[tuple[Node, Node]]:
    """The columns that people read or write: of marts, the restricted file, seeds and raw tables."""
    for node in _described(world, "model", "seed", "source"):
        if node["resource_type"] != "model" or node["schema"] in ("marts", "restricted", "staging"):
            for column in node["columns"].values():
                yield node, column


def _words(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def _is_telling(description: str, name: str) -> bool:
    return len(description.strip()) >= SHORTEST and _words(description) != _words(name.replace("_", " "))


def test_models_seeds_and_sources_are_described(compiled_world: CompiledWorld) -> None:
    nodes = list(_described(compiled_world, "model", "seed", "source"))
    assert [node["unique_id"] for node in nodes if not _is_telling(node["description"], node["name"])] == []


def test_columns_are_described(compiled_world: CompiledWorld) -> None:
    found = [
        f"{node['name']}.{column['name']}: {column['description']}"
        for node, column in _columns(compiled_world)
        if not _is_telling(column["description"], column["name"])
    ]
    assert found == []


def test_description_says_more_than_the_name() -> None:
    assert not _is_telling("Became MQL at.", "became_mql_at")
    assert not _is_telling("Direction Rule Id", "direction_rule_id")
    assert not _is_telling("Its value.", "value")
    assert _is_telling("When it happened (UTC).", "occurred_at")


def test_no_description_is_copied_to_another_name(compiled_world: CompiledWorld) -> None:
    """One text for two names is a copy that was not rewritten, unless both take it from one doc block."""
    names = defaultdict(set)
    for node, column in _columns(compiled_world):
        if node["resource_type"] != "source" and not column.get("doc_blocks"):
            names[column["description"]].add(column["name"])
    assert {text: sorted(found) for text, found in names.items() if len(found) > 1} == {}


def test_a_name_means_the_same_in_every_mart(compiled_world: CompiledWorld) -> None:
    texts = defaultdict(set)
    for node in _described(compiled_world, "model"):
        if node["schema"] == "marts":
            for column in node["columns"].values():
                texts[column["name"]].add(column["description"])
    assert {name for name, found in texts.items() if len(found) > 1} == set(SEVERAL_MEANINGS)


def test_terms_of_marts_are_defined_in_doc_blocks(compiled_world: CompiledWorld) -> None:
    found = [
        f"{node['name']}.{column['name']}"
        for node in _described(compiled_world, "model")
        if node["schema"] == "marts"
        for column in node["columns"].values()
        if not column.get("doc_blocks")
    ]
    assert found == []


def test_every_doc_block_is_used(compiled_world: CompiledWorld) -> None:
    used = {
        block
        for node in _described(compiled_world, "model", "seed", "source")
        for described in (node, *node["columns"].values())
        for block in described.get("doc_blocks") or ()
    }
    own = {
        key
        for key, block in compiled_world.manifest["docs"].items()
        if block["package_name"] == "leadproof" and block["name"] != "__overview__"
    }
    assert own - used == set()
