"""Each layer of models reads the layer before it: what a model may depend on is known from where it lies."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.integration.compiled_world import CompiledWorld, Node

pytestmark = pytest.mark.slow

MAY_READ = {
    "base": ("raw", "seed"),
    "staging": ("raw", "seed", "base", "staging"),
    "intermediate": ("seed", "staging", "intermediate"),
    "marts": ("seed", "intermediate", "marts"),
    "reports": ("seed", "intermediate", "marts", "reports"),
    "restricted": ("seed", "intermediate"),
}
"""Which layers a layer reads. Reports, and what they share, lie in a folder `reports` of their layer and
come after the marts. Nothing reads `restricted`: it is written beside a release, never into it."""

EXCEPTIONS = {
    ("*", "ops.current_build"): "The one clock of a build, and the salt of person ids.",
    ("*", "landing.rejects"): "A line that could not be parsed has no raw row, and counts all the same.",
    ("*", "landing.files"): "The ledger says which files landed, and when; no row of theirs does.",
    (
        "int_rows_changed",
        "ops.completed_registry",
    ): "Which campaigns the registry says something else of now.",
    ("quarantine", "ops.quarantine_log"): "Remembers rows that pass now.",
    ("row_reconciliation", "ops.row_reconciliation_log"): "Keeps what earlier builds counted.",
    ("restatements", "ops.compared_release"): "Is about what the release before had said.",
    ("restatements", "ops.released_entries"): "Is about what the release before had said.",
    ("restatements", "ops.released_restatements"): "Keeps what earlier builds found.",
}
"""What a model may read besides, and why."""

READ_BY_PYTHON = {
    "audit_thresholds": "The audit reads its tolerances from it.",
    "vocabulary": "The check of the policy reads the codes from it.",
}
"""Seeds that no model reads, and who does."""


def _layer(node: Node) -> str:
    if node["resource_type"] == "seed":
        return "seed"
    if node["resource_type"] == "source":
        return "raw" if node["schema"].startswith("raw_") else node["source_name"]
    folder, *below = Path(node["path"]).parts
    if below[0] == "reports":
        return "reports"
    return "base" if folder == "staging" and node["name"].startswith("base_") else folder


def _label(node: Node) -> str:
    return f"{node['source_name']}.{node['name']}" if node["resource_type"] == "source" else node["name"]


def _reads(world: CompiledWorld) -> Iterator[tuple[Node, Node]]:
    nodes = {**world.manifest["nodes"], **world.manifest["sources"]}
    for model in world.models:
        for parent in model["depends_on"]["nodes"]:
            yield model, nodes[parent]


def test_every_model_lies_in_a_layer(compiled_world: CompiledWorld) -> None:
    assert {_layer(model) for model in compiled_world.models} == set(MAY_READ)


def test_models_read_the_layers_before_them(compiled_world: CompiledWorld) -> None:
    found, used = [], set()
    for model, parent in _reads(compiled_world):
        if _layer(parent) in MAY_READ[_layer(model)]:
            continue
        key = next(
            (key for key in EXCEPTIONS if fnmatchcase(model["name"], key[0]) and key[1] == _label(parent)),
            None,
        )
        used.add(key)
        if key is None:
            found.append(f"{_layer(model)} {model['name']} reads {_label(parent)} ({_layer(parent)})")
    assert found == []
    assert set(EXCEPTIONS) <= used


def test_staging_reads_its_own_system_only(compiled_world: CompiledWorld) -> None:
    for model, parent in _reads(compiled_world):
        system = Path(model["path"]).parts[1]
        if _layer(model) in ("base", "staging") and _layer(parent) in ("raw", "base", "staging"):
            of_parent = (
                parent["schema"].removeprefix("raw_")
                if parent["resource_type"] == "source"
                else Path(parent["path"]).parts[1]
            )
            assert of_parent == system, f"{model['name']} reads {_label(parent)}"


def test_canonical_staging_reads_no_other(compiled_world: CompiledWorld) -> None:
    """What several canonical models share is a base model, not one of them."""
    found = [
        f"{model['name']} reads {parent['name']}"
        for model, parent in _reads(compiled_world)
        if _layer(model) in ("base", "staging") and _layer(parent) == "staging"
    ]
    assert found == []


def test_every_declared_raw_table_is_read(compiled_world: CompiledWorld) -> None:
    read = {parent["unique_id"] for _, parent in _reads(compiled_world)}
    unread = [source["unique_id"] for source in compiled_world.sources if source["unique_id"] not in read]
    assert unread == []


def test_every_seed_is_read(compiled_world: CompiledWorld) -> None:
    seeds = {
        node["unique_id"]: node["name"]
        for node in compiled_world.manifest["nodes"].values()
        if node["resource_type"] == "seed"
    }
    read = {parent["unique_id"] for _, parent in _reads(compiled_world)}
    assert {name for key, name in seeds.items() if key not in read} == set(READ_BY_PYTHON)


def test_every_source_system_asks_whether_it_is_on(compiled_world: CompiledWorld) -> None:
    """A system that is off must leave no model behind, so every model of it asks."""
    for model in compiled_world.models:
        if _layer(model) in ("base", "staging"):
            system = Path(model["path"]).parts[1]
            assert f"config(enabled='{system}' in var('source_systems'))" in model["raw_code"], model["name"]
