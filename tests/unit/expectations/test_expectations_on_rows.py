"""Every expectation on known-good and known-bad rows, run by Great Expectations inside DuckDB."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from expectations.catalogue import read_catalogue
from expectations.record import AuditResult
from expectations.suites import KEYS, MARTS, PROMISES, PlannedExpectation, plan
from expectations.thresholds import ANY_SYSTEM
from expectations.verdict import judge
from tests.fixtures.candidates import AS_OF, BUILD_ID, THRESHOLDS, write_candidate
from tests.unit.expectations.broken_promises import CASES, Broken

pytestmark = pytest.mark.slow


class Runner:
    """Runs planned expectations on a candidate, through Great Expectations' own batches."""

    def __init__(self, good: Path, folder: Path) -> None:
        from expectations import warm_up

        warm_up()
        import great_expectations as gx

        self._context = gx.get_context(mode="ephemeral")
        self._context.variables.progress_bars = {"globally": False}
        self._good = good
        self._folder = folder
        self._number = 0

    def change(self, statements: tuple[str, ...]) -> Path:
        """A copy of the good candidate with a change."""
        self._number += 1
        path = self._folder / f"candidate{self._number}.duckdb"
        shutil.copy(self._good, path)
        with duckdb.connect(str(path), config={"threads": 1}) as connection:
            for statement in statements:
                connection.execute(statement)
        return path

    def examine(self, candidate: Path, check: str) -> list[AuditResult]:
        """The results of one promise, for each of its source systems."""
        return self.run(
            candidate, [each for each in self.plan(candidate) if each.promise.check_name == check]
        )

    def plan(self, candidate: Path) -> Sequence[PlannedExpectation]:
        """The expectations of a candidate."""
        return plan(read_catalogue(candidate, BUILD_ID), BUILD_ID, AS_OF, THRESHOLDS)

    def run(self, candidate: Path, planned: Sequence[PlannedExpectation]) -> list[AuditResult]:
        """What Great Expectations finds, judged; all of one table."""
        from expectations.audit import finding_of
        from expectations.context import to_expectation
        from expectations.engine import CandidateDatasource

        datasource = self._context.data_sources.add_duckdb_candidate(
            datasource=CandidateDatasource(name=candidate.stem, candidate=str(candidate), threads=1)
        )
        try:
            table = planned[0].promise.table
            asset = datasource.add_table_asset(name=table, table_name=f"{MARTS}.{table}")
            batch = asset.add_batch_definition_whole_table("all").get_batch()
            results = []
            for each in planned:
                found = batch.validate(to_expectation(each), result_format="COMPLETE")
                results.append(judge(each, finding_of(found)))
            return results
        finally:
            datasource.close()
            self._context.data_sources.delete(candidate.stem)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    folder = tmp_path_factory.mktemp("candidates")
    good = write_candidate(folder / "good.duckdb")
    yield Runner(good, folder)
    shutil.rmtree(folder)


@pytest.mark.parametrize("table", sorted(KEYS))
def test_expectations_hold_on_good_rows(runner: Runner, table: str) -> None:
    candidate = runner.change(())

    results = runner.run(candidate, [each for each in runner.plan(candidate) if each.promise.table == table])

    assert {result.expectation for result in results} == {
        promise.expectation for promise in PROMISES if promise.table == table
    }
    assert [result.message for result in results if not result.is_success] == []
    assert all(result.failing_rows == 0 and result.failing_keys == () for result in results)
    # All that is legitimately empty: zoho has no MQL, no SQL and contacts nobody, leadproof has no outbound
    # prospect.
    empty = {(result.table_name, result.source_system) for result in results if result.evaluated_rows == 0}
    assert empty <= {("mqls", "zoho"), ("sqls", "zoho"), ("prospects", "leadproof"), ("touches", "zoho")}


@pytest.mark.parametrize("case", CASES, ids=[f"{number}-{case.check}" for number, case in enumerate(CASES)])
def test_expectation_fails_on_bad_rows_and_names_them(runner: Runner, case: Broken) -> None:
    candidate = runner.change(case.change)

    results = runner.examine(candidate, case.check)

    failed = {result.source_system: result for result in results if not result.is_success}
    assert case.source_system in failed, [result.message for result in results]
    assert len(failed) == 1, "a fault of one source system must not fail another"
    result = failed[case.source_system]
    assert result.failing_rows > 0
    assert set(case.keys) <= set(result.failing_keys)
    assert len(result.failing_keys) <= 20


def test_every_promise_has_rows_that_break_it() -> None:
    covered = {case.check for case in CASES}

    assert {promise.check_name for promise in PROMISES} - covered == set()


def test_expectation_on_an_emptied_table_is_no_pass_where_rows_exist(runner: Runner) -> None:
    """The prospects lose their direction: the condition matches nothing, the touches say otherwise."""
    candidate = runner.change(("update marts.prospects set direction = null",))

    failed = [
        result
        for result in runner.examine(candidate, "ExpectContextComplete_prospects")
        if not result.is_success
    ]

    assert [(result.source_system, result.evaluated_rows) for result in failed] == [("zoho", 0)]
    assert failed[0].message.startswith("Examined 0 of 1 rows")


def test_expectation_on_a_legitimately_empty_stage_holds(runner: Runner) -> None:
    candidate = runner.change(
        ("delete from marts.sqls", "delete from marts.stage_transitions where to_stage = 'sql'")
    )

    results = runner.run(candidate, [each for each in runner.plan(candidate) if each.promise.table == "sqls"])

    assert [result.message for result in results if not result.is_success] == []
    rows = {each.evaluated_rows for each in results if each.expectation != "ExpectDeclaredColumns"}
    assert rows == {0}


def test_expectation_tolerates_up_to_its_threshold_and_no_further(runner: Runner) -> None:
    candidate = runner.change(
        ("update marts.touches set direction = 'unclassified' where touch_id = 'leadproof:t1'",)
    )
    planned = next(
        each
        for each in runner.plan(candidate)
        if each.promise.check_name == "ExpectUnclassifiedShare_touches" and each.source_system == "leadproof"
    )

    exactly, less = (
        runner.run(candidate, [replace(planned, tolerance=replace(planned.tolerance, value=value))])[0]
        for value in (1 / 10, 0.09)
    )

    assert (exactly.is_success, less.is_success) == (True, False)


def test_expectation_whose_query_raises_fails_without_quoting_a_value(runner: Runner) -> None:
    canary = "canary.person@example.com"
    candidate = runner.change(
        (
            "alter table marts.people rename to people_as_built",
            f"update marts.people_as_built set person_id = '{canary}'",
            "create view marts.people as select * replace (cast(person_id as integer) > 0 as is_excluded)"
            " from marts.people_as_built",
        )
    )

    (result,) = runner.examine(candidate, "ExpectRequiredValues_people")

    assert not result.is_success
    assert "Could not be examined (ConversionException)" in result.message
    assert canary not in result.message


def test_expectation_hides_a_key_that_is_an_address(runner: Runner) -> None:
    canary = "leadproof:canary.person@example.com"
    candidate = runner.change(
        (f"update marts.touches set touch_id = '{canary}' where touch_id = 'leadproof:t1'",)
    )

    (result,) = runner.examine(candidate, "ExpectNoPersonalValues_touches")

    assert not result.is_success
    assert [key.startswith("touch_id of hidden:") for key in result.failing_keys] == [True]


def test_all_systems_and_any_system_cover_the_same_rows(runner: Runner) -> None:
    candidate = runner.change(())

    results = runner.examine(candidate, "ExpectUnclassifiedShare_touches")

    assert ANY_SYSTEM not in {result.source_system for result in results}
    assert sum(result.evaluated_rows for result in results) == 11
