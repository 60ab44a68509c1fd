"""What others build on is pinned: asset keys, checks, job, schedule, sensors, commands, published tables.

A change here is a change for schedules, dashboards and scripts outside the project: make it on purpose, in
``public_surface.yml``, and say so in the changelog.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from orchestration.cli import make_parser
from orchestration.settings import load_settings

PINNED = yaml.safe_load(Path(__file__).with_name("public_surface.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    assert set(load_settings().source_systems) == set(PINNED["source_systems"])
    from orchestration.definitions import defs

    return defs


def _keys(definitions: dg.Definitions) -> Iterator[dg.AssetKey]:
    return iter(sorted(definitions.resolve_asset_graph().get_all_asset_keys()))


def test_asset_keys_are_pinned(definitions: dg.Definitions) -> None:
    schemas = tuple(PINNED["assets"])
    found: dict[str, list[str]] = {}
    for key in _keys(definitions):
        if key.path[0] in schemas:
            found.setdefault(key.path[0], []).append("/".join(key.path[1:]))
    assert found == PINNED["assets"]


def test_every_asset_is_grouped_described_and_linked(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for key in _keys(definitions):
        node = graph.get(key)
        assert node.group_name not in (None, "default"), key
        assert node.description, key
        layer = key.path[0]
        # A system that has no such entity stages it empty, from nothing.
        is_first = layer in ("landing", "ops", "policy", "staging")
        # When the next change falls due is read by the build itself, for its record.
        is_last = layer in ("ops", "policy", "quality") or key.path[-1] == "int_changes_expected"
        assert is_first or node.parent_keys, f"nothing leads to {key}"
        assert is_last or node.child_keys, f"{key} leads to nothing"


def test_release_is_linked_back_to_every_landing_file(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    reached, waiting = set(), [dg.AssetKey(["release", "current"])]
    while waiting:
        key = waiting.pop()
        if key not in reached:
            reached.add(key)
            waiting += graph.get(key).parent_keys
    files = {key for key in _keys(definitions) if key.path[0] == "landing" and len(key.path) == 3}
    assert files
    assert files <= reached


def test_job_schedule_and_sensors_are_pinned(definitions: dg.Definitions) -> None:
    repository = definitions.get_repository_def()
    assert [job.name for job in repository.get_all_jobs() if not job.name.startswith("__")] == PINNED["jobs"]
    assert sorted(schedule.name for schedule in repository.schedule_defs) == PINNED["schedules"]
    assert sorted(sensor.name for sensor in repository.sensor_defs) == PINNED["sensors"]


def test_audit_checks_block_the_release(definitions: dg.Definitions) -> None:
    from expectations import PROMISES

    graph = definitions.resolve_asset_graph()
    candidate = dg.AssetKey(["release", "candidate"])
    names = {key.name for key in graph.asset_check_keys if key.asset_key == candidate}
    assert names == {promise.check_name for promise in PROMISES}
    assert len(names) == len(PROMISES)
    assert all(graph.get_check_spec(dg.AssetCheckKey(candidate, name)).blocking for name in names)


def test_job_runs_in_one_process(definitions: dg.Definitions) -> None:
    # The build lock and the report on every route live as long as the run's one process.
    assert definitions.resolve_job_def("funnel_job").executor_def is dg.in_process_executor


def test_commands_are_pinned() -> None:
    actions: Any = next(
        action for action in make_parser()._actions if isinstance(action, argparse._SubParsersAction)
    )
    found = {
        name: sorted(
            option.option_strings[-1] if option.option_strings else option.dest
            for option in parser._actions
            if option.dest not in ("help", "debug")
        )
        for name, parser in actions.choices.items()
    }
    assert found == PINNED["commands"]
