"""What Dagster is told: check results, retries, abandoned runs, events, the sensor's question."""

import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from expectations import PROMISES, AuditRecord, AuditResult
from orchestration.defs.automation import (
    JOB_NAME,
    PROCESS_TAG,
    abandoned_run_sensor,
    close_abandoned_runs,
    failed_run_sensor,
    landing_digest,
    landing_sensor,
    stale_release_sensor,
)
from orchestration.defs.event_storage import KeptConnectionEventLogStorage, own_process_instance
from orchestration.defs.publication import check_results
from orchestration.defs.session import is_transient, told_to_dagster
from orchestration.errors import LeadproofError
from orchestration.processes import own_mark
from orchestration.release import build_lock
from orchestration.settings import PROJECT_ROOT, Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "dagster").mkdir()
    return replace(
        load_settings(),
        landing=tmp_path / "landing",
        warehouse=tmp_path / "warehouse",
        dagster_home=tmp_path / "dagster",
    )


def _result(expectation: str, table: str, system: str, is_success: bool) -> AuditResult:
    return AuditResult(
        expectation=expectation,
        table_name=table,
        source_system=system,
        severity="critical",
        is_success=is_success,
        evaluated_rows=10,
        failing_rows=0 if is_success else 3,
        observed_value=0.0 if is_success else 0.3,
        tolerance=0.1,
        baselined_until=None,
        message=f"{system} was looked at",
        failing_keys=() if is_success else ("p_1", "p_2", "p_3"),
    )


def _record(results: list[AuditResult]) -> AuditRecord:
    return AuditRecord("b20260101T000000abcdef", "", "", "", "", "", "failed", tuple(results))


def test_checks_tell_every_promise_and_fail_what_was_not_reported() -> None:
    first, second, *_ = PROMISES
    results = [
        _result(first.expectation, first.table, "leadproof", True),
        _result(first.expectation, first.table, "zoho", False),
        _result(second.expectation, second.table, "*", True),
    ]
    told = {result.check_name: result for result in check_results(_record(results))}
    assert set(told) == {promise.check_name for promise in PROMISES}
    assert not told[first.check_name].passed
    assert told[first.check_name].description == "zoho was looked at"
    assert told[second.check_name].passed
    unreported = [
        result for name, result in told.items() if name not in (first.check_name, second.check_name)
    ]
    assert unreported
    assert not any(result.passed for result in unreported)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (BlockingIOError(), True),
        (duckdb.IOException("IO Error: Could not set lock on file"), True),
        (duckdb.IOException("IO Error: No space left on device"), False),
        (LeadproofError("wrong"), False),
        (ValueError("wrong"), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error: Exception, expected: bool) -> None:
    assert is_transient(error) is expected
    with pytest.raises(dg.Failure) as failure, told_to_dagster():
        raise LeadproofError("It failed.", "Do this.") from error
    assert failure.value.allow_retries is expected
    assert failure.value.description == "It failed."
    assert failure.value.metadata["next_step"].value == "Do this."


@dg.op
def _say_nothing() -> None:
    return None


@dg.job(name=JOB_NAME)
def _job() -> None:
    _say_nothing()


def _started(instance: dg.DagsterInstance, tags: dict[str, str]) -> str:
    run = instance.create_run_for_job(_job, status=dg.DagsterRunStatus.NOT_STARTED, tags=tags)
    instance.report_dagster_event(dg.DagsterEvent("PIPELINE_START", JOB_NAME), run.run_id)
    return run.run_id


def _dead_process() -> str:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return str(child.pid)


def test_runs_of_dead_processes_are_closed_and_others_left_alone(settings: Settings) -> None:
    with own_process_instance(settings) as instance:
        dead = _started(instance, {PROCESS_TAG: _dead_process()})
        boot = own_mark().rpartition(":")[0]
        reused = _started(instance, {PROCESS_TAG: f"{boot}:1"})
        alive = _started(instance, {PROCESS_TAG: own_mark()})
        young = _started(instance, {})
        assert set(close_abandoned_runs(instance, settings, timedelta(minutes=5))) == {dead, reused}
        assert instance.get_run_by_id(dead).status is dg.DagsterRunStatus.FAILURE  # type: ignore[union-attr]
        assert instance.get_run_by_id(alive).status is dg.DagsterRunStatus.STARTED  # type: ignore[union-attr]
        time.sleep(0.1)
        assert close_abandoned_runs(instance, settings, timedelta(0)) == [young]


def test_no_run_is_closed_while_somebody_builds(settings: Settings) -> None:
    with own_process_instance(settings) as instance:
        _started(instance, {PROCESS_TAG: _dead_process()})
        with build_lock(settings, "a test"):
            assert close_abandoned_runs(instance, settings, timedelta(0)) == []


def test_events_written_with_kept_connections_are_read_by_dagsters_own_storage(settings: Settings) -> None:
    @dg.asset
    def thing() -> None:
        return None

    job = dg.Definitions(assets=[thing]).resolve_implicit_global_asset_job_def()
    with own_process_instance(settings) as instance:
        assert isinstance(instance.event_log_storage, KeptConnectionEventLogStorage)
        run_id = job.execute_in_process(instance=instance).run_id
        # The UI reads while the command line still holds its connections.
        with dg.DagsterInstance.local_temp(str(settings.dagster_home)) as reader:
            assert not isinstance(reader.event_log_storage, KeptConnectionEventLogStorage)
            event = reader.get_latest_materialization_event(dg.AssetKey("thing"))
            assert event is not None
            assert event.run_id == run_id


def test_sensor_asks_again_only_when_a_file_is_new_or_changed(settings: Settings) -> None:
    path = settings.landing / "leadproof" / "touches" / "a.csv"
    path.parent.mkdir(parents=True)
    assert landing_digest(settings) is None
    path.write_text("a\n1\n")
    first = landing_digest(settings)
    assert first is not None
    assert landing_digest(settings) == first
    path.write_text("a\n1\n2\n")
    assert landing_digest(settings) != first
    (path.parent / "b.csv.part").write_text("half")
    second = landing_digest(settings)
    (path.parent / "b.csv.part").unlink()
    assert landing_digest(settings) == second


def test_instance_starts_crashed_runs_again_and_repeats_no_failed_audit(settings: Settings) -> None:
    (settings.dagster_home / "dagster.yaml").symlink_to(PROJECT_ROOT / "orchestration" / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        assert instance.run_retries_enabled
        assert not instance.run_retries_retry_on_asset_or_op_failure
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_start_timeout_seconds == 300
        # One run takes in all that came on the mornings that were missed.
        assert instance.scheduler is not None
        assert instance.scheduler.max_catchup_runs == 1  # type: ignore[attr-defined]
        # What frees the only slot after a crash.
        assert instance.get_settings("run_monitoring")["free_slots_after_run_end_seconds"] == 60


def test_sensors_that_watch_are_on_and_those_that_build_are_off() -> None:
    on = {"abandoned_run_sensor", "failed_run_sensor", "stale_release_sensor"}
    sensors = (abandoned_run_sensor, failed_run_sensor, stale_release_sensor, landing_sensor)
    found = {each.name for each in sensors if each.default_status is dg.DefaultSensorStatus.RUNNING}
    assert found == on
