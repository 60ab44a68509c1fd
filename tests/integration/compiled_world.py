"""A small warehouse in which every model can be run again within seconds, without dbt.

dbt compiles the project once; its compiled SQL is then run in order, straight in DuckDB. So a test can change
what lies in the raw tables and see what follows from it. What a test expects does not belong here.
"""

import fcntl
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
import yaml

from orchestration.landing import load_landing
from orchestration.settings import PROJECT_ROOT, Settings
from tests.integration.harness import begin_build, connect, load_policy, make_warehouse, run_dbt
from tests.integration.staging_world import SYSTEMS

GOLDEN = PROJECT_ROOT / "tests" / "fixtures" / "golden"
EXPORTS = PROJECT_ROOT / "tests" / "fixtures" / "staging" / "landing"
AS_OF = datetime(2026, 6, 30, 12)
BUILD_ID = "b20260630T120000000000"

Node = dict[str, Any]


@dataclass(frozen=True)
class CompiledWorld:
    """A warehouse with all its models, and dbt's manifest with their compiled SQL.

    Args:
        settings: Where it lies.
    """

    settings: Settings

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """dbt's manifest."""
        path = self.settings.warehouse / "target" / "manifest.json"
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return manifest

    @cached_property
    def models(self) -> list[Node]:
        """The models as a full build compiles them, each after those it reads."""
        return _models(self.manifest)

    @cached_property
    def increment_models(self) -> list[Node]:
        """The models as an increment compiles them, each after those it reads."""
        path = self.settings.warehouse / "target_increment" / "manifest.json"
        return _models(json.loads(path.read_text(encoding="utf-8")))

    def compile_increment(self) -> None:
        """Compile the models once more, as a build does that continues from a completed one."""
        with connect(self.settings) as database:
            continue_build(database)
        target = self.settings.warehouse / "target_increment"
        run_dbt(
            self.settings,
            "--log-level-file",
            "none",
            "compile",
            "--select",
            "resource_type:model",
            target=target,
        )
        with connect(self.settings) as database:
            database.execute("update ops.current_build set since_build_id = null")

    @cached_property
    def sources(self) -> list[Node]:
        """The source tables."""
        return list(self.manifest["sources"].values())

    def copied_to(self, folder: Path) -> Settings:
        """Copy the database, to be changed, under the name that the compiled SQL calls it by."""
        settings = make_warehouse(folder, self.settings.landing, source_systems=self.settings.source_systems)
        shutil.copyfile(self.settings.build_db, settings.build_db)
        return settings

    def run_models(self, database: duckdb.DuckDBPyConnection) -> None:
        """Build every model anew from what lies in the raw tables."""
        database.execute("set threads = 1")  # a second one costs more than it brings where tables are small
        for schema in {node["schema"] for node in self.models}:
            database.execute(f"create schema if not exists {schema}")
        for node in self.models:
            run_model(database, node)

    def run_increment(self, database: duckdb.DuckDBPyConnection) -> None:
        """Build anew what rows have touched that are new since the last completed build."""
        database.execute("set threads = 1")
        for node in self.increment_models:
            run_model(database, node, is_increment=True)


def run_model(database: duckdb.DuckDBPyConnection, node: Node, *, is_increment: bool = False) -> None:
    """Run one model's compiled SQL the way dbt materialises it.

    Args:
        database: The build database.
        node: The model.
        is_increment: Whether only the rows that its strategy names give way.
    """
    kind, relation = node["config"]["materialized"], f"{node['schema']}.{node['alias']}"
    if not (is_increment and kind == "incremental"):
        kind = "view" if kind == "view" else "table"
        database.execute(f"create or replace {kind} {relation} as\n{node['compiled_code']}\n")
        return
    keys = node["config"]["unique_key"]
    keys = [keys] if isinstance(keys, str) else keys
    matches = " and ".join(f"target_rows.{key} = replaced.{key}" for key in keys)
    replaced_by = node["config"]["meta"]["replaced_by"]
    database.execute(f"create or replace temp table arrived as\n{node['compiled_code']}\n")
    database.execute("begin")
    database.execute(
        f"delete from {relation} as target_rows"
        f" where exists (select 1 from intermediate.{replaced_by} as replaced where {matches})"
    )
    database.execute(f"insert into {relation} by name select * from arrived")
    database.execute("commit")


def complete_build(database: duckdb.DuckDBPyConnection) -> None:
    """Note that the models are complete, as a build does when dbt has succeeded."""
    database.execute(
        """
        create or replace table ops.completed_build as
        select
            build_id,
            as_of,
            (select coalesce(max(load_id), 0) from landing.files) as load_id,
            (select due_at from intermediate.int_changes_expected where kind = 'policy') as next_policy_at,
            '{}' as starting_point
        from ops.current_build
        """
    )
    database.execute("create or replace table ops.completed_registry as from policy.campaign_registry")


def continue_build(database: duckdb.DuckDBPyConnection) -> None:
    """Let the models continue from the last completed build, or from nothing where none is noted."""
    database.execute(
        """
        update ops.current_build
        set
            since_build_id = coalesce((select build_id from ops.completed_build), 'none'),
            since_as_of = (select as_of from ops.completed_build),
            since_load_id = (select load_id from ops.completed_build)
        """
    )


def shared_world(root: Path) -> CompiledWorld:
    """Build the world below a folder, unless another process of the same test run has done so.

    It holds the golden people and the small exports of the other systems, so that every mart has rows.
    """
    settings = make_warehouse(root, root / "landing", source_systems=SYSTEMS, load_modes=_load_modes())
    finished = root / "finished"
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        world = CompiledWorld(settings)
        if not finished.exists():
            shutil.copytree(GOLDEN / "landing", settings.landing)
            for system in ("zoho", "olist"):
                shutil.copytree(EXPORTS / system, settings.landing / system)
            load_landing(settings, now=AS_OF)
            load_policy(settings, _policy(root / "policy"))
            begin_build(settings, AS_OF, BUILD_ID)
            run_dbt(settings, "--log-level-file", "none", "compile", "--select", "resource_type:model")
            with connect(settings) as database:
                _create_missing_inputs(database, world.sources)
                world.run_models(database)
            finished.touch()
    return world


def empty_world(root: Path) -> CompiledWorld:
    """Compile the models of the canonical system on a warehouse into which nothing was loaded."""
    settings = make_warehouse(root, root / "landing")
    settings.landing.mkdir(parents=True)
    load_landing(settings, now=AS_OF)
    load_policy(settings, PROJECT_ROOT / "seeds")
    begin_build(settings, AS_OF, BUILD_ID)
    run_dbt(settings, "--log-level-file", "none", "compile", "--select", "resource_type:model")
    world = CompiledWorld(settings)
    with connect(settings) as database:
        _create_missing_inputs(database, world.sources)
    return world


def _models(manifest: dict[str, Any]) -> list[Node]:
    nodes = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    order = TopologicalSorter({key: node["depends_on"]["nodes"] for key, node in nodes.items()})
    return [nodes[key] for key in order.static_order() if key in nodes]


def _load_modes() -> dict[str, str]:
    project = yaml.safe_load((PROJECT_ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    return dict(project["vars"]["load_modes"])


def _policy(folder: Path) -> Path:
    """Write the golden policy, with what the other systems' words mean and the touch types that they use."""
    shutil.copytree(GOLDEN / "policy", folder)
    shutil.copyfile(PROJECT_ROOT / "seeds" / "value_mappings.csv", folder / "value_mappings.csv")
    types = folder / "touch_types.csv"
    golden = types.read_text(encoding="utf-8").splitlines()
    known = {line.split(",")[0] for line in golden}
    header, *shipped = (PROJECT_ROOT / "seeds" / "touch_types.csv").read_text(encoding="utf-8").splitlines()
    assert header == golden[0]
    added = [line for line in shipped if line.split(",")[0] not in known]
    types.write_text("\n".join([*golden, *added]) + "\n", encoding="utf-8")
    return folder


def _create_missing_inputs(database: duckdb.DuckDBPyConnection, sources: list[Node]) -> None:
    """Create declared tables and columns that no file brought, as `ensure_inputs` does in dbt's own runs."""
    for source in sources:
        database.execute(f"create schema if not exists {source['schema']}")
        relation = f"{source['schema']}.{source['identifier']}"
        columns = dict(_declared_types(source))
        present = {
            row[0] for row in database.execute(_COLUMNS, [source["schema"], source["identifier"]]).fetchall()
        }
        if not present:
            listed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            database.execute(f"create table {relation} ({listed})")
        for name, kind in columns.items():
            if present and name.lower() not in present:
                database.execute(f'alter table {relation} add column "{name}" {kind}')


_COLUMNS = (
    "select lower(column_name) from information_schema.columns where table_schema = ? and table_name = ?"
)
_PROVENANCE = {
    "_load_id": "bigint",
    "_loaded_at": "timestamp",
    "_observed_at": "timestamp",
    "_source_file": "varchar",
    "_source_row": "bigint",
}


def _declared_types(source: Node) -> Iterator[tuple[str, str]]:
    for column in source["columns"].values():
        yield column["name"], column["data_type"] or "varchar"
    if source["schema"].startswith("raw_"):
        yield from _PROVENANCE.items()
