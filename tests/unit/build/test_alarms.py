"""Alarms: which build raises which, and that each has a page that tells what to do."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestration import records
from orchestration.alarms import ALARMS, RUNBOOKS, alarm_of, is_stale, is_standing
from orchestration.records import BuildRecord, Failure
from orchestration.settings import PROJECT_ROOT

PARTS = ("## What it means", "## What readers see", "## Look first", "## Put it right", "## Sure again")


def record(status: str, failure: Failure | None, **facts: object) -> BuildRecord:
    return BuildRecord(
        build_id="b20260101T000000abcdef",
        status=status,
        as_of="2026-01-01T00:00:00+00:00",
        started_at="2026-01-01T00:00:00+00:00",
        failure=failure,
        **facts,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("status", "failure", "facts", "expected"),
    [
        (records.PUBLISHED, None, {}, None),
        (records.UNCHANGED, None, {}, None),
        (records.RUNNING, None, {}, None),
        (records.FAILED, Failure("policy", "m", "h"), {}, "policy_refused"),
        (records.FAILED, Failure("erasure", "m", "h"), {}, "erasure_unfinished"),
        (records.FAILED, Failure("load", "m", "h"), {}, "load_failed"),
        (records.FAILED, Failure("dbt", "m", "h"), {}, "models_failed"),
        (records.FAILED, Failure("candidate", "m", "h"), {}, "publication_failed"),
        (records.FAILED, Failure("publish", "m", "h"), {}, "publication_failed"),
        (records.FAILED, Failure("audit", "m", "h"), {"audit": {"failed": []}}, "audit_failed"),
        # The audit itself broke, so it has judged nothing.
        (records.FAILED, Failure("audit", "m", "h"), {}, "publication_failed"),
        (records.FAILED, Failure("dbt", "m", "h", cause="disk_full"), {}, "disk_full"),
        (records.FAILED, Failure("load", "m", "h", cause="out_of_memory"), {}, "out_of_memory"),
        (records.INTERRUPTED, Failure("dbt", "m", "h"), {}, "build_interrupted"),
        (records.INTERRUPTED, Failure("dbt", "m", "h", is_by_person=True), {}, None),
        (
            records.FAILED,
            Failure("audit", "m", "h"),
            {"audit": {"failed": []}, "is_candidate_only": True},
            None,
        ),
    ],
)
def test_build_raises_its_alarm(
    status: str, failure: Failure | None, facts: dict[str, object], expected: str | None
) -> None:
    alarm = alarm_of(record(status, failure, **facts))
    assert (alarm.code if alarm else None) == expected


@pytest.mark.parametrize(
    ("failure", "facts", "expected"),
    [
        (None, {}, True),
        (Failure("dbt", "m", "h"), {}, True),
        (Failure("dbt", "m", "h", is_by_person=True), {}, False),
        (None, {"is_candidate_only": True}, False),
    ],
)
def test_what_a_person_ended_or_a_candidate_says_nothing_of_what_was_before(
    failure: Failure | None, facts: dict[str, object], expected: bool
) -> None:
    assert is_standing(record(records.INTERRUPTED, failure, **facts)) is expected


def test_release_is_stale_after_its_hours() -> None:
    as_of = datetime(2026, 1, 1, tzinfo=UTC)
    assert not is_stale(as_of, as_of + timedelta(hours=26), 26)
    assert is_stale(as_of, as_of + timedelta(hours=26, seconds=1), 26)


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: str(alarm.code))
def test_every_alarm_has_a_page_that_tells_what_to_do(alarm: object) -> None:
    path = alarm.runbook_path  # type: ignore[attr-defined]
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {alarm.title}\n")  # type: ignore[attr-defined]
    assert [part for part in PARTS if part not in text] == []


def test_every_page_belongs_to_an_alarm() -> None:
    pages = {path.name for path in (PROJECT_ROOT / RUNBOOKS).glob("*.md")} - {"README.md"}
    assert pages == {alarm.runbook_path.name for alarm in ALARMS}
    listed = (PROJECT_ROOT / RUNBOOKS / "README.md").read_text(encoding="utf-8")
    assert [page for page in pages if f"({page})" not in listed] == []
