"""The harness of operations notices a notice too many, too few or wrong; each channel gets each once.

Builds that fail, are killed and recover are told in `tests/integration/test_cli_build.py`, and under channels
that are down by `make prove`.
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from orchestration import notifications, records
from orchestration.alarms import AUDIT_FAILED, MODELS_FAILED, Alarm
from orchestration.notifications import announce
from orchestration.records import BuildRecord, Failure
from tests.fixtures.local_servers import listening_hook, listening_mailbox
from tests.fixtures.release_world import make_settings
from tests.proof.operations import STEPS, Account, Channels, Told, assert_told

BUILD = "b20260101T000000abcdef"


@pytest.fixture
def channels() -> Iterator[Channels]:
    with listening_hook() as hook, listening_mailbox() as mailbox:
        yield Channels(hook, mailbox, "secret-41")


def told(channels: Channels, folder: Path, times: int, alarm: Alarm = AUDIT_FAILED) -> BuildRecord:
    """Announce a failed build so many times."""
    settings = make_settings(folder, notify=channels.notify)
    record = BuildRecord(
        build_id=BUILD,
        status=records.FAILED,
        as_of="2026-01-01T00:00:00+00:00",
        started_at="2026-01-01T00:00:00+00:00",
        failure=Failure("dbt", "A model failed.", "Repair it."),
    )
    records.write_record(settings, record)
    for _ in range(times):
        announce(settings, records.read_record(settings, BUILD), alarm)
    return records.read_record(settings, BUILD)


@pytest.mark.parametrize("webhook", ["up", "busy", "down", "off"])
@pytest.mark.parametrize("mail", ["up", "refusing", "down", "unencrypted", "off"])
def test_each_channel_that_takes_a_notice_gets_it_once(
    channels: Channels, tmp_path: Path, webhook: str, mail: str
) -> None:
    channels.webhook, channels.mail = webhook, mail
    channels.clear()
    record = told(channels, tmp_path, 2)
    assert_told(channels, [Told(AUDIT_FAILED, BUILD)])
    noted = {name: result == notifications.SENT for name, result in record.notified.items()}
    assert noted == channels.results


@pytest.mark.parametrize(
    ("expected", "match"),
    [
        ([], "the webhook took"),
        ([Told(MODELS_FAILED, BUILD)], "the webhook took"),
        ([Told(AUDIT_FAILED, "another")], "the webhook took"),
        ([Told(AUDIT_FAILED, BUILD), Told(AUDIT_FAILED, BUILD)], "the webhook took"),
    ],
)
def test_other_notices_than_expected_are_noticed(
    channels: Channels, tmp_path: Path, expected: list[Told], match: str
) -> None:
    channels.clear()
    told(channels, tmp_path, 1)
    with pytest.raises(AssertionError, match=match):
        assert_told(channels, expected)


def test_notice_that_comes_twice_is_noticed(
    channels: Channels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels.clear()
    monkeypatch.setattr(notifications, "write_record", lambda *_: None)
    told(channels, tmp_path, 2)
    with pytest.raises(AssertionError, match="the webhook took"):
        assert_told(channels, [Told(AUDIT_FAILED, BUILD)])


def test_notice_that_names_no_page_is_noticed(channels: Channels, tmp_path: Path) -> None:
    channels.clear()
    told(channels, tmp_path, 1, Alarm("audit_failed_", "Audit failed", "It is wrong."))
    with pytest.raises(AssertionError, match="names"):
        assert_told(channels, [Told(Alarm("audit_failed_", "Audit failed", ""), BUILD)])


def test_account_shows_what_readers_notice_first() -> None:
    account = Account(alarm=AUDIT_FAILED, is_untold=True, is_damaged=True)
    codes = [alarm.code for alarm in account.alarms(is_stale=True)]
    assert codes == ["release_damaged", "release_stale", "audit_failed", "notification_failed"]


def test_a_sequence_has_many_kinds_of_steps() -> None:
    for seed in range(20):
        assert len({*Random(seed).sample(STEPS, 10)}) >= 8
