"""A whole audit: candidate file in, record out, whatever happens in between."""

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

import expectations
from expectations import AuditRecord, audit, context, run_audit, suites
from tests.fixtures.candidates import AS_OF, BUILD_ID, THRESHOLDS, ThresholdRow, person, write_candidate


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    expectations.warm_up()
    return write_candidate(tmp_path_factory.mktemp("good") / "leadproof.duckdb")


@pytest.fixture
def candidate(good: Path, tmp_path: Path) -> Path:
    path = tmp_path / "candidate" / "leadproof.duckdb"
    path.parent.mkdir()
    shutil.copy(good, path)
    return path


def _audit(candidate: Path, thresholds=THRESHOLDS, context_dir: Path | None = None, **more) -> AuditRecord:
    return run_audit(candidate, BUILD_ID, AS_OF, thresholds, candidate.parent, context_dir, **more)


def _break(candidate: Path, *statements: str) -> None:
    with duckdb.connect(str(candidate)) as connection:
        for statement in statements:
            connection.execute(statement)


def _failed(record: AuditRecord) -> set[tuple[str, str]]:
    return {(result.expectation, result.table_name) for result in record.failing_results}


def test_audit_passes_a_candidate_that_keeps_every_promise(candidate):
    before = hashlib.sha256(candidate.read_bytes()).hexdigest()

    record = _audit(candidate, memory_limit="512MB", threads=1)

    assert record.passed, [result.message for result in record.failing_results]
    assert {(result.expectation, result.table_name) for result in record.results} == {
        (promise.expectation, promise.table) for promise in suites.PROMISES
    }
    assert record.build_id == BUILD_ID
    assert record.candidate_sha256 == before
    assert record.suite_digest == expectations.suite_digest()
    assert record.thresholds_digest == expectations.thresholds_digest(THRESHOLDS)
    assert record.as_of == "2026-03-01T06:00:00"
    assert record.evaluated_rows > 0
    assert AuditRecord.from_json((candidate.parent / "audit.json").read_text()) == record
    assert hashlib.sha256(candidate.read_bytes()).hexdigest() == before
    assert sorted(path.name for path in candidate.parent.iterdir()) == ["audit.json", "leadproof.duckdb"]


def test_audit_fails_a_broken_candidate_and_names_the_rows(candidate):
    _break(candidate, f"update marts.sqls set is_context_complete = false where person_id = '{person(1)}'")

    record = _audit(candidate)

    assert not record.passed
    assert _failed(record) == {("ExpectContextComplete", "sqls"), ("ExpectFrozenStamp", "sqls")}
    (result,) = [each for each in record.failing_results if each.expectation == "ExpectContextComplete"]
    assert result.source_system == "leadproof"
    assert result.failing_keys == (person(1),)
    assert (result.evaluated_rows, result.failing_rows) == (1, 1)
    written = json.loads((candidate.parent / "audit.json").read_text())
    assert written["verdict"] == "failed"


def test_audit_uses_the_baseline_of_one_system_for_that_system_only(candidate):
    _break(
        candidate,
        *(
            f"update marts.{table} set is_icp_complete = false"
            f" where person_id in ('{person(5)}', '{person(3)}')"
            for table in ("suspects", "prospects", "stage_transitions")
        ),
    )
    baseline = ThresholdRow("prospect_icp_complete", "zoho", 1.0, until=AS_OF.date())

    record = _audit(candidate, (*THRESHOLDS, baseline))

    by_system = {
        result.source_system: result for result in record.results if result.expectation == "ExpectIcpComplete"
        and result.table_name == "prospects"
    }  # fmt: skip
    assert by_system["zoho"].is_success
    assert by_system["zoho"].baselined_until == "2026-03-01"
    assert not by_system["leadproof"].is_success
    assert _failed(record) == {("ExpectIcpComplete", "prospects")}
    later = run_audit(
        candidate, BUILD_ID, datetime(2026, 3, 2, tzinfo=UTC), (*THRESHOLDS, baseline), candidate.parent
    )
    assert "zoho" in {result.source_system for result in later.failing_results}


def test_audit_fails_when_a_table_is_missing(candidate):
    _break(candidate, "drop table marts.person_aliases")

    record = _audit(candidate)

    assert ("ExpectUniqueKey", "person_aliases") in _failed(record)
    # Whoever counts the aliases of people misses the table too.
    assert _failed(record) - {("ExpectAliasesOfKeys", "people")} == {
        (promise.expectation, promise.table)
        for promise in suites.PROMISES
        if promise.table == "person_aliases"
    }
    assert all(
        "the table is missing" in result.message
        for result in record.failing_results
        if result.table_name == "person_aliases"
    )


def test_audit_fails_when_a_column_is_missing(candidate):
    _break(candidate, "alter table marts.touches drop column is_response")

    record = _audit(candidate)

    assert ("ExpectEvidenceTouch", "mqls") in _failed(record)
    assert any("is_response" in result.message for result in record.failing_results)


def test_audit_fails_a_candidate_in_which_everything_is_empty(candidate):
    _break(candidate, *(f"delete from marts.{table}" for table in suites.KEYS))

    record = _audit(candidate)

    assert not record.passed
    assert ("ExpectLandedRows", "row_reconciliation") in _failed(record)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.unlink(), "does not exist"),
        (lambda path: path.write_bytes(b"no database"), "IOException"),
        (lambda path: path.with_name(f"{path.name}.wal").write_bytes(b"x"), "was not closed"),
    ],
    ids=["absent", "no database", "not closed"],
)
def test_audit_that_cannot_run_is_recorded_as_failed(candidate, spoil, reason):
    spoil(candidate)

    record = _audit(candidate)

    assert not record.passed
    assert [result.expectation for result in record.results] == ["ExpectAuditToRun"]
    assert reason in record.results[0].message
    assert AuditRecord.from_json((candidate.parent / "audit.json").read_text()) == record


def test_audit_of_an_empty_suite_fails(candidate, monkeypatch):
    monkeypatch.setattr(suites, "PROMISES", ())
    monkeypatch.setattr(suites, "KEYS", dict.fromkeys(suites.KEYS, ("person_id",)))

    record = _audit(candidate)

    assert record.results == ()
    assert not record.passed


def test_audit_fails_when_the_engine_runs_a_forged_suite(candidate, monkeypatch):
    """The plan stands in the code: what the saved suite leaves out or puts in does not become a pass."""
    honest = context.to_expectation

    def forged(planned):
        made = honest(planned)
        if planned.promise.expectation == "ExpectIcpFit":
            return honest(next(each for each in plan if each.promise.check_name == "ExpectUniqueKey_mqls"))
        return made

    plan = suites.plan(suites.Catalogue({}, ()), BUILD_ID, AS_OF, THRESHOLDS)
    monkeypatch.setattr(context, "to_expectation", forged)

    record = _audit(candidate)

    assert not record.passed
    assert ("ExpectIcpFit", "mqls") in _failed(record)


def test_audit_fails_when_an_expectation_raises_and_still_judges_the_others(candidate, monkeypatch):
    from expectations.claims.stages import ExpectIcpFit

    def raises(*_):
        raise RuntimeError("canary.person@example.com")

    monkeypatch.setattr(ExpectIcpFit, "observe", raises)

    record = _audit(candidate)

    assert _failed(record) == {("ExpectIcpFit", "mqls"), ("ExpectIcpFit", "sqls")}
    assert "it raised an error" in record.failing_results[0].message
    assert "canary" not in record.to_json()


def test_audit_fails_when_an_expectation_cannot_even_say_what_it_asks(candidate, monkeypatch):
    from expectations.claims.stages import ExpectIcpFit

    def raises(_):
        raise RuntimeError("canary.person@example.com")

    monkeypatch.setattr(ExpectIcpFit, "rows_sql", raises)

    record = _audit(candidate)

    assert not record.passed
    assert [result.message for result in record.results] == [
        "The audit could not be completed: RuntimeError."
    ]


def test_audit_judges_the_others_when_a_query_breaks_off(candidate):
    _break(
        candidate,
        "alter table marts.campaigns rename to campaigns_as_built",
        "create view marts.campaigns as select * replace (cast(cast(campaign_id as integer) as varchar)"
        " as campaign_id) from marts.campaigns_as_built",
    )

    record = _audit(candidate)

    # Touches are held against campaigns, so that one cannot be judged either.
    assert {table for _, table in _failed(record)} == {"campaigns", "touches"}
    assert "ConversionException" in record.failing_results[0].message


def test_audit_fails_when_the_candidate_changes_meanwhile(candidate, monkeypatch):
    honest = audit.read_catalogue

    def changes(path, *more):
        found = honest(path, *more)
        _break(path, "create table marts.slipped_in (person_id varchar)", "checkpoint")
        return found

    monkeypatch.setattr(audit, "read_catalogue", changes)

    record = _audit(candidate)

    assert not record.passed
    assert "changed while it was audited" in record.results[-1].message


def test_audit_works_at_any_path(good, tmp_path):
    candidate = tmp_path / "50% of $HOME? it's" / "leadproof.duckdb"
    candidate.parent.mkdir()
    shutil.copy(good, candidate)

    assert _audit(candidate, context_dir=candidate.parent / "context").passed


def test_audit_leaves_a_file_data_context_with_checkpoint_and_suites(candidate, tmp_path):
    import great_expectations as gx

    folder = tmp_path / "context"
    _audit(candidate, context_dir=folder)
    first = _suites(folder)
    _audit(candidate, context_dir=folder)

    assert _suites(folder) == first
    loaded = gx.get_context(mode="file", project_root_dir=folder)
    checkpoint = loaded.checkpoints.get(context.CHECKPOINT)
    assert len(checkpoint.validation_definitions) == len(suites.KEYS)
    suite = loaded.suites.get("mqls")
    kinds = {type(expectation).__name__ for expectation in suite.expectations}
    assert {"ExpectIcpComplete", "ExpectContextComplete", "ExpectEvidenceTouch"} <= kinds
    context.close_context(loaded)


def test_audit_does_not_clear_a_folder_that_is_something_else(candidate, tmp_path):
    folder = tmp_path / "context"
    (folder / "gx").mkdir(parents=True)
    (folder / "gx" / "notes.txt").write_text("mine")

    record = _audit(candidate, context_dir=folder)

    assert not record.passed
    assert (folder / "gx" / "notes.txt").read_text() == "mine"


def test_audit_engine_reads_nothing_but_its_file(candidate):
    import sqlalchemy

    from expectations.engine import CandidateDatasource

    datasource = CandidateDatasource(name="candidate", candidate=str(candidate))
    engine = datasource.get_execution_engine()
    try:
        for statement, refusal in (
            ("select * from read_csv('/etc/hostname')", "disabled by configuration"),
            ("attach '/tmp/other.duckdb'", "disabled by configuration"),
            ("create table marts.slipped_in (person_id varchar)", "read-only"),
            ("set enable_external_access = true", "locked"),
            ("set threads = 1", "locked"),
        ):
            with pytest.raises(sqlalchemy.exc.DBAPIError, match=refusal):
                engine.execute_query(sqlalchemy.text(statement))
            with engine.get_connection() as connection:
                connection.rollback()
        zone = engine.execute_query(sqlalchemy.text("select current_setting('TimeZone')")).scalar()
        assert zone == "UTC"
    finally:
        datasource.close()


def _suites(folder: Path) -> dict[str, list[dict]]:
    """The saved suites without the ids that Great Expectations draws anew."""
    return {
        path.name: [
            {key: value for key, value in each.items() if key != "id"}
            for each in json.loads(path.read_text())["expectations"]
        ]
        for path in sorted((folder / "gx" / "expectations").glob("*.json"))
    }


# -- files that the candidate's views read ----------------------------------------------------------


@pytest.fixture
def by_month(candidate: Path, tmp_path: Path) -> tuple[Path, list[Path]]:
    """The candidate with its touches in two files beside it."""
    folder = tmp_path / "shared" / "touches"
    folder.mkdir(parents=True)
    files = [folder / "first.parquet", folder / "second.parquet"]
    with duckdb.connect(str(candidate)) as connection:
        for number, file in enumerate(files):
            connection.execute(
                f"copy (from marts.touches where hash(touch_id) % 2 = {number}) to '{file}' (format parquet)"
            )
        connection.execute("drop table marts.touches")
        connection.execute(f"create view marts.touches as from read_parquet({[str(file) for file in files]})")
    return candidate, files


def test_audit_examines_shared_files_and_is_bound_to_their_bytes(by_month):
    candidate, files = by_month
    whole = _audit(candidate, shared_files=files)
    assert whole.passed, [result.message for result in whole.failing_results]

    with duckdb.connect() as connection:
        connection.execute(f"create table t as from '{files[0]}'")
        connection.execute(
            f"copy (select * replace (null as person_id) from t) to '{files[0]}' (format parquet)"
        )
    broken = _audit(candidate, shared_files=files)

    assert not broken.passed
    assert "touches" in {result.table_name for result in broken.failing_results}
    assert broken.candidate_sha256 != whole.candidate_sha256
    assert whole.candidate_sha256 != hashlib.sha256(candidate.read_bytes()).hexdigest()


def test_audit_fails_where_a_view_reads_a_file_that_is_not_the_candidates(by_month):
    candidate, files = by_month

    assert not _audit(candidate, shared_files=files[:1]).passed


def test_audit_fails_where_a_shared_file_is_missing(by_month):
    candidate, files = by_month
    files[1].unlink()

    record = _audit(candidate, shared_files=files)

    assert not record.passed
    assert "a file that it reads does not exist" in record.results[0].message
