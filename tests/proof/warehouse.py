"""A warehouse that goes through a sequence: files, policy, clock, builds that end and builds that are killed.

Loading is the real loader's; the models are dbt's compiled ones, run straight in DuckDB, in memory. What a
build comes to is read back row by row, beside what a rebuild from nothing and the reference come to. What
happens in which order does not belong here.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import duckdb

from orchestration import increment
from orchestration.build import _append_history
from orchestration.landing import load_landing
from orchestration.landing.declarations import DeclaredTable, TableKey, read_declarations
from orchestration.policy import read_policy as read_tables
from orchestration.release.database import literal
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.starting_point import policy_digests
from tests.integration.compiled_world import CompiledWorld, Node
from tests.integration.harness import fetch, load_policy_table, make_warehouse
from tests.proof.policy import changed_tables, write_policy
from tests.reference.landing import Landing, read_landing
from tests.reference.policy import read_policy
from tests.reference.world import World, compute

Rows = list[dict[str, object]]
Marts = dict[str, Rows]

_LOADED, _REBUILT = "loaded", "rebuilt"


class KilledError(Exception):
    """Stands for a process that ends in the middle of its work."""


@dataclass
class Warehouse:
    """A landing folder, policy tables and a build database.

    The loader writes a file of its own; what it loaded is taken over to where the models are built.

    Args:
        compiled: The compiled models, and a database in which the policy as shipped is loaded.
        root: Empty folder for all of it.
        policy: Edits of the policy in force with the next build: from when on each holds.
        database: Where the models are built.
        build_id: The latest build.
        is_built: Whether a build has ended, from which the next can go on.
        is_increment: Whether the latest build continued from an earlier one.
        tells_reports: Whether builds make the reports, too. They take half of the time, and nothing else
            reads them. What they keep from build to build is made in any case.
    """

    compiled: CompiledWorld
    root: Path
    policy: dict[int, datetime] = field(default_factory=dict)
    build_id: str = ""
    is_built: bool = False
    is_increment: bool = False
    tells_reports: bool = True
    settings: Settings = field(init=False)
    database: duckdb.DuckDBPyConnection = field(init=False)
    _landing: Landing = field(default_factory=Landing)
    _policy_built: dict[int, datetime] = field(default_factory=dict)
    _clock: datetime = datetime(2020, 1, 1)
    _builds: int = 0

    def __post_init__(self) -> None:
        self.settings = make_warehouse(self.root, self.root / "landing")
        self.settings.landing.mkdir(parents=True)
        shutil.copyfile(self.compiled.settings.build_db, self.settings.build_db)
        write_policy(self._seeds, {})
        self.database = process_database()
        self.database.execute(f"attach ':memory:' as {self._catalog}")
        self.database.execute(f"use {self._catalog}")
        self._take_over(self.compiled.inputs)

    def close(self) -> None:
        """Let go of what was built."""
        self.database.execute("use memory")
        self.database.execute(f"detach {self._catalog}")

    @property
    def _seeds(self) -> Path:
        return self.root / "seeds"

    @property
    def _catalog(self) -> str:
        return self.settings.build_db.stem

    def load(self, as_of: datetime, *, killed_after: int | None = None) -> None:
        """Load what is new, for the models and for the reference.

        Args:
            as_of: The clock of the build that loads.
            killed_after: Files of this load after which the loader is killed; null if it is not.

        Raises:
            KilledError: If it was killed.
        """
        self._clock = max(self._clock, as_of) + timedelta(minutes=1)
        only: set[str] | None = None
        left = iter(range(killed_after or 0))

        def kill(_: str) -> None:
            if next(left, None) is None:
                raise KilledError

        if killed_after is None:
            load_landing(self.settings, now=self._clock, declared=_declarations())
        else:
            [known] = fetch(self.settings, "select coalesce(max(file_id), 0) as file_id from landing.files")
            try:
                load_landing(self.settings, now=self._clock, declared=_declarations(), progress=kill)
            except KilledError:
                # What the ledger holds was committed; that it is all of it, the count of landed rows shows.
                query = "select path from landing.files where file_id > ? and status = 'loaded'"
                only = {row["path"] for row in fetch(self.settings, query, [known["file_id"]])}
        self._landing = read_landing(self.settings.landing, self._clock, earlier=self._landing, only=only)
        own = ("landing", *(f"raw_{system}" for system in self.settings.source_systems))
        self._take_over([relation for relation in self.compiled.inputs if relation.startswith(own)])
        if only is not None:
            raise KilledError

    def build(self, as_of: datetime, *, killed_after: int | None = None) -> None:
        """Load, and bring the models from what the last completed build left to the present.

        Args:
            as_of: The build's clock.
            killed_after: Models after which the build is killed; null if it is not.

        Raises:
            KilledError: If it was killed.
        """
        self.load(as_of)
        self._builds += 1
        self.build_id = f"b{self._builds:04}"
        write_policy(self._seeds, self.policy)
        for table in changed_tables(self._policy_built, self.policy):
            load_policy_table(self.database, table, self._seeds)
        self._policy_built = dict(self.policy)
        increment.write_current_build(
            self.database,
            build_id=self.build_id,
            as_of=as_of,
            started_at=as_of,
            id_salt=self.settings.id_salt,
        )
        self._bring_up_to_date(as_of, killed_after)
        if killed_after is not None:
            raise KilledError
        _append_history(self.database, self.build_id)
        increment.remember_completed(self.database, self._starting_point)
        self.is_built = True

    def marts(self) -> Marts:
        """What the last build came to."""
        return marts_in(self.compiled, self.database, self._catalog, models=self._made(self.compiled.models))

    def rebuilt_marts(self) -> Marts:
        """What a build from nothing comes to."""
        return rebuilt_marts(
            self.compiled, self.database, self._catalog, models=self._made(self.compiled.models)
        )

    def reference(self, as_of: datetime) -> World:
        """What the reference comes to."""
        return compute(self._landing, read_policy(self._seeds), as_of)

    @property
    def _starting_point(self) -> dict[str, str]:
        return {**policy_digests(read_tables(self.root)), "code": "", "settings": ""}

    def _bring_up_to_date(self, as_of: datetime, killed_after: int | None) -> None:
        """Build models on what the last completed build left, as far as it can be continued."""
        completed = increment.completed_build(self.database)
        clock = as_of.replace(tzinfo=UTC)
        reason = increment.reason_for_full_build(completed, self._starting_point, clock)
        self.is_increment = completed is not None and reason is None
        if completed is None or reason is not None:
            increment.build_anew(self.database)
            self._run(self._made(self.compiled.models)[:killed_after], is_increment=False)
        else:
            increment.continue_from(self.database, completed)
            self._run(self._made(self.compiled.increment_models)[:killed_after], is_increment=True)

    def _made(self, models: Sequence[Node]) -> list[Node]:
        return [
            node
            for node in models
            if self.tells_reports
            or "reports" not in node["fqn"]
            or node["config"]["materialized"] == "incremental"
        ]

    def _run(self, models: Sequence[Node], *, is_increment: bool) -> None:
        if is_increment:
            self.compiled.run_increment(self.database, models)
        else:
            self.compiled.run_models(self.database, models)

    def _take_over(self, relations: list[str]) -> None:
        self.database.execute(f"attach {literal(self.settings.build_db)} as {_LOADED} (read_only)")
        try:
            for relation in relations:
                self.database.execute(f"create schema if not exists {relation.split('.')[0]}")
                self.database.execute(f"create or replace table {relation} as from {_LOADED}.{relation}")
        finally:
            self.database.execute(f"detach {_LOADED}")


def rebuilt_marts(
    compiled: CompiledWorld,
    database: duckdb.DuckDBPyConnection,
    catalog: str,
    build: tuple[str, datetime] | None = None,
    *,
    models: Sequence[Node] | None = None,
) -> Marts:
    """What a build from nothing comes to, where there is nothing but the inputs of another.

    Args:
        compiled: The compiled models.
        database: A connection to which the other's database is attached.
        catalog: The name of that database.
        build: Id and clock of the build to make; null for those that the inputs name.
        models: The models to build, in order; null for all.
    """
    database.execute(f"attach ':memory:' as {_REBUILT}")
    try:
        for relation in compiled.inputs:
            database.execute(f"create schema if not exists {_REBUILT}.{relation.split('.')[0]}")
            database.execute(f"create table {_REBUILT}.{relation} as from {catalog}.{relation}")
        if build is not None:
            database.execute(f"update {_REBUILT}.ops.current_build set build_id = ?, as_of = ?", list(build))
        compiled.run_models(database, models, catalog=_REBUILT)
        return marts_in(compiled, database, _REBUILT, models=models)
    finally:
        database.execute(f"detach {_REBUILT}")


def marts_in(
    compiled: CompiledWorld,
    database: duckdb.DuckDBPyConnection,
    catalog: str,
    schemas: Sequence[str] = ("marts", "restricted"),
    *,
    models: Sequence[Node] | None = None,
) -> Marts:
    """The rows of every mart.

    Args:
        compiled: The models.
        database: A connection to which a database with the marts is attached.
        catalog: Its name.
        schemas: Where the marts lie.
        models: The models that were built; null for all.
    """
    return {
        node["alias"]: rows_of(database, f"select * from {catalog}.{node['schema']}.{node['alias']}")
        for node in (compiled.models if models is None else models)
        # What reports keep from build to build must not wait for a report to show that it is stale.
        if node["schema"] in schemas
        or ("reports" in node["fqn"] and node["config"]["materialized"] == "incremental")
    }


def rows_of(database: duckdb.DuckDBPyConnection, query: str) -> Rows:
    """The rows of a query, by column name."""
    cursor = database.execute(query)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@cache
def process_database() -> duckdb.DuckDBPyConnection:
    """One instance for all sequences of a process; each sequence attaches to it, since starting is slow."""
    database = duckdb.connect()
    database.execute("set global TimeZone = 'UTC'")
    return database


@cache
def _declarations() -> dict[TableKey, DeclaredTable]:
    return dict(read_declarations(PROJECT_ROOT))
