"""Build records: written, read, and read although they are of another version or damaged."""

import io
import json
import logging
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from orchestration import records
from orchestration.alarms import MODELS_FAILED, alarm_of
from orchestration.build import Build, BuildRequest
from orchestration.commands import report as command
from orchestration.defs.automation import tell_of_run
from orchestration.errors import LeadproofError
from orchestration.old_history import remove_old_history
from orchestration.records import BuildRecord, Failure, Phase
from orchestration.report import write_missing_reports, write_quality_report
from orchestration.report.status import read_status
from orchestration.settings import Settings, load_settings
from orchestration.starting_point import last_published
from tests.fixtures.release_world import make_settings


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


# -- records of other versions, and damaged ones -----------------------------------------------------

NEWER, OLDER = "b20260302T000000bbbbbb", "b20260301T000000aaaaaa"
UNREADABLE = [
    "",
    '{"build_id": "b2026',
    "[]",
    "null",
    "{}",
    '{"status": "failed", "as_of": "soon", "started_at": "2026-03-01T00:00:00+00:00"}',
    "[" * 100_000,
    "\udcff",
]


def _edited(settings: Settings, record: BuildRecord, **changes: Any) -> None:
    records.write_record(settings, record)
    raw = {**asdict(record), **changes}
    kept = {name: value for name, value in raw.items() if value != "left out"}
    records.record_path(settings, record.build_id).write_text(json.dumps(kept), encoding="utf-8")


def _spoilt(settings: Settings, build_id: str, content: str) -> Path:
    path = records.record_path(settings, build_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    return path


def test_moment_without_a_zone_is_utc(settings: Settings) -> None:
    _edited(settings, _record(OLDER, records.UNCHANGED), as_of="2026-03-01T07:00:00")
    assert records.read_record(settings, OLDER).as_of == "2026-03-01T07:00:00+00:00"


def test_record_of_another_version_is_read_as_far_as_it_is_known(settings: Settings) -> None:
    _edited(
        settings,
        _record(OLDER, records.FAILED),
        invented={"by": "a later version"},
        phases=[{"name": "dbt", "seconds": 2, "status": "failed", "host": "b7"}, {"name": "report"}],
        failure={"phase": "dbt", "message": "dbt failed.", "hint": "Look.", "host": "b7"},
        audit={"failed": [{"table_name": "mqls", "weight": 3}], "host": "b7"},
        load={"tables": [{"source_table": "leads"}], "drift": [{"detail": "A new column."}]},
        changes={"counts": {"mql": {"enters": 2}}},
        source_systems="left out",
        notified=None,
        starting_point="left out",
        run_id="left out",
    )
    record = records.read_record(settings, OLDER)
    assert record.phases == [Phase("dbt", 2, "failed"), Phase("report")]
    assert record.failure == Failure("dbt", "dbt failed.", "Look.") and alarm_of(record) is MODELS_FAILED
    assert (record.source_systems, record.notified, record.starting_point) == ([], {}, {})
    assert record.run_id is None
    assert write_quality_report(settings, OLDER).is_file()
    assert read_status(settings).last == record


def test_audit_that_lacks_parts_is_told_as_far_as_it_is_known(settings: Settings) -> None:
    _edited(
        settings,
        _record(OLDER, records.FAILED, failure=Failure("audit", "It is blocked.")),
        audit={"failed": [{"message": "Somebody is there twice."}]},
    )
    assert "Somebody is there twice." in write_quality_report(settings, OLDER).read_text(encoding="utf-8")
    assert read_status(settings).next_step


@pytest.mark.parametrize("content", UNREADABLE)
@pytest.mark.parametrize("place", [NEWER, OLDER])
def test_unreadable_record_is_passed_over_by_everybody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str, place: str
) -> None:
    settings = make_settings(tmp_path)
    whole = OLDER if place == NEWER else NEWER
    records.write_record(settings, _record(whole, records.RUNNING, run_id="r1"))
    path = _spoilt(settings, place, content)
    before = path.read_bytes()
    with caplog.at_level(logging.WARNING):
        assert [each.build_id for each in records.readable_records(settings)] == [whole]
        last = read_status(settings).last
        assert last is not None and last.build_id == whole
        found = records.find_run(settings, "r1")
        assert found is not None and found.build_id == whole and records.find_run(settings, "r2") is None
        tell_of_run(settings, "r1")
        assert [each.build_id for each in records.close_abandoned(settings)] == [whole]
        assert last_published(settings, "b9") is None
        write_missing_reports(settings)
        assert write_quality_report(settings, whole).is_file()
        assert Build(settings, BuildRequest()).rewrite_report().is_file()
        assert remove_old_history(settings, datetime(2030, 1, 1, tzinfo=UTC)) == []
    assert path.read_bytes() == before
    told = [each.getMessage() for each in caplog.records if each.name == "orchestration.records"]
    assert len(told) == 1 and str(path) in told[0] and "restore it from a backup, or move it away." in told[0]


def test_build_begins_and_ends_beside_an_unreadable_record(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    path = _spoilt(settings, NEWER, "")
    build = Build(settings, BuildRequest())
    try:
        build.begin()
    finally:
        build.close()
    assert build.record is not None
    assert [each.build_id for each in records.readable_records(settings)] == [build.record.build_id]
    assert path.is_file()


def test_report_of_the_last_build_is_of_the_last_that_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(tmp_path)
    records.write_record(settings, _record(OLDER, records.FAILED))
    path = _spoilt(settings, NEWER, "{")
    monkeypatch.setattr(command, "load_settings", lambda: settings)
    screen = io.StringIO()
    monkeypatch.setattr(command, "out", Console(file=screen, width=400))
    options = {"build": None, "release": None, "out": None}
    assert command.run(type("Options", (), options)()) == 0
    assert OLDER in screen.getvalue()
    with pytest.raises(LeadproofError) as told:
        command.run(type("Options", (), {**options, "build": NEWER})())
    assert str(path) in str(told.value) and "Restore" in str(told.value)


def test_build_whose_record_cannot_be_read_is_not_taken_up(tmp_path: Path) -> None:
    """Nor is an earlier one: the build database holds another."""
    settings = make_settings(tmp_path)
    records.write_record(settings, _record(OLDER, records.BUILT, is_dbt_complete=True))
    path = _spoilt(settings, NEWER, "{")
    build = Build(settings, BuildRequest())
    with pytest.raises(LeadproofError, match=f"record of build {NEWER} cannot be read") as told:
        build.resume()
    build.close()
    assert str(path) in str(told.value)


def test_file_that_no_build_has_left_is_no_record(settings: Settings) -> None:
    for name in ("backup", f"{OLDER} (copy)", f"{OLDER}_old", "b1"):
        _spoilt(settings, name, "{")
    assert records.build_ids(settings) == ["b1"]
    for number in range(25):
        records.write_record(settings, _record(f"b20260301T0000{number:02d}aaaaaa", records.FAILED))
    assert len(remove_old_history(settings, datetime(2030, 1, 1, tzinfo=UTC))) == 5
    assert records.record_path(settings, "b1").exists()
