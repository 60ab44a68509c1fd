"""A small warehouse in which every model can be run again within seconds, without dbt.

dbt compiles the project once; its compiled SQL is then run in order, straight in DuckDB. So a test can change
what lies in the raw tables and see what follows from it. What a test expects does not belong here.
"""

import fcntl
import json
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
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
TARGET_OF_INCREMENT = "target_increment"

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
        path = self.settings.warehouse / TARGET_OF_INCREMENT / "manifest.json"
        return _models(json.loads(path.read_text(encoding="utf-8")))

    def leading_to(self, tables: Collection[str]) -> list[Node]:
        """The models that these tables are made by, each after those it reads.

        Args:
            tables: Names of models.
        """
        wanted: set[str] = set()
        for node in reversed(self.models):
            if node["alias"] in tables or node["unique_id"] in wanted:
                wanted |= {node["unique_id"], *node["depends_on"]["nodes"]}
        return [node for node in self.models if node["unique_id"] in wanted]

    @cached_property
    def sources(self) -> list[Node]:
        """The source tables."""
        return list(self.manifest["sources"].values())

    @cached_property
    def inputs(self) -> list[str]:
        """What the models read and do not write: source and policy tables, as `schema.table`."""
        seeds = [node for node in self.manifest["nodes"].values() if node["resource_type"] == "seed"]
        return [
            *(f"{source['schema']}.{source['identifier']}" for source in self.sources),
            *(f"{seed['schema']}.{seed['alias']}" for seed in seeds),
        ]

    @property
    def policy_dir(self) -> Path:
        """The policy tables that it was built with."""
        own = self.settings.warehouse.parent / "policy"
        return own if own.is_dir() else PROJECT_ROOT / "seeds"

    def copied_to(self, folder: Path) -> Settings:
        """Copy the database, to be changed, under the name that the compiled SQL calls it by."""
        settings = make_warehouse(folder, self.settings.landing, source_systems=self.settings.source_systems)
        shutil.copyfile(self.settings.build_db, settings.build_db)
        return settings

    def run_models(
        self,
        database: duckdb.DuckDBPyConnection,
        nodes: Sequence[Node] | None = None,
        *,
        catalog: str | None = None,
    ) -> None:
        """Build models anew from what lies in the raw tables.

        Args:
            database: A connection to the build database.
            nodes: The models, in order; null for all.
            catalog: The attached database to build in; null for the one that the compiled SQL names.
        """
        own = self.settings.build_db.stem
        place = catalog or own
        database.execute("set threads = 1")  # a second one costs more than it brings where tables are small
        for schema in {node["schema"] for node in self.models}:
            database.execute(f"create schema if not exists {place}.{schema}")
        for node in self.models if nodes is None else nodes:
            kind = "view" if node["config"]["materialized"] == "view" else "table"
            relation = f"{place}.{node['schema']}.{node['alias']}"
            select = node["compiled_code"].replace(f'"{own}".', f'"{place}".')
            database.execute(f"create or replace {kind} {relation} as\n{select}\n")

    def run_increment(self, database: duckdb.DuckDBPyConnection, nodes: Sequence[Node] | None = None) -> None:
        """Build models the way an increment does: of some, only the rows that something new has touched.

        Args:
            database: A connection to the build database, which a completed build has left.
            nodes: The models as an increment compiles them, in order; null for all.
        """
        database.execute("set threads = 1")
        for node in self.increment_models if nodes is None else nodes:
            if node["config"]["materialized"] == "incremental":
                _replace_rows(database, node)
            else:
                self.run_models(database, [node])


def _replace_rows(database: duckdb.DuckDBPyConnection, node: Node) -> None:
    """Do what the strategy `replaced_rows` does, in one transaction as dbt does it."""
    relation = f"{node['schema']}.{node['alias']}"
    keys = node["config"]["unique_key"]
    matches = " and ".join(
        f"target_rows.{key} = replaced.{key}" for key in ([keys] if isinstance(keys, str) else keys)
    )
    meta = node["config"]["meta"]
    replaced = f"exists (select 1 from intermediate.{meta['replaced_by']} as replaced where {matches})"
    if compared := meta.get("compared"):
        key = compared["key"]
        replaced += (
            f" and (target_rows.{key} in (select {key} from arrived)"
            f" or target_rows.{key} not in (select {key} from intermediate.{compared['rows']}))"
        )
    database.execute("begin")
    database.execute(f"create or replace temp table arrived as\n{node['compiled_code']}\n")
    database.execute(f"delete from {relation} as target_rows where {replaced}")
    database.execute(f"insert into {relation} by name select * from arrived")
    database.execute("commit")


def shared_world(root: Path) -> CompiledWorld:
    """Build the world below a folder, unless another process of the same test run has done so.

    It holds the golden people and the small exports of the other systems, so that every mart has rows.
    Nothing continues from it, so its models are not compiled for increments.
    """
    settings = make_warehouse(root, root / "landing", source_systems=SYSTEMS, load_modes=_load_modes())
    world = CompiledWorld(settings)
    with _made_once(root) as is_made:
        if not is_made:
            shutil.copytree(GOLDEN / "landing", settings.landing)
            for system in ("zoho", "olist"):
                shutil.copytree(EXPORTS / system, settings.landing / system)
            _compile(world, _policy(root / "policy"))
            with connect(settings) as database:
                world.run_models(database)
    return world


def empty_world(root: Path) -> CompiledWorld:
    """Compile the models of the canonical system on a warehouse into which nothing was loaded."""
    world = CompiledWorld(make_warehouse(root, root / "landing"))
    with _made_once(root) as is_made:
        if not is_made:
            world.settings.landing.mkdir(parents=True)
            _compile(world, PROJECT_ROOT / "seeds")
            _compile_increment(world)
    return world


def _models(manifest: dict[str, Any]) -> list[Node]:
    nodes = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    order = TopologicalSorter({key: node["depends_on"]["nodes"] for key, node in nodes.items()})
    return [nodes[key] for key in order.static_order() if key in nodes]


@contextmanager
def _made_once(root: Path) -> Iterator[bool]:
    """Say whether a world stands below a folder; if not, it does when the block ends without an error."""
    finished = root / "finished"
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield finished.exists()
        finished.touch()


def _compile(world: CompiledWorld, policy: Path) -> None:
    load_landing(world.settings, now=AS_OF)
    load_policy(world.settings, policy)
    begin_build(world.settings, AS_OF, BUILD_ID)
    run_dbt(world.settings, "--log-level-file", "none", "compile", "--select", "resource_type:model")
    with connect(world.settings) as database:
        _create_missing_inputs(database, world.sources)


def _compile_increment(world: CompiledWorld) -> None:
    """Compile the models once more, as a build does that continues from a completed one."""
    with connect(world.settings) as database:
        database.execute("update ops.current_build set since_build_id = build_id")
    target = world.settings.warehouse / TARGET_OF_INCREMENT
    run_dbt(
        world.settings,
        "--log-level-file",
        "none",
        "compile",
        "--select",
        "resource_type:model",
        target=target,
    )
    with connect(world.settings) as database:
        database.execute("update ops.current_build set since_build_id = null")


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
