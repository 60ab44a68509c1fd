"""What a build refuses or closes before it loads anything. No dbt, no Dagster."""

import contextlib
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from orchestration import records
from orchestration.alarms import ERASURE_UNFINISHED, alarm_of
from orchestration.build import Build, BuildRequest
from orchestration.commands import build as command
from orchestration.erasure.journal import Journal, write_journal
from orchestration.errors import LeadproofError
from orchestration.release import running_build
from orchestration.report.status import read_status
from orchestration.report.verdicts import page_path, verdict_of
from orchestration.salts import SALTS_FILE, kept_salts
from orchestration.settings import Notify, Settings
from orchestration.source_text import WITHHELD
from tests.fixtures.local_servers import Hook, listening_hook
from tests.fixtures.release_world import make_settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    # An erasure looks through dbt's target folder, where somebody may keep a benchmark's worlds.
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    return make_settings(tmp_path)


def test_build_closes_what_others_may_not_read(settings: Settings) -> None:
    for folder in (settings.build_db.parent, settings.candidates):
        folder.mkdir(mode=0o755, parents=True)
    build = Build(settings, BuildRequest())
    try:
        build.begin()
    finally:
        build.close()
    for folder in (settings.build_db.parent, settings.candidates):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    assert stat.S_IMODE(settings.quality.stat().st_mode) & 0o055 == 0o055
    assert records.build_ids(settings) == [build.record.build_id if build.record else ""]


def test_build_keeps_every_salt_of_person_ids_for_whoever_is_forgotten(settings: Settings) -> None:
    for salt in ("", "first", "second", "second"):
        build = Build(replace(settings, id_salt=salt), BuildRequest())
        try:
            build.begin()
        finally:
            build.close()
    assert kept_salts(settings) == {"", "first", "second"}
    kept = settings.erasures / SALTS_FILE
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.erasures.stat().st_mode) == 0o700
    kept.unlink()  # as where a version built that kept none
    build = Build(replace(settings, id_salt="third"), BuildRequest())
    build.begin()
    build.close()
    assert kept_salts(settings) == {"second", "third"}
    kept.write_text('{"salts": ["half')
    with pytest.raises(LeadproofError, match="earlier salts") as raised:
        Build(settings, BuildRequest()).begin()
    assert "half" not in str(raised.value)


def test_as_of_in_the_future_begins_no_build(settings: Settings) -> None:
    """Whatever route it came by: a run of Dagster hands its as-of to the build, too."""
    build = Build(settings, BuildRequest(as_of=records.utc_now() + timedelta(days=2)))
    with pytest.raises(LeadproofError, match="lies in the future; nothing can be known then"):
        build.begin()
    assert running_build(settings) is None
    build.close()
    assert records.build_ids(settings) == []


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("Anna (anna@acme.example) was staff", "e-mail"),
        ("See dora&#64;acme.example and d%2540acme.example", "e-mail"),
        ("Ask +49 30 7654321", "telephone"),
        ("Ask %252B49%252030%20765432", "telephone"),
    ],
)
def test_reason_that_names_somebody_begins_no_build(settings: Settings, reason: str, kind: str) -> None:
    """It is published, and stands in records and logs."""
    with pytest.raises(LeadproofError, match=kind) as refused:
        Build(settings, BuildRequest(restatement_reason=reason)).begin()
    assert reason not in str(refused.value)
    assert running_build(settings) is None and records.build_ids(settings) == []
    with pytest.raises(LeadproofError, match=kind):
        command.build(settings, {"restate": reason})


def test_record_of_an_earlier_version_does_not_tell_whom_its_reason_names(settings: Settings) -> None:
    build = Build(settings, BuildRequest(restatement_reason="A typing error."))
    record = build.begin()
    record.restatement_reason = "anna@acme.example was staff"
    build.close()
    assert records.read_record(settings, record.build_id).restatement_reason == WITHHELD


def test_build_that_cannot_finish_an_erasure_says_so_everywhere(settings: Settings) -> None:
    """It is no build before its beginning: there is a record, a log, a page, and an alarm that is sent."""
    settings.erasures.mkdir(parents=True)
    settings.unfinished_erasure.write_text("{", encoding="utf-8")
    with listening_hook() as hook:
        build = Build(replace(settings, notify=Notify(webhook=hook)), BuildRequest())
        for _ in range(2):  # Dagster may try again, and must not get past it
            with pytest.raises(LeadproofError, match="An erasure is not finished"):
                build.begin()
        build.close()
        assert [(got["alarm"], got["runbook"]) for got in Hook.got] == [
            ("erasure_unfinished", "docs/runbooks/erasure-unfinished.md")
        ]
    record = records.read_record(settings, records.build_ids(settings)[0])
    assert record.status == records.FAILED and record.failure
    assert (record.failure.phase, {phase.name for phase in record.phases}) == (
        "erasure",
        {"erasure", "report"},
    )
    assert record.log and '"alarm": "erasure_unfinished"' in Path(record.log).read_text(encoding="utf-8")
    assert record.report and "An erasure is not finished" in Path(record.report).read_text(encoding="utf-8")
    status = read_status(settings)
    assert [alarm.code for alarm in status.alarms] == ["erasure_unfinished"]
    assert status.next_step == record.failure.hint


def test_nothing_is_published_past_an_erasure_that_is_not_finished(settings: Settings) -> None:
    done = Build(settings, BuildRequest())
    done.begin().is_dbt_complete = True
    done.close()
    write_journal(settings, Journal("e20260101T000000_abcdef", "", "", ["email:anna@acme.example"]))
    build = Build(settings, BuildRequest())
    with pytest.raises(LeadproofError, match="is not finished, and what was built may hold them"):
        build.resume()
    build.close()


def test_build_finishes_an_erasure_as_its_first_phase(settings: Settings) -> None:
    write_journal(settings, Journal("e20260101T000000_abcdef", "", "", ["email:anna@acme.example"]))
    build = Build(settings, BuildRequest())
    record = build.begin()
    assert [phase.name for phase in record.phases] == ["erasure", "policy"]
    assert not settings.unfinished_erasure.exists()
    build.close()


def test_rows_that_cannot_be_erased_late_are_an_erasure_that_is_not_finished(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise LeadproofError("The person is still found in one file.", "Remove it.")

    settings.landing.mkdir()
    monkeypatch.setattr("orchestration.build.erasure.erase_late_rows", refuse)
    build = Build(settings, BuildRequest())
    with pytest.raises(LeadproofError, match="still found"):
        build.load()
    build.close()
    record = records.read_record(settings, records.build_ids(settings)[0])
    assert alarm_of(record) is ERASURE_UNFINISHED


def test_next_build_writes_the_page_that_a_killed_one_did_not(settings: Settings) -> None:
    killed = Build(settings, BuildRequest())
    killed.begin()
    assert killed.record
    killed.record.status = records.PUBLISHED
    records.write_record(settings, killed.record)
    killed._held.close()  # what the kernel does when a process is killed
    page = page_path(settings, killed.record.build_id)
    assert not page.exists()
    build = Build(settings, BuildRequest())
    build.begin()
    build.close()
    assert page.is_file()
    index = (settings.quality / "index.html").read_text(encoding="utf-8")
    assert f"builds/{killed.record.build_id}/index.html" in index


def test_what_fails_between_two_phases_fails_the_build(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no interruption: somebody has to be told why."""

    def refuse(*_: object) -> None:
        raise LeadproofError("The past cannot be read.", "Restore it.")

    monkeypatch.setattr("orchestration.build.starting_point", refuse)
    build = Build(settings, BuildRequest())
    build.begin()
    with pytest.raises(LeadproofError, match="The past"):
        build.is_unchanged()
    build.close()
    record = records.read_record(settings, records.build_ids(settings)[0])
    assert record.status == records.FAILED
    assert record.failure and (record.failure.phase, record.failure.hint) == ("start", "Restore it.")
    assert alarm_of(record) is not None
    assert verdict_of(record).next_step == "Restore it."


def test_build_that_ended_early_is_not_called_running(settings: Settings) -> None:
    build = Build(settings, BuildRequest())
    build.begin()
    build.close()
    record = records.read_record(settings, records.build_ids(settings)[0])
    assert record.status == records.INTERRUPTED
    assert verdict_of(record).short == "ended early"


@pytest.mark.parametrize("phase", ["write_candidate", "audit", "publish"])
def test_published_build_is_not_taken_up_again(settings: Settings, phase: str) -> None:
    path, before = _published(settings)
    build = Build(settings, BuildRequest())
    with pytest.raises(LeadproofError, match="is published already, as release r1"):
        getattr(build, phase)()
    build.close()
    assert path.read_bytes() == before


@pytest.mark.parametrize("phase", ["write_candidate", "audit", "publish"])
def test_build_killed_after_readers_had_it_is_not_taken_up_and_nobody_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    record = _killed(settings)
    made = SimpleNamespace(build_id=record.build_id, release_id="r1")
    monkeypatch.setattr("orchestration.release.list_releases", lambda _: [made])
    told: list[str] = []
    monkeypatch.setattr("orchestration.build.announce", lambda _, build, alarm: told.append(alarm.code))
    build = Build(settings, BuildRequest(run_id="retry"))
    with pytest.raises(LeadproofError, match="is published already, as release r1"):
        getattr(build, phase)()
    build.close()
    record = records.read_record(settings, record.build_id)
    assert (record.status, record.release_id, record.run_id) == (records.PUBLISHED, "r1", "retry")
    assert told == [] and alarm_of(record) is None
    for run in ("killed", "retry"):
        found = records.find_run(settings, run)
        assert found is not None and found.build_id == record.build_id


@pytest.mark.parametrize("action", ["publish", "rewrite_report"])
def test_killed_build_that_cannot_be_taken_up_is_told_of(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    _killed(settings, is_dbt_complete=False)
    told: list[str] = []
    monkeypatch.setattr("orchestration.build.announce", lambda _, build, alarm: told.append(alarm.code))
    build = Build(settings, BuildRequest(run_id="retry"))
    with contextlib.suppress(LeadproofError):
        getattr(build, action)()
    build.close()
    assert told == ["build_interrupted"]


def test_report_written_once_more_leaves_the_build_as_it_is(settings: Settings) -> None:
    path, before = _published(settings)
    build = Build(settings, BuildRequest())
    assert build.write_report() is None
    assert build.rewrite_report().is_file()
    build.close()
    assert path.read_bytes() == before


def _published(settings: Settings) -> tuple[Path, bytes]:
    """The record of a build that has been published, and its bytes."""
    done = Build(settings, BuildRequest())
    record = done.begin()
    record.status, record.release_id, record.is_dbt_complete = records.PUBLISHED, "r1", True
    done.close()
    path = records.record_path(settings, record.build_id)
    return path, path.read_bytes()


def _killed(settings: Settings, *, is_dbt_complete: bool = True) -> records.BuildRecord:
    """The record of a build that was killed, as a build of Dagster's run `killed`."""
    path, _ = _published(settings)
    record = records.read_record(settings, path.stem)
    record.status, record.release_id, record.finished_at = records.RUNNING, None, None
    record.run_id, record.is_dbt_complete = "killed", is_dbt_complete
    records.write_record(settings, record)
    return record


def test_too_little_memory_is_told_whatever_the_phase(settings: Settings) -> None:
    build = Build(settings, BuildRequest())
    build.begin()
    with pytest.raises(duckdb.OutOfMemoryException), build.phase("load"):
        raise duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate data of size 30.5 MiB")
    build.close()
    assert build.record and build.record.failure
    assert build.record.failure.cause == "out_of_memory"
    assert "memory" in build.record.failure.message
    assert "Raise LEADPROOF_MEMORY_LIMIT" in build.record.failure.hint
