"""``status``: one screen from the release and state files, on every condition of the warehouse."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestration import records
from orchestration.alarms import ERASURE_UNFINISHED
from orchestration.release import build_lock
from orchestration.report.status import read_status
from orchestration.settings import Settings
from tests.unit.report.report_world import AS_OF, BUILD, failure, make_release, record_build

Printed = Callable[..., str]
NOW = AS_OF.replace(tzinfo=UTC) + timedelta(hours=3)


@pytest.fixture
def told(settings: Settings, printed: Printed) -> Callable[..., str]:
    return lambda now=NOW: " ".join(printed(read_status(settings, now)).split())


def policy_with(tmp_path: Path, until: str) -> Path:
    folder = tmp_path / "policy"
    folder.mkdir()
    (folder / "audit_thresholds.csv").write_text(
        "audit,source_system,tolerance,set_on,reason,until,comment\n"
        "freshness,*,72,2026-01-01,Daily.,,\n"
        f"unclassified_touches,zoho,0.9,2026-01-01,New.,{until},\n",
        encoding="utf-8",
    )
    return folder


def test_empty_warehouse_says_how_to_begin(told: Callable[..., str]) -> None:
    text = told()
    assert "nothing is published yet" in text and "none yet" in text
    assert "run leadproof build, or see leadproof demo" in text


def test_release_build_and_freshness_are_on_one_screen(settings: Settings, printed: Printed) -> None:
    release = make_release(settings)
    record_build(settings, release_id=release.release_id)
    lines = printed(read_status(settings, NOW)).splitlines()
    text = " ".join(" ".join(lines).split())
    assert lines[0].split(maxsplit=2) == [
        "Fresh",
        "yes",
        "what readers see was up to date less than 26 hours ago",
    ]
    assert lines[1].startswith("Audited         yes") and lines[2].startswith("Published       yes")
    assert read_status(settings, NOW).alarms == []
    assert len(lines) <= 24
    assert f"Release {release.release_id} passed as of 5 Jan 2026" not in text
    assert f"{release.release_id} passed as of 30 Jun 2026 12:00 UTC, 3 hours ago" in text
    assert "5 people, 3 suspects, 2 prospects, 1 MQLs, 1 SQLs" in text
    assert f"{BUILD} published" in text
    assert "leadproof newest row 29 Jun 2026 00:00, 36 hours before as-of" in text
    assert "Next Nothing; leadproof explain" in text


def test_failed_build_says_why_where_the_report_is_and_what_to_do(
    settings: Settings, told: Callable[..., str], printed: Printed
) -> None:
    record_build(
        settings, status=records.FAILED, failure=failure("load", "The disk is full.", "Free some space.")
    )
    page = settings.quality / "builds" / BUILD / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text("", encoding="utf-8")
    text = told()
    assert "Fresh no nothing is published yet" in text and "Alarm Load failed." in text
    assert "see docs/runbooks/load-failed.md" in text
    assert "failed in load" in text and "The disk is full." in text
    assert "Next Free some space." in text and text.endswith("Free some space.")
    assert f"Quality report  {page}" in printed(read_status(settings, NOW)).splitlines()


def test_interrupted_erasure_is_the_next_thing_to_do(settings: Settings, told: Callable[..., str]) -> None:
    release = make_release(settings)
    record_build(settings, release_id=release.release_id)
    settings.unfinished_erasure.parent.mkdir(mode=0o700)
    settings.unfinished_erasure.write_text("{}", encoding="utf-8")
    assert told().endswith(
        "Next Somebody is forgotten by half; run leadproof build, which finishes that first."
    )
    assert read_status(settings, NOW).alarms == [ERASURE_UNFINISHED]
    with build_lock(settings, "leadproof forget"):  # it is being done
        assert read_status(settings, NOW).alarms == []
    settings.unfinished_erasure.unlink()
    assert "by half" not in told() and read_status(settings, NOW).alarms == []


def test_running_build_is_named(settings: Settings, told: Callable[..., str]) -> None:
    with build_lock(settings, "leadproof build"):
        text = told()
    assert "Building now leadproof build, process" in text and "Next Wait for the build that runs." in text


def test_build_that_a_kill_left_is_called_interrupted(settings: Settings, told: Callable[..., str]) -> None:
    record_build(settings, status=records.RUNNING)
    text = told()
    assert "Alarm Build interrupted." in text
    assert f"{BUILD} interrupted" in text and "run leadproof build again" in text


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ("2026-07-05", "unclassified_touches for zoho runs out on 5 Jul 2026"),
        ("2026-06-29", "unclassified_touches for zoho ran out on 29 Jun 2026"),
        ("2026-12-31", None),
    ],
)
def test_baselines_that_run_out_soon_are_named(
    settings: Settings, told: Callable[..., str], tmp_path: Path, until: str, expected: str | None
) -> None:
    make_release(settings, policy=policy_with(tmp_path, until))
    text = told()
    assert (expected in text) if expected else ("Baselines" not in text)
    assert ("Repair what is baselined" in text) == bool(expected)


def test_build_that_found_nothing_new_makes_an_old_release_fresh(
    settings: Settings, told: Callable[..., str]
) -> None:
    release = make_release(settings)
    record_build(settings, release_id=release.release_id)
    for moment, release_id in (
        (datetime(2026, 7, 3, 12, tzinfo=UTC), release.release_id),
        (datetime(2026, 7, 3, 14, tzinfo=UTC), "r_another"),
    ):
        record_build(
            settings,
            build_id=f"b{moment:%Y%m%dT%H%M%S}000000",
            status=records.UNCHANGED,
            as_of=moment.isoformat(),
            release_id=release_id,
        )
    text = told(datetime(2026, 7, 4, tzinfo=UTC))
    assert "Fresh yes what readers see was up to date less than 26 hours ago" in text
    assert "Release stale." not in text
    assert "Fresh no" in told(datetime(2026, 7, 4, 15, tzinfo=UTC))


def test_build_killed_after_readers_had_its_release_is_published(
    settings: Settings, told: Callable[..., str]
) -> None:
    make_release(settings)
    record_build(settings, status=records.RUNNING)
    assert "Published yes the last build is what readers see" in told()
    records.close_abandoned(settings)
    assert "Published yes the last build is what readers see" in told()


def test_old_release_asks_for_a_build(settings: Settings, told: Callable[..., str]) -> None:
    release = make_release(settings)
    record_build(settings, release_id=release.release_id)
    text = told(datetime(2026, 7, 4, tzinfo=UTC))
    assert "Fresh no what readers see was up to date more than 26 hours ago" in text
    assert "Alarm Release stale." in text
    assert "The release is old; run leadproof build" in text


def test_alarm_that_reached_nobody_is_one_itself(settings: Settings, told: Callable[..., str]) -> None:
    record_build(
        settings,
        status=records.FAILED,
        failure=failure("load", "The disk is full.", "Free some space."),
        notified={"webhook": "failed: status 404", "mail": "sent"},
    )
    assert "Alarm Notification failed." in told()


def test_damaged_release_is_told_and_does_not_stop_the_rest(
    settings: Settings, told: Callable[..., str]
) -> None:
    release = make_release(settings)
    record_build(settings, release_id=release.release_id)
    (release.path / "manifest.json").unlink()
    text = told()
    assert "Alarm Release damaged." in text
    assert "missing or damaged" in text and f"Last build {BUILD}" in text


def test_candidate_made_since_does_not_end_an_alarm(settings: Settings, told: Callable[..., str]) -> None:
    release = make_release(settings)
    record_build(
        settings,
        status=records.FAILED,
        failure=failure("load", "The disk is full.", "Free some space."),
    )
    later = BUILD[:-1] + "f"
    record_build(settings, build_id=later, status=records.CANDIDATE, is_candidate_only=True)
    text = told()
    assert f"Release {release.release_id}" in text and f"{later} candidate" in text
    assert "Published no" in text and "Alarm Load failed." in text
    assert "Next Free some space." in text
    assert len(read_status(settings, NOW).alarms) == 1


def test_build_that_somebody_ended_does_not_end_an_alarm(
    settings: Settings, told: Callable[..., str]
) -> None:
    release = make_release(settings)
    record_build(settings, status=records.FAILED, failure=failure("load", "The disk is full.", "Free some."))
    ended = replace(failure("dbt", "The build was interrupted.", "Run it again."), is_by_person=True)
    record_build(settings, build_id=BUILD[:-1] + "f", status=records.INTERRUPTED, failure=ended)
    text = told()
    assert f"Release {release.release_id}" in text
    assert "Published no" in text and "Alarm Load failed." in text
    assert "Next The last build did not end" in text


def test_somebody_who_was_not_told_is_what_to_do_next(settings: Settings, told: Callable[..., str]) -> None:
    release = make_release(settings)
    record_build(settings, release_id=release.release_id, notified={"webhook": "failed: status 404"})
    text = told()
    assert "Alarm Notification failed." in text
    assert "Next Somebody was not told of it; see docs/runbooks/notification-failed.md." in text


def test_damaged_release_is_neither_fresh_nor_audited(settings: Settings, told: Callable[..., str]) -> None:
    release = make_release(settings)
    record_build(settings, release_id=release.release_id)
    release.path.chmod(0o755)
    release.database.chmod(0o644)
    with release.database.open("r+b") as file:
        file.truncate(1000)
    text = told()
    assert "Fresh no the release that readers see is damaged" in text
    assert "Audited no the release that readers see is damaged" in text
    assert "Alarm Release damaged." in text
    assert "restore it from a backup, or run leadproof build --full-refresh" in text
    assert "rolled back" not in text


@pytest.mark.parametrize("written", ["until\n2026-07-\n", "until\n2026-07-01\n", b"\xff\xfe\0"])
def test_damaged_thresholds_are_trouble_and_no_exception(settings: Settings, written: str | bytes) -> None:
    release = make_release(settings)
    record_build(settings, release_id=release.release_id)
    release.policy.chmod(0o755)
    path = release.policy / "audit_thresholds.csv"
    path.unlink(missing_ok=True)
    path.write_bytes(written if isinstance(written, bytes) else written.encode())
    status = read_status(settings, NOW)
    assert status.release_trouble
    assert status.baselines == []
