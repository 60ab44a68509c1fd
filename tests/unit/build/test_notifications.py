"""Notifications, against servers on this machine: what is sent, what a broken one does, what stays secret."""

import json
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from orchestration import notifications, records
from orchestration.alarms import AUDIT_FAILED, BUILD_INTERRUPTED, NOTIFICATION_FAILED, RECOVERED
from orchestration.defs import automation
from orchestration.defs.automation import stale_release_sensor, tell_if_damaged, tell_if_stale, tell_of_run
from orchestration.errors import LeadproofError
from orchestration.notifications import SENT, announce, is_untold, notice_of, send, tell_again
from orchestration.records import BuildRecord, Failure, read_record, write_record
from orchestration.report.status import read_status
from orchestration.settings import Notify, Settings, load_settings
from tests.fixtures.local_servers import Hook, Mailbox, listening_hook, listening_mailbox
from tests.fixtures.release_world import make_settings
from tests.unit.report.report_world import make_release, record_build

SECRET = "hooks-secret-41"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path)


@pytest.fixture
def hook() -> Iterator[str]:
    with listening_hook() as address:
        yield f"{address}/{SECRET}"


@pytest.fixture
def mailbox() -> Iterator[str]:
    with listening_mailbox() as address:
        yield address


def failed_record() -> BuildRecord:
    failed = [
        {"table_name": f"mart_{number}", "message": "is wrong", "failing_keys": ["p_0123"]}
        for number in range(12)
    ]
    return BuildRecord(
        build_id="b20260101T000000abcdef",
        status=records.FAILED,
        as_of="2026-01-01T00:00:00.000000+00:00",
        started_at="2026-01-01T00:00:00+00:00",
        run_id="run-1",
        audit={"failed": failed},
        failure=Failure("audit", "12 of 40 expectations do not hold.", "Repair the rows."),
    )


def test_webhook_gets_the_alarm_without_rows(hook: str) -> None:
    told = send(Notify(webhook=hook), notice_of(failed_record(), AUDIT_FAILED))
    assert told == {"webhook": SENT}
    (got,) = Hook.got
    assert got["alarm"] == "audit_failed"
    assert got["runbook"] == "docs/runbooks/audit-failed.md"
    assert got["next_step"] == "Repair the rows."
    assert "mart_0: is wrong" in str(got["text"]) and "and 2 more" in str(got["text"])
    assert "p_0123" not in json.dumps(got)


def test_webhook_that_is_busy_is_tried_again(hook: str) -> None:
    Hook.answers.extend([503, 429])
    assert send(Notify(webhook=hook), notice_of(failed_record(), AUDIT_FAILED)) == {"webhook": SENT}
    assert len(Hook.got) == 3


@pytest.mark.parametrize("wait", ["15", "Fri, 01 Jan 2100 00:00:00 GMT", "-1", "soon"])
def test_webhook_that_asks_for_a_long_wait_does_not_get_it(
    hook: str, wait: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "_LONGEST_WAIT_SECONDS", 0.1)
    Hook.retry_after = wait
    Hook.answers.extend([429, 503, 429])
    began = time.monotonic()
    told = send(Notify(webhook=hook), notice_of(failed_record(), AUDIT_FAILED))
    assert told == {"webhook": "failed: status 429"}
    assert len(Hook.got) == 3
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("answer", [302, 400, 404, 410])
def test_webhook_that_refuses_is_told_without_its_address(hook: str, answer: int) -> None:
    Hook.answers.append(answer)
    told = send(Notify(webhook=hook), notice_of(failed_record(), AUDIT_FAILED))
    assert told == {"webhook": f"failed: status {answer}"}
    assert len(Hook.got) == 1


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    notify = Notify(
        webhook=f"http://127.0.0.1:{port}/{SECRET}",
        smtp=f"smtp://127.0.0.1:{port}",
        mail_from="build@warehouse.example",
        mail_to=("team@warehouse.example",),
    )
    told = send(notify, notice_of(failed_record(), AUDIT_FAILED))
    assert set(told) == {"webhook", "mail"}
    assert all(words.startswith("failed: ") and SECRET not in words for words in told.values())


def test_mail_says_the_same(mailbox: str) -> None:
    notify = Notify(
        smtp=f"smtp://{mailbox}",
        mail_from="build@warehouse.example",
        mail_to=("team@warehouse.example", "lead@warehouse.example"),
    )
    assert send(notify, notice_of(failed_record(), AUDIT_FAILED)) == {"mail": SENT}
    (mail,) = Mailbox.mails
    assert "Subject: Leadproof: Audit failed (b20260101T000000abcdef)" in mail
    assert "To: team@warehouse.example, lead@warehouse.example" in mail
    assert "12 of 40 expectations do not hold." in mail
    assert sum(command.lower().startswith("rcpt to") for command in Mailbox.commands) == 2


def test_mail_that_not_everybody_got_is_told_without_addresses_and_sent_once(
    mailbox: str, settings: Settings
) -> None:
    notify = Notify(
        smtp=f"smtp://{mailbox}",
        mail_from="build@warehouse.example",
        mail_to=("team@warehouse.example", "gone@warehouse.example", "left@warehouse.example"),
    )
    settings = replace(settings, notify=notify)
    Mailbox.unknown.extend(notify.mail_to[1:])
    assert send(notify, notice_of(failed_record(), AUDIT_FAILED)) == {
        "mail": "failed: 2 of 3 recipients refused"
    }
    assert len(Mailbox.mails) == 1
    tell_of_run(settings, "run-9")
    assert len(Mailbox.mails) == 2 and is_untold(settings, None)
    tell_again(settings, datetime.now(UTC))
    assert len(Mailbox.mails) == 2 and is_untold(settings, None), "one of them has got it"
    Mailbox.unknown.append(notify.mail_to[0])
    assert send(notify, notice_of(failed_record(), AUDIT_FAILED)) == {"mail": "failed: SMTPRecipientsRefused"}


def test_password_is_not_sent_in_the_clear(mailbox: str) -> None:
    notify = Notify(
        smtp=f"smtp://robot:{SECRET}@{mailbox}",
        mail_from="build@warehouse.example",
        mail_to=("team@warehouse.example",),
    )
    told = send(notify, notice_of(failed_record(), AUDIT_FAILED))
    assert "no encryption" in told["mail"]
    assert Mailbox.mails == []
    assert not any(command.upper().startswith("AUTH") for command in Mailbox.commands)


MISTYPED = ["ops@", "Ops <", '"', "(", "ops@[", "ops@firm.example\nBcc: all@firm.example"]


@pytest.mark.parametrize("mistyped", MISTYPED)
@pytest.mark.parametrize("variable", ["mail_from", "mail_to"])
def test_mistyped_mail_address_is_told_and_silences_no_other_channel(
    hook: str, mailbox: str, settings: Settings, mistyped: str, variable: str
) -> None:
    notify = Notify(hook, f"smtp://{mailbox}", "a@b.example", ("c@d.example",))
    changed = {"mail_from": mistyped} if variable == "mail_from" else {"mail_to": (mistyped,)}
    settings = replace(settings, notify=replace(notify, **changed))  # type: ignore[arg-type]
    record = failed_record()
    write_record(settings, record)
    announce(settings, record, AUDIT_FAILED)
    noted = read_record(settings, record.build_id).notified
    assert noted == {
        "webhook": SENT,
        "mail": "failed: LEADPROOF_NOTIFY_FROM or LEADPROOF_NOTIFY_TO holds what is no mail address",
    }
    assert Mailbox.mails == []
    assert NOTIFICATION_FAILED in read_status(settings).alarms


def test_mistyped_mail_address_floods_nobody(
    hook: str, mailbox: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_release(settings)  # as of 30 June 2026, 12:00
    notify = Notify(hook, f"smtp://{mailbox}", "ops@", ("c@d.example",))
    monkeypatch.setattr(automation, "load_settings", lambda: replace(settings, notify=notify))
    moments = [datetime(2026, 7, 3, hour, tzinfo=UTC) for hour in (8, 9, 10)]
    monkeypatch.setattr(automation.records, "utc_now", lambda: moments.pop(0))
    context = dg.build_sensor_context(cursor="{}")
    for _ in range(3):
        stale_release_sensor(context)
    assert [got["alarm"] for got in Hook.got] == ["release_stale"]


@contextmanager
def dripping(head: bytes, drips: bytes) -> Iterator[str]:
    """Listen for a webhook and answer with a head at once, then with a byte every so often."""

    class Dripping(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            with suppress(OSError):
                self.wfile.write(head)
                for place in range(40):
                    self.wfile.write(drips[place % len(drips) :][:1])
                    self.wfile.flush()
                    time.sleep(0.1)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Dripping) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/{SECRET}"
        server.shutdown()
        server.block_on_close = False


@pytest.mark.parametrize(
    ("head", "drips", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", b"x", SENT),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 900\r\n\r\n", b"x", "failed: status 404"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 900\r\n\r\n", b"x", "failed: no answer within 1 seconds"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Slow: yes\r\n", "failed: no answer within 1 seconds"),
    ],
)
def test_webhook_that_drips_its_answer_holds_nobody(
    monkeypatch: pytest.MonkeyPatch, head: bytes, drips: bytes, expected: str
) -> None:
    monkeypatch.setattr(notifications, "_POST_SECONDS", 1)
    with dripping(head, drips) as address:
        began = time.monotonic()
        told = send(Notify(webhook=address), notice_of(failed_record(), AUDIT_FAILED))
        assert time.monotonic() - began < 3
    assert told == {"webhook": expected}


def test_mail_server_that_drips_its_greeting_holds_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "_MAIL_SECONDS", 1)

    class Dripping(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                for _ in range(40):
                    self.wfile.write(b"2")
                    time.sleep(0.1)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Dripping) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        notify = Notify(None, f"smtp://127.0.0.1:{server.server_address[1]}", "a@b.example", ("c@d.example",))
        began = time.monotonic()
        told = send(notify, notice_of(failed_record(), AUDIT_FAILED))
        assert time.monotonic() - began < 3
        server.shutdown()
    assert told == {"mail": "failed: no answer within 1 seconds"}


def test_without_channels_nothing_is_sent() -> None:
    assert send(Notify(), notice_of(failed_record(), AUDIT_FAILED)) == {}


def test_build_is_told_of_once_and_notes_it(hook: str, settings: Settings) -> None:
    record = failed_record()
    write_record(settings, record)
    settings = replace(settings, notify=Notify(webhook=hook))
    announce(settings, record, AUDIT_FAILED)
    announce(settings, read_record(settings, record.build_id), AUDIT_FAILED)
    tell_of_run(settings, "run-1")
    assert len(Hook.got) == 1
    assert read_record(settings, record.build_id).notified == {"webhook": SENT}


def test_killed_run_is_told_of_by_dagster(hook: str, settings: Settings) -> None:
    record = replace(failed_record(), status=records.RUNNING, failure=None, audit={})
    write_record(settings, record)
    tell_of_run(replace(settings, notify=Notify(webhook=hook)), "run-1")
    assert [(got["alarm"], got["next_step"]) for got in Hook.got] == [
        ("build_interrupted", "See leadproof status.")
    ]


def killed_record() -> BuildRecord:
    return replace(failed_record(), status=records.RUNNING, failure=None, audit={})


def test_killed_build_is_told_of_once_by_two_processes(hook: str, settings: Settings) -> None:
    settings = replace(settings, notify=Notify(webhook=hook))
    write_record(settings, killed_record())
    (closed,) = records.close_abandoned(settings)
    tell_of_run(settings, "run-1")
    announce(settings, closed, BUILD_INTERRUPTED)
    assert [got["alarm"] for got in Hook.got] == ["build_interrupted"]
    assert closed.notified == read_record(settings, closed.build_id).notified == {"webhook": SENT}


def test_killed_build_is_told_of_on_the_channel_that_the_other_process_lacks(
    hook: str, mailbox: str, settings: Settings
) -> None:
    write_record(settings, killed_record())
    (closed,) = records.close_abandoned(settings)
    tell_of_run(replace(settings, notify=Notify(webhook=hook)), "run-1")
    both = Notify(hook, f"smtp://{mailbox}", "a@b.example", ("c@d.example",))
    announce(replace(settings, notify=both), closed, BUILD_INTERRUPTED)
    assert len(Hook.got) == len(Mailbox.mails) == 1
    assert read_record(settings, closed.build_id).notified == {"webhook": SENT, "mail": SENT}


def test_two_processes_that_tell_at_once_tell_once(
    hook: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(settings, notify=Notify(webhook=hook))
    write_record(settings, failed_record())

    def slow(*given: object) -> dict[str, str]:
        time.sleep(0.3)
        return send(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(notifications, "send", slow)
    both = [
        threading.Thread(target=announce, args=(settings, failed_record(), AUDIT_FAILED)) for _ in range(2)
    ]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert len(Hook.got) == 1


def test_another_end_of_a_build_is_told_although_the_first_is_being_told(
    hook: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the sensor tells of the first run, another one takes the build up, and ends."""
    settings = replace(settings, notify=Notify(webhook=hook))
    write_record(settings, failed_record())
    second = replace(failed_record(), run_id="run-2", finished_at=records.utc_text(records.utc_now()))

    def interrupted(*given: object) -> dict[str, str]:
        write_record(settings, second)
        return send(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(notifications, "send", interrupted)
        tell_of_run(settings, "run-1")
    assert read_record(settings, second.build_id).notified == {}
    announce(settings, second, AUDIT_FAILED)
    assert len(Hook.got) == 2


def test_telling_again_ends_in_time_and_begins_with_what_was_tried_longest_ago(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that takes its time keeps a tick of Dagster's no longer than Dagster waits."""
    settings = replace(settings, notify=Notify(webhook="http://127.0.0.1:9/x"))
    moment = records.utc_now()
    for name in ("a", "b", "c"):
        notifications.tell(settings, name, notifications.Notice(name, name, "It is so.", "Look."), moment)
    clock, tried = [0.0], list[str]()

    def slow(_: Notify, notice: notifications.Notice, *__: object) -> dict[str, str]:
        clock[0] += 7
        tried.append(notice.alarm)
        return {"webhook": "failed: ConnectionError"}

    monkeypatch.setattr(notifications, "send", slow)
    monkeypatch.setattr(notifications.time, "monotonic", lambda: clock[0])
    for minutes in (15, 30):
        tell_again(settings, moment + timedelta(minutes=minutes))
    assert tried == ["a", "b", "c", "a"]


def test_noting_who_was_told_takes_nothing_back(hook: str, settings: Settings) -> None:
    """The sensor has read the record of a killed build, and meanwhile the next build closes it."""
    settings = replace(settings, notify=Notify(webhook=hook))
    write_record(settings, killed_record())
    read_before = read_record(settings, killed_record().build_id)
    records.close_abandoned(settings)
    announce(settings, read_before, BUILD_INTERRUPTED)
    now = read_record(settings, read_before.build_id)
    assert (now.status, now.notified) == (records.INTERRUPTED, {"webhook": SENT})
    assert now.failure is not None


def test_build_that_is_taken_up_again_is_told_of_anew(hook: str, settings: Settings) -> None:
    settings = replace(settings, notify=Notify(webhook=hook))
    write_record(settings, replace(failed_record(), notified={"webhook": SENT}))
    again = replace(failed_record(), run_id="run-2")
    announce(settings, again, AUDIT_FAILED)
    assert len(Hook.got) == 1 and again.notified == {"webhook": SENT}


def test_run_that_never_was_a_build_is_told_of(hook: str, settings: Settings) -> None:
    tell_of_run(replace(settings, notify=Notify(webhook=hook)), "run-9")
    assert "before it became a build" in str(Hook.got[0]["text"])


def test_old_release_is_told_of_once_a_day(hook: str, settings: Settings) -> None:
    settings = replace(settings, notify=Notify(webhook=hook))
    assert tell_if_stale(settings, datetime(2026, 7, 3, 8, tzinfo=UTC), None) == ""
    made = make_release(settings)  # as of 30 June 2026, 12:00
    assert tell_if_stale(settings, datetime(2026, 7, 1, 13, tzinfo=UTC), "") == ""
    day = tell_if_stale(settings, datetime(2026, 7, 3, 8, tzinfo=UTC), "")
    assert day == "2026-07-03"
    assert tell_if_stale(settings, datetime(2026, 7, 3, 9, tzinfo=UTC), day) == day
    assert tell_if_stale(settings, datetime(2026, 7, 4, 8, tzinfo=UTC), day) == "2026-07-04"
    assert [got["alarm"] for got in Hook.got] == ["release_stale"] * 2
    record_build(
        settings, status=records.UNCHANGED, as_of="2026-07-04T07:00:00+00:00", release_id=made.release_id
    )
    assert tell_if_stale(settings, datetime(2026, 7, 5, 8, tzinfo=UTC), day) == ""
    assert tell_if_stale(settings, datetime(2026, 7, 5, 10, tzinfo=UTC), day) == "2026-07-05"


def test_damaged_release_is_told_of_once_a_day_by_the_sensor(
    hook: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = make_release(settings)
    reached = replace(settings, notify=Notify(webhook=hook))
    monkeypatch.setattr(automation, "load_settings", lambda: reached)
    moments = [datetime(2026, 7, 1, hour, tzinfo=UTC) for hour in (9, 10, 11, 12)]
    monkeypatch.setattr(automation.records, "utc_now", lambda: moments.pop(0))
    context = dg.build_sensor_context(cursor="2026-07-01")  # as an earlier version left it
    manifest = release.path / "manifest.json"
    kept = manifest.read_bytes()
    stale_release_sensor(context)
    assert not Hook.got
    release.path.chmod(0o755)
    manifest.chmod(0o644)
    for content in (b"", b"{}"):
        manifest.write_bytes(content)
        stale_release_sensor(context)
    assert [got["alarm"] for got in Hook.got] == ["release_damaged"]
    assert "leadproof rollback" in Hook.got[0]["sentence"] or "missing or damaged" in Hook.got[0]["sentence"]
    manifest.write_bytes(kept)
    stale_release_sensor(context)
    assert json.loads(context.cursor or "") == {"release_damaged": "", "release_stale": ""}


@pytest.mark.parametrize("failing", ["tell_if_damaged", "tell_if_stale", "tell_again", "_keep"])
def test_sensor_that_fails_at_one_step_tells_of_the_others_once(
    hook: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    make_release(settings)  # as of 30 June 2026, 12:00
    # Mail reaches nobody, so there is a notice to keep.
    notify = Notify(
        webhook=hook, smtp="smtp://127.0.0.1:9", mail_from="a@b.example", mail_to=("c@d.example",)
    )
    monkeypatch.setattr(automation, "load_settings", lambda: replace(settings, notify=notify))
    moments = [datetime(2026, 7, 3, hour, tzinfo=UTC) for hour in (8, 9, 10)]
    monkeypatch.setattr(automation.records, "utc_now", lambda: moments.pop(0))

    def broken(*_: object, **__: object) -> None:
        raise LeadproofError("The disk is full.")

    monkeypatch.setattr(notifications if failing == "_keep" else automation, failing, broken)
    cursor = "{}"
    for _ in range(3):
        context = dg.build_sensor_context(cursor=cursor)
        stale_release_sensor(context)
        cursor = context.cursor or ""
    told = [] if failing == "tell_if_stale" else ["release_stale"]
    assert [got["alarm"] for got in Hook.got] == told


def test_notice_is_tried_again_only_where_that_can_be_noted(
    hook: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_release(settings)
    morning = datetime(2026, 7, 3, 8, tzinfo=UTC)
    tell_if_stale(replace(settings, notify=Notify(webhook="http://127.0.0.1:9/")), morning, "")
    reached = replace(settings, notify=Notify(webhook=hook))

    def broken(*_: object) -> None:
        raise LeadproofError("The disk is full.")

    with monkeypatch.context() as full:
        full.setattr(notifications, "write_json", broken)
        for hour in (9, 10):
            with pytest.raises(LeadproofError):
                tell_again(reached, morning.replace(hour=hour))
    assert not Hook.got and _untold(settings)
    tell_again(reached, morning.replace(hour=11))
    assert len(Hook.got) == 1 and not _untold(settings)


def test_release_without_its_database_is_damaged(hook: str, settings: Settings) -> None:
    release = make_release(settings)
    release.path.chmod(0o755)
    release.database.unlink()
    now = datetime(2026, 7, 1, 13, tzinfo=UTC)
    reached = replace(settings, notify=Notify(webhook=hook))
    assert tell_if_damaged(reached, now, "") == tell_if_damaged(reached, now, "2026-07-01") == "2026-07-01"
    assert [got["alarm"] for got in Hook.got] == ["release_damaged"]
    assert "leadproof.duckdb" in str(Hook.got[0]["sentence"])


def _untold(settings: Settings) -> bool:
    return NOTIFICATION_FAILED in read_status(settings, datetime(2026, 7, 3, 9, tzinfo=UTC)).alarms


def test_notice_that_nobody_got_is_tried_again_that_day(hook: str, settings: Settings) -> None:
    make_release(settings)
    nowhere = replace(settings, notify=Notify(webhook="http://127.0.0.1:9/"))
    morning = datetime(2026, 7, 3, 8, tzinfo=UTC)
    assert tell_if_stale(nowhere, morning, "") == "2026-07-03"
    assert _untold(settings)
    reached = replace(settings, notify=Notify(webhook=hook))
    tell_again(reached, morning)
    assert not Hook.got, "it was tried at this moment"
    tell_again(reached, morning.replace(day=4))
    assert not Hook.got, "the day is over"
    tell_again(reached, morning.replace(hour=9))
    tell_again(reached, morning.replace(hour=10))
    assert [got["alarm"] for got in Hook.got] == ["release_stale"]
    assert not _untold(settings)


def test_only_the_channel_that_failed_is_tried_again(hook: str, settings: Settings) -> None:
    tell_of_run(
        replace(
            settings,
            notify=Notify(
                webhook=hook, smtp="smtp://127.0.0.1:9", mail_from="a@b.example", mail_to=("c@d.example",)
            ),
        ),
        "run-9",
    )
    assert len(Hook.got) == 1 and is_untold(settings, None)
    tell_again(replace(settings, notify=Notify(webhook=hook)), datetime.now(UTC))
    assert len(Hook.got) == 1 and not is_untold(settings, None)


def test_notice_is_over_with_what_it_says(settings: Settings) -> None:
    make_release(settings)
    nowhere = replace(settings, notify=Notify(webhook="http://127.0.0.1:9/"))
    morning = datetime(2026, 7, 3, 8, tzinfo=UTC)
    tell_if_stale(nowhere, morning, "")
    assert is_untold(settings, None) and not is_untold(settings, morning.replace(hour=9))
    tell_if_stale(nowhere, datetime(2026, 7, 1, 13, tzinfo=UTC), "2026-07-03")
    assert not is_untold(settings, None)
    tell_if_stale(nowhere, morning, "")
    tell_again(nowhere, morning.replace(day=12))
    assert not is_untold(settings, None)


def test_recovery_asks_for_nothing() -> None:
    notice = notice_of(replace(failed_record(), status=records.PUBLISHED, failure=None), RECOVERED)
    assert (notice.next_step, notice.runbook, notice.details) == ("", "", ())
    assert "has succeeded" in notice.text


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"LEADPROOF_NOTIFY_WEBHOOK": f"ftp://{SECRET}"}, "LEADPROOF_NOTIFY_WEBHOOK is no address"),
        ({"LEADPROOF_NOTIFY_WEBHOOK": f"https://[{SECRET}"}, "LEADPROOF_NOTIFY_WEBHOOK is no address"),
        ({"LEADPROOF_NOTIFY_SMTP": f"{SECRET}.example"}, "LEADPROOF_NOTIFY_SMTP is no address"),
        ({"LEADPROOF_NOTIFY_SMTP": f"smtp://a:{SECRET}@b.example"}, "Set LEADPROOF_NOTIFY_FROM"),
    ],
)
def test_wrong_address_is_refused_without_saying_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(LeadproofError) as refused:
        load_settings()
    assert expected in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "mistyped",
    [*MISTYPED, "ops", "Ops", "a@b.example; c@d.example", '"Ops, Team" <ops@firm.example>', "a@.b"],
)
@pytest.mark.parametrize("variable", ["LEADPROOF_NOTIFY_FROM", "LEADPROOF_NOTIFY_TO"])
def test_mistyped_mail_address_is_refused_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, mistyped: str
) -> None:
    monkeypatch.setenv("LEADPROOF_NOTIFY_SMTP", f"smtp://a:{SECRET}@b.example")
    monkeypatch.setenv("LEADPROOF_NOTIFY_FROM", "build@firm.example")
    monkeypatch.setenv("LEADPROOF_NOTIFY_TO", "ops@firm.example")
    if variable == "LEADPROOF_NOTIFY_FROM" and mistyped.startswith('"Ops,'):
        mistyped = "Ops, Team <ops@firm.example>"
    monkeypatch.setenv(variable, mistyped)
    with pytest.raises(LeadproofError, match=rf"^{variable} .*no mail address\. Give .*@") as refused:
        load_settings()
    assert SECRET not in str(refused.value)


def test_mail_addresses_as_people_write_them_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADPROOF_NOTIFY_SMTP", "smtp://b.example")
    monkeypatch.setenv("LEADPROOF_NOTIFY_FROM", "Leadproof St. 1 <build+eu@firm.example>")
    monkeypatch.setenv("LEADPROOF_NOTIFY_TO", 'root@localhost, "Ops" <o.ps@[127.0.0.1]>, jörg@bücher.example')
    notify = load_settings().notify
    assert notify.mail_from == "Leadproof St. 1 <build+eu@firm.example>" and len(notify.mail_to) == 3


def test_settings_do_not_print_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADPROOF_NOTIFY_WEBHOOK", f"https://hooks.example/{SECRET}")
    assert SECRET not in repr(load_settings())
