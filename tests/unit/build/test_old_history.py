"""Retention of logs, pages and records: what is old goes, what a kept release stands on stays."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestration import records
from orchestration.old_history import remove_old_history
from orchestration.records import BuildRecord
from orchestration.settings import Settings
from tests.fixtures.release_world import make_settings
from tests.unit.report.report_world import BUILD, make_release

NOW = datetime(2026, 7, 1, tzinfo=UTC)


def leave(settings: Settings, build_id: str) -> list[Path]:
    records.write_record(settings, BuildRecord(build_id, records.FAILED, "", ""))
    left = [
        settings.logs / f"{build_id}.jsonl",
        settings.quality / "builds" / build_id / "index.html",
        settings.candidates / build_id / "audit.json",
        settings.quality / "audit_results" / f"{build_id}.parquet",
    ]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return left


def test_what_is_old_goes_and_the_audit_history_stays(tmp_path: Path) -> None:
    settings = replace(make_settings(tmp_path), keep_days=30)
    days = [NOW - timedelta(days=number) for number in range(60)]
    left = {f"b{day:%Y%m%d}T000000abcdef": day for day in days}
    files = {build_id: leave(settings, build_id) for build_id in left}
    removed = remove_old_history(settings, NOW)
    assert removed == [build_id for build_id, day in left.items() if day < NOW - timedelta(days=30)]
    for build_id, paths in files.items():
        is_kept = build_id not in removed
        assert [path.exists() for path in paths] == [is_kept, is_kept, is_kept, True]
        assert records.record_path(settings, build_id).exists() == is_kept
    assert remove_old_history(settings, NOW) == []


def test_builds_of_kept_releases_and_the_latest_stay_however_old(tmp_path: Path) -> None:
    settings = replace(make_settings(tmp_path), keep_days=1)
    make_release(settings)
    released = leave(settings, BUILD)
    later = [f"b20290101T{number:06d}abcdef" for number in range(20)]
    for build_id in later:
        leave(settings, build_id)
    assert min(later) > BUILD
    assert remove_old_history(settings, datetime(2030, 1, 1, tzinfo=UTC)) == []
    assert all(path.exists() for path in released)
