"""Good candidates from generated worlds, and an audit that examines changes of one within milliseconds.

``Gate`` runs the very statements of the expectations and judges what they find as an audit does; only Great
Expectations' own bookkeeping around them, which takes seconds, is left out. That both say the same is proved
along the way. What is changed in a candidate belongs to ``defects``.
"""

import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import duckdb

from expectations.audit import finding_of, run_audit
from expectations.catalogue import catalogue_of
from expectations.record import AuditResult
from expectations.suites import COLUMNS, MARTS, NEGOTIABLE_AUDITS, plan
from expectations.thresholds import Threshold
from expectations.verdict import Finding, judge, verdict_of
from orchestration.landing import load_landing
from orchestration.policy import read_policy
from orchestration.policy import thresholds as thresholds_in_force
from orchestration.release.candidate import write_candidate
from orchestration.settings import PROJECT_ROOT
from orchestration.simulation import simulate
from tests.integration.compiled_world import CompiledWorld
from tests.integration.harness import begin_build, connect, load_policy, make_warehouse
from tests.proof.defects import Defect, draw_defects
from tests.reference.worlds import write_world

_Queries = tuple[str, str, str]
_Tally = dict[str, Any]
_CHANGES = re.compile(rf"(?:update|insert into|delete from|drop table|alter table) {MARTS}\.(\w+)")
_READ = re.compile(rf"\b{MARTS}\.(\w+)")
_AUDITED_TOO = 25
BUILD_ID = "b20260630T120000000000"
AS_OF = datetime(2026, 6, 30, 12)


@dataclass(frozen=True)
class Good:
    """A candidate that nothing is wrong with.

    Args:
        path: Its DuckDB file.
        as_of: The build's clock (UTC, without a zone).
        thresholds: The tolerances to audit it with.
        shape: In a few words, what kind of world it is of.
    """

    path: Path
    as_of: datetime
    thresholds: Sequence[Threshold]
    shape: str


def shipped_thresholds(as_of: datetime) -> Sequence[Threshold]:
    """The tolerances as they are shipped, in force at a moment."""
    return thresholds_in_force(read_policy(PROJECT_ROOT), as_of.date())


def roomy(thresholds: Sequence[Threshold]) -> Sequence[Threshold]:
    """The same with a quarter of the rows more where a share is tolerated: one of 14 prospects is 7 %."""
    return [
        replace(each, tolerance=min(each.tolerance + 0.25, 1.0))  # type: ignore[type-var]
        if each.audit in NEGOTIABLE_AUDITS and each.audit != "freshness"
        else each
        for each in thresholds
    ]


def lenient(thresholds: Sequence[Threshold]) -> Sequence[Threshold]:
    """The same with every negotiable share at 100 % and no bound on age; the others stay."""
    return [
        replace(each, tolerance=1e9 if each.audit == "freshness" else 1.0)  # type: ignore[type-var]
        if each.audit in NEGOTIABLE_AUDITS
        else each
        for each in thresholds
    ]


def write_good(compiled: CompiledWorld, folder: Path, seed: int) -> Good:
    """Build the candidate of a world whose size and shape follow from its seed.

    Two of three worlds are simulated companies, audited with the tolerances as shipped, but for shares, to
    which a quarter is added: such worlds are small. The third is one of the reference's worlds, which
    are made of what breaks implementations, most of it rare in reality; there, whatever is negotiable is
    tolerated.

    Args:
        compiled: The compiled models.
        folder: An empty folder.
        seed: The same seed gives the same candidate.
    """
    rng = Random(seed)
    landing, seeds, as_of = folder / "landing", PROJECT_ROOT / "seeds", AS_OF
    if seed % 3:
        people, days = rng.randint(240, 400), rng.randint(180, 300)
        has_dirt, file_format = rng.random() < 0.5, rng.choice(["csv", "parquet"])
        simulate(
            landing, people=people, days=days, seed=seed, end=AS_OF, file_format=file_format, dirt=has_dirt
        )
        shape = f"{people} people, {days} days, {file_format}{', with dirt' if has_dirt else ''}"
    else:
        people, is_changing, has_dirt = rng.randint(20, 80), rng.random() < 0.5, rng.random() < 0.5
        world = write_world(
            folder,
            people=people,
            seed=seed,
            seeds_from=seeds,
            with_policy_changes=is_changing,
            with_dirt=has_dirt,
        )
        seeds, as_of = world.seeds, world.as_of
        shape = (
            f"{people} awkward people{', policy changes' if is_changing else ''}"
            f"{', with dirt' if has_dirt else ''}"
        )
    settings = make_warehouse(folder, landing)
    shutil.copyfile(compiled.settings.build_db, settings.build_db)
    load_landing(settings, now=as_of)
    load_policy(settings, seeds)
    begin_build(settings, as_of, BUILD_ID)
    with connect(settings) as database:
        compiled.run_models(database)
    shipped = shipped_thresholds(as_of)
    return Good(
        write_candidate(settings, build_id=BUILD_ID, as_of=as_of, tables=list(COLUMNS)).path,
        as_of,
        roomy(shipped) if seed % 3 else lenient(shipped),
        shape,
    )


class Gate:
    """Audits a candidate, as it is or changed; no change outlives its examination.

    Args:
        good: The candidate.
        build_id: The build that wrote it.
    """

    def __init__(self, good: Good, build_id: str = BUILD_ID) -> None:
        from expectations import warm_up

        warm_up()
        self.good = good
        self._build_id = build_id
        self.database = duckdb.connect(str(good.path), config={"threads": 1})
        self.database.execute("set TimeZone = 'UTC'")
        self._changed: frozenset[str] = frozenset()
        self._unchanged: dict[_Queries, _Tally] = {}

    def close(self) -> None:
        """Close the candidate."""
        self.database.close()

    @contextmanager
    def changed(self, statements: Sequence[str]) -> Iterator[None]:
        """Change the candidate for a while.

        Args:
            statements: SQL.
        """
        self.database.execute("begin")
        try:
            for statement in statements:
                self.database.execute(statement)
            self._changed = frozenset(
                found[1] for statement in statements if (found := _CHANGES.match(statement))
            )
            yield
        finally:
            self._changed = frozenset()
            self.database.execute("rollback")

    def examine(self) -> tuple[str, list[AuditResult]]:
        """The verdict on the candidate as it is now, and what failed."""
        from expectations.claims.base import TALLY
        from expectations.context import to_expectation

        catalogue = catalogue_of(self.database, self._build_id)
        planned = plan(catalogue, self._build_id, self.good.as_of, self.good.thresholds)
        tallies: dict[_Queries, _Tally] = {}
        results = []
        for each in planned:
            table = each.promise.table
            if table not in catalogue.columns:
                results.append(judge(each, Finding(error="the table is missing")))
                continue
            claim = to_expectation(each)
            queries = (table, claim.rows_sql(), claim.scope_sql())
            if queries not in tallies:
                tallies[queries] = self._tally_of(queries)
            validated = claim._validate({TALLY: tallies[queries]})
            results.append(judge(each, finding_of(SimpleNamespace(**validated, exception_info=None))))
        return verdict_of(planned, results), [result for result in results if not result.is_success]

    def _tally_of(self, queries: "_Queries") -> "_Tally":
        """Tally, or say again what was found where nothing that the queries read has changed."""
        reads = {queries[0], *_READ.findall(" ".join(queries[1:]))}
        if reads & self._changed:
            return self._tally(*queries)
        if queries not in self._unchanged:
            self._unchanged[queries] = self._tally(*queries)
        return self._unchanged[queries]

    def _tally(self, table: str, rows_sql: str, scope_sql: str) -> _Tally:
        from expectations.claims.base import tally_sql

        try:
            cursor = self.database.execute(tally_sql(f"select * from {MARTS}.{table}", rows_sql, scope_sql))
        except duckdb.Error as error:
            # An error would end the transaction that holds the change; those of missing columns do not.
            return {"error": f"{type(error).__name__}: {str(error).splitlines()[0]}", "rows": []}
        names = [column[0] for column in cursor.description or ()]
        return {"error": None, "rows": [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]}


def prove_clean(compiled: CompiledWorld, folder: Path, seed: int) -> Counter[str]:
    """Build the candidate of one world and audit it as a build does; nothing is wrong with it.

    Args:
        compiled: The compiled models.
        folder: An empty folder.
        seed: The same seed gives the same world.

    Returns:
        What there was, counted.

    Raises:
        AssertionError: If an expectation failed: a false alarm.
    """
    good = write_good(compiled, folder, seed)
    record = run_audit(good.path, BUILD_ID, good.as_of, good.thresholds, good.path.parent, threads=1)
    alarms = [f"{each.message} {', '.join(each.failing_keys[:3])}" for each in record.failing_results]
    assert record.passed and not alarms, f"World {seed} ({good.shape}) is blocked:\n" + "\n".join(alarms)
    return Counter({"clean worlds": 1, "expectations that hold": len(record.results)})


def prove_defects(compiled: CompiledWorld, folder: Path, seed: int, number: int) -> Counter[str]:
    """Give a good candidate one defect after the other, and see each blocked by a check that names it.

    Args:
        compiled: The compiled models.
        folder: An empty folder.
        seed: The same seed gives the same candidate and defects.
        number: How many defects.

    Returns:
        What there was, counted.

    Raises:
        AssertionError: If the good candidate is blocked, or a defect is not, or none of the checks that
            failed names its table and column.
    """
    # Of simulated companies, because every report of theirs has rows.
    gate = Gate(write_good(compiled, folder, 3 * seed + 1))
    try:
        return _hold_against(gate, seed, number)
    finally:
        gate.close()


def _hold_against(gate: Gate, seed: int, number: int) -> Counter[str]:
    verdict, failed = gate.examine()
    assert verdict == "passed", f"Seed {seed}: {[result.message for result in failed]}"
    tally: Counter[str] = Counter()
    missed = []
    for position, defect in enumerate(draw_defects(gate.database, seed, number)):
        with gate.changed(defect.statements):
            verdict, failed = gate.examine()
        if position % _AUDITED_TOO == 0:
            _assert_same(gate.good, defect, failed)
            tally["defects audited by Great Expectations too"] += 1
        if verdict == "passed":
            missed.append(f"{defect.told} is not blocked: {defect.statements}")
        elif not any(names(result, defect) for result in failed):
            found = sorted({(result.expectation, result.table_name) for result in failed})
            missed.append(f"{defect.told} is not named, but {found[:4]}")
        tally.update({"defects": 1, f"kind {defect.kind}": 1})
    assert not missed, f"Seed {seed}:\n" + "\n".join(missed)
    return tally


def _assert_same(good: Good, defect: Defect, failed: Sequence[AuditResult]) -> None:
    """The audit itself finds what the statements alone have found."""
    copy = good.path.parent / "changed" / "leadproof.duckdb"
    copy.parent.mkdir(exist_ok=True)
    shutil.copyfile(good.path, copy)
    with duckdb.connect(str(copy), config={"threads": 1}) as database:
        database.execute("set TimeZone = 'UTC'")
        for statement in defect.statements:
            database.execute(statement)
    record = run_audit(copy, BUILD_ID, good.as_of, good.thresholds, copy.parent, threads=1)
    copy.unlink()
    both = [
        {(each.expectation, each.table_name, each.source_system) for each in results}
        for results in (record.failing_results, failed)
    ]
    assert both[0] == both[1], f"{defect.told}: the audit finds {sorted(both[0] ^ both[1])} otherwise"


def names(result: AuditResult, defect: Defect) -> bool:
    """Whether a failed check names the defect's table, and its column where one is wrong."""
    column = defect.column
    told = (result.message, *result.failing_keys)
    return result.table_name in defect.tables and (not column or any(column in each for each in told))
