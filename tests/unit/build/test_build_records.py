from dataclasses import replace
from pathlib import Path

import pytest

from orchestration import records
from orchestration.records import BuildRecord, Failure, Phase
from orchestration.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(load_settings(), warehouse=tmp_path)


def _record(build_id: str, status: str, **more: object) -> BuildRecord:
    return BuildRecord(
        build_id=build_id,
        status=status,
        as_of="2026-03-01T00:00:00.000000+00:00",
        started_at="2026-03-01T00:00:00.000000+00:00",
        **more,  # type: ignore[arg-type]
    )


def test_record_survives_writing_and_reading(settings: Settings) -> None:
    record = _record(
        "b20260301T000000aaaaaa",
        records.FAILED,
        phases=[Phase("load", 1.5, "ok"), Phase("dbt", 2.0, "failed")],
        failure=Failure("dbt", "dbt failed.", "Look.", ["model people"]),
        run_id="r1",
    )
    records.write_record(settings, record)
    assert records.read_record(settings, record.build_id) == record
    assert records.find_run(settings, "r1") == record
    assert records.find_run(settings, "r2") is None


def test_abandoned_builds_are_closed_and_finished_ones_left_alone(settings: Settings) -> None:
    records.write_record(settings, _record("b20260301T000000aaaaaa", records.PUBLISHED))
    records.write_record(settings, _record("b20260302T000000aaaaaa", records.RUNNING))
    records.close_abandoned(settings)
    assert records.read_record(settings, "b20260301T000000aaaaaa").status == records.PUBLISHED
    closed = records.read_record(settings, "b20260302T000000aaaaaa")
    assert closed.status == records.INTERRUPTED
    assert closed.failure is not None
    assert closed.finished_at is not None
