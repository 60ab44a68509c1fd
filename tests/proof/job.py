"""A warehouse that the real job builds: `leadproof build`, killed for real where it is killed.

What readers see is read as a BI tool reads it. Which builds are run, and what must hold after them, belongs
to ``job_machine``; when a kill hits, to ``kills``.
"""

import shutil
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration import policy, records, release
from orchestration.digests import sha256_of
from orchestration.records import BuildRecord
from orchestration.release.candidate import ADDED_BY_PUBLICATION
from orchestration.release.database import literal
from orchestration.settings import Settings
from tests.integration.compiled_world import CompiledWorld
from tests.integration.harness import fetch, make_warehouse
from tests.proof.agreement import differing_rows
from tests.proof.kills import Kill, strike
from tests.proof.policy import write_policy
from tests.proof.processes import is_alive
from tests.proof.shop import Shop
from tests.proof.warehouse import Marts, marts_in, rebuilt_marts, rows_of
from tests.reference.landing import Landing, read_landing
from tests.reference.policy import read_policy
from tests.reference.world import World, compute

# Few, so that retention has something to let go of.
_KEPT_RELEASES = 3
_PATIENCE_SECONDS = 300
_POLL_SECONDS = 0.05
_TABLES = "select table_name from information_schema.tables where table_schema = 'marts'"
# A world of a few people breaks every share that is negotiable, and its rows are years old.
_TOLERANCES = {
    "outbound_prospect_context": "1",
    "prospect_icp_complete": "1",
    "unclassified_touches": "1",
    "open_quarantine": "1",
    "freshness": "100000",
}


@dataclass
class JobWarehouse:
    """A warehouse of the real job.

    Args:
        compiled: The compiled models, for rebuilds.
        root: Empty folder for all of it.
        shop: Where its commands run.
        tally: Counts what was done.
        shared_from_rows: Rows from which a mart lies in files that releases share.
        policy: Edits of the policy in force with the next build: from when on each holds.
        build_id: The latest build that came to an end, or the one whose result it left as it was.
        is_built: Whether a build has ended, from which the next can go on.
        is_increment: Whether the latest build continued from an earlier one.
        tells_reports: Whether builds make the reports; those of the real job do.
    """

    compiled: CompiledWorld
    root: Path
    shop: Shop
    tally: Counter[str]
    policy: dict[int, datetime] = field(default_factory=dict)
    build_id: str = ""
    is_built: bool = False
    is_increment: bool = False
    tells_reports: bool = True
    settings: Settings = field(init=False)
    _landing: Landing = field(default_factory=Landing)
    _known_files: int = 0
    _published: dict[str, tuple[Marts, str]] = field(default_factory=dict)
    _orphans: tuple[int, ...] = ()
    _is_published: bool = False

    def __post_init__(self) -> None:
        made = make_warehouse(self.root, self.root / "landing")
        self.settings = replace(made, keep_releases=_KEPT_RELEASES)
        self.settings.landing.mkdir(parents=True)

    def share_from(self, rows: int) -> None:
        """Say from how many rows on a mart lies in files that releases share."""
        self.settings = replace(self.settings, shared_from_rows=rows)

    def close(self) -> None:
        """Wait for whatever still runs."""
        self.wait_for_orphans()

    # -- commands ---------------------------------------------------------------------------------

    def build(self, as_of: datetime, *words: str) -> None:
        """Run `leadproof build` to its end.

        Args:
            as_of: The build's clock.
            words: Further words of the command.
        """
        self._start_build(as_of, *words)
        code = self.shop.exit_code()
        assert code == 0, f"leadproof build ended with {code}:\n{self._told()}"
        self.wait_for_orphans()
        self._note_build()

    def build_killed(self, as_of: datetime, kill: Kill) -> bool:
        """Run `leadproof build` and kill it.

        Args:
            as_of: The build's clock.
            kill: When, and which processes.

        Returns:
            Whether there is a new result all the same, because the kill came too late.
        """
        before = self._current()
        struck = strike(kill, self._start_build(as_of), self._output, self.shop.usual_seconds)
        code = self.shop.exit_code()
        # A dbt that has written its last model may end by itself before the kill reaches it.
        if struck is None or (kill.target == "dbt" and code == 0):
            assert code == 0, f"leadproof build ended with {code}:\n{self._told()}"
            self.tally["kills that came too late"] += 1
            self._note_build()
            return True
        if kill.target == "dbt":
            assert code == 1 and "dbt failed" in self._told(), f"the build ended with {code}:\n{self._told()}"
        self._orphans = tuple(process for process in struck.orphans if is_alive(process))
        self.tally["kills"] += 1
        self.tally["kills whose dbt lived on"] += bool(self._orphans) and struck.phase == "dbt"
        self.tally[f"kills of {kill.target} in {struck.phase}"] += 1
        if self._current() == before:
            return False
        self.tally["kills after readers saw the release"] += 1
        self.wait_for_orphans()
        self._note_build()
        return True

    def roll_back(self, number: int) -> None:
        """Let readers see an earlier release.

        Args:
            number: Which of those that are kept and not current.
        """
        choices = [found for found in release.list_releases(self.settings) if not found.is_current]
        chosen = choices[number % len(choices)].release_id
        self.shop.start(self.settings, self._output, "rollback", chosen)
        code = self.shop.exit_code()
        assert code == 0, f"leadproof rollback ended with {code}:\n{self._told()}"
        assert self._current() == chosen
        self.tally["rollbacks"] += 1

    def wait_for_orphans(self) -> None:
        """The dbt of a killed build ends with it, if not at once; wait for that, as a person would."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while any(is_alive(process) for process in self._orphans):
            assert time.monotonic() < deadline, "an orphan never ended"
            time.sleep(_POLL_SECONDS)
        self._orphans = ()

    def follow_killed_load(self) -> None:
        """Let the reference load what the ledger says a killed build has loaded."""
        self._follow_ledger(None)

    # -- what they come to ------------------------------------------------------------------------

    @property
    def can_roll_back(self) -> bool:
        """Whether more than one release is kept."""
        return len(release.list_releases(self.settings)) > 1

    def marts(self) -> Marts:
        """What the latest build came to: as readers see it, if it was published."""
        with self._build_database() as database:
            inside = marts_in(self.compiled, database, self._catalog)
        seen = self._read_release(self.settings.current)[0] if self._is_published else {}
        return _of_models({**inside, **seen})

    def rebuilt_marts(self) -> Marts:
        """What a build from nothing comes to, on the same inputs."""
        record = records.read_record(self.settings, self.build_id)
        with self._build_database() as database:
            build = (self.build_id, _naive(record.as_of))
            return _of_models(rebuilt_marts(self.compiled, database, self._catalog, build))

    def refreshed_marts(self) -> Marts:
        """What `leadproof build --full-refresh` comes to, in a second warehouse that gets the same inputs."""
        root = self.root / "second"
        second = JobWarehouse(self.compiled, root, self.shop, Counter(), policy=self.policy)
        shutil.rmtree(second.settings.landing)
        second.settings = replace(second.settings, landing=self.settings.landing)
        shutil.copyfile(self.settings.build_db, second.settings.build_db)
        with duckdb.connect(str(second.settings.build_db)) as database:
            for schema in ("marts", "intermediate", "restricted"):  # else what it left alone would agree, too
                database.execute(f"drop schema if exists {schema} cascade")
        second.build(_naive(records.read_record(self.settings, self.build_id).as_of), "--full-refresh")
        assert not second.is_increment
        self.tally["full refreshes by the job"] += 1
        try:
            return second.marts()
        finally:
            shutil.rmtree(root)

    def reference(self, as_of: datetime) -> World:
        """What the reference comes to at the moment of the result; later, nothing may have fallen due."""
        rules = read_policy(self.shop.workshop.root / "seeds")
        at = _naive(records.read_record(self.settings, self.build_id).as_of)
        world = compute(self._landing, rules, at)
        if as_of != at:
            later = compute(self._landing, rules, as_of)
            assert later.stage_transitions == world.stage_transitions, "a build overlooked what is due"
        return world

    def differences_for_readers(self) -> list[str]:
        """Say in what readers see something else than a whole release, as it was when it was published."""
        current = self._current()
        if current is None:
            return ["nothing is published any more"] if self._published else []
        if current not in self._published:
            return [f"readers see {current}, which no build has published"]
        seen, digest = self._read_release(self.settings.current)
        before, digest_before = self._published[current]
        self.tally["looks at what readers see"] += 1
        changed = [] if digest == digest_before else [f"the bytes of {current} have changed"]
        return changed + differing_rows(before, seen) + differing_rows(seen, self._read_files())

    # -- helpers ----------------------------------------------------------------------------------

    @property
    def _catalog(self) -> str:
        return self.settings.build_db.stem

    @property
    def _output(self) -> Path:
        return self.root / "output.txt"

    def _told(self) -> str:
        return self._output.read_text(encoding="utf-8")

    def _current(self) -> str | None:
        return self.settings.current.readlink().name if self.settings.current.is_symlink() else None

    def _start_build(self, as_of: datetime, *words: str) -> int:
        self._write_policy()
        used = release.released_policy(self.settings)
        tables = policy.read_policy(self.shop.workshop.root)
        if used is not None and policy.check_lock(tables, policy.ReleasedPolicy(*used)):
            words = (*words, "--restate", "a sequence edits the past")
            self.tally["restatements"] += 1
        return self.shop.start(self.settings, self._output, "build", "--as-of", as_of.isoformat(), *words)

    def _write_policy(self) -> None:
        seeds = self.shop.workshop.root / "seeds"
        write_policy(seeds, self.policy)
        with (seeds / "audit_thresholds.csv").open("a", encoding="utf-8") as table:
            for audit, tolerance in _TOLERANCES.items():
                table.write(f"{audit},leadproof,{tolerance},2024-01-01,Few people.,2999-12-31,In a proof.\n")

    def _note_build(self) -> None:
        """Take in what a build has come to that has ended, or was killed after it had published."""
        record = records.read_record(self.settings, records.build_ids(self.settings)[0])
        self._follow_ledger(_naive(record.started_at))
        self._remember_seconds(record)
        self.is_built = True
        self.is_increment = record.continued_from is not None
        self.build_id = record.unchanged_since or record.build_id
        self.tally[f"builds of the job that ended as {record.status}"] += 1
        self._is_published = record.status != records.CANDIDATE
        current = self._current()
        if self._is_published and current is not None and current not in self._published:
            self._published[current] = self._read_release(self.settings.current)

    def _remember_seconds(self, record: BuildRecord) -> None:
        self.shop.usual_seconds |= {phase.name: phase.seconds for phase in record.phases}

    def _follow_ledger(self, ended: datetime | None) -> None:
        """Let the reference load what loads have brought since.

        A load that ended is the reference's own affair; of one that was killed it is told the files.
        """
        loads: dict[datetime, set[str]] = {}
        for entry in self._new_entries():
            self._known_files = entry["file_id"]
            paths = loads.setdefault(entry["loaded_at"], set())
            if entry["status"] == "loaded":
                paths.add(entry["path"])
        if ended is not None:
            loads.setdefault(ended, set())
        for loaded_at, paths in sorted(loads.items()):
            only = None if loaded_at == ended else paths
            self._landing = read_landing(self.settings.landing, loaded_at, earlier=self._landing, only=only)

    def _new_entries(self) -> list[dict[str, Any]]:
        if not self.settings.build_db.exists():
            return []
        query = "from landing.files where file_id > ? order by file_id"
        try:
            return fetch(self.settings, query, [self._known_files])
        except duckdb.CatalogException:
            return []  # killed before there was a ledger

    def _build_database(self) -> duckdb.DuckDBPyConnection:
        """A connection to which the build database is attached, under the name that its views call it by."""
        database = duckdb.connect()
        database.execute("set global TimeZone = 'UTC'")
        database.execute(f"attach {literal(self.settings.build_db)} as {self._catalog} (read_only)")
        return database

    def _read_release(self, pointer: Path) -> tuple[Marts, str]:
        place = pointer.resolve() / "leadproof.duckdb"
        with duckdb.connect(place, read_only=True) as database:
            database.execute("set global TimeZone = 'UTC'")
            tables = database.execute(_TABLES).fetchall()
            seen = {name: rows_of(database, f"select * from marts.{name}") for (name,) in tables}
        return seen, sha256_of(place)

    def _read_files(self) -> Marts:
        folder = self.settings.current.resolve() / "marts"
        with duckdb.connect() as database:
            database.execute("set global TimeZone = 'UTC'")
            return {
                path.stem: rows_of(
                    database,
                    f"from read_parquet({literal(path / '*.parquet' if path.is_dir() else path)},"
                    " hive_partitioning = false)",
                )
                for path in folder.iterdir()
            }


def _of_models(marts: Marts) -> Marts:
    return {name: rows for name, rows in marts.items() if name not in ADDED_BY_PUBLICATION}


def _naive(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
