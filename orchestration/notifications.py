"""Tells people of alarms: a webhook, mail. Off until an address is set; nothing else here uses the network.

Whether something is an alarm belongs to ``alarms``. A notice holds counts, names of expectations and paths,
never a row. That nobody can be reached never fails a build: it is noted in the build's record, or, where
a notice is about no build, in ``state/notices/`` until somebody is.
"""

import math
import smtplib
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from orchestration.alarms import RECOVERED, Alarm
from orchestration.errors import LeadproofError
from orchestration.progress import say
from orchestration.records import BuildRecord, Failure, readable_record, write_record
from orchestration.release import notification_lock
from orchestration.release.files import explained, read_json, write_json
from orchestration.settings import Notify, Settings

SENT = "sent"
_TRYING = "being tried"
_WEBHOOK, _MAIL = "webhook", "mail"
_KEPT = timedelta(days=7)
_CONNECT_SECONDS, _ANSWER_SECONDS = 5, 10
# Of a whole exchange: a server that drips its answer byte by byte keeps within the limit of each read.
# Dagster ends a sensor's tick after 60 seconds, and forgets what it has told: all of these together are less.
_POST_SECONDS, _MAIL_SECONDS = 12.0, 15.0
_BEGIN_AGAIN_SECONDS = 10.0
_TRIES_AGAIN = 2
_LONGEST_WAIT_SECONDS = 3.0
_SOME_REFUSED = " recipients refused"
_NO_ADDRESS = "LEADPROOF_NOTIFY_FROM or LEADPROOF_NOTIFY_TO holds what is no mail address"
_BUSY = (429, 500, 502, 503, 504)
_LISTED = 10
_SMTP_PORT, _SMTPS_PORT = 587, 465


@dataclass(frozen=True)
class Notice:
    """What is sent.

    Args:
        alarm: The alarm's code.
        title: The alarm's title.
        sentence: What happened.
        next_step: What to do.
        build_id: The build; empty where it is about none.
        as_of: The build's clock; empty without a build.
        details: The expectations that do not hold, one line each, without rows.
        report: Path of the quality report; empty without one.
        runbook: Path of the alarm's page from the project's root; empty if nothing is to be done.
    """

    alarm: str
    title: str
    sentence: str
    next_step: str
    build_id: str = ""
    as_of: str = ""
    details: tuple[str, ...] = ()
    report: str = ""
    runbook: str = ""

    @property
    def text(self) -> str:
        """The whole notice as lines of text."""
        lines = [self.sentence, *(f"- {line}" for line in self.details)]
        if self.next_step:
            lines += ["", self.next_step]
        told = {"Build": self.build_id, "As of": self.as_of, "Report": self.report, "Runbook": self.runbook}
        return "\n".join([*lines, "", *(f"{name}: {value}" for name, value in told.items() if value)]).strip()


def notice_of(record: BuildRecord, alarm: Alarm) -> Notice:
    """Write the notice of a build.

    Args:
        record: The build.
        alarm: What it raises, or ``RECOVERED``.

    Returns:
        The notice.
    """
    failure = record.failure if alarm is not RECOVERED else None
    failed = record.audit.get("failed", []) if failure and failure.phase == "audit" else []
    details = [f"{each['table_name']}: {each['message']}" for each in failed[:_LISTED]]
    if len(failed) > _LISTED:
        details.append(f"and {len(failed) - _LISTED:,} more")
    return Notice(
        alarm=alarm.code,
        title=alarm.title,
        sentence=failure.message if failure else alarm.meaning,
        next_step=_next_step(failure, alarm),
        build_id=record.build_id,
        as_of=record.as_of[:19],
        details=tuple(details),
        report=record.report or "",
        runbook="" if alarm is RECOVERED else alarm.runbook,
    )


def _next_step(failure: Failure | None, alarm: Alarm) -> str:
    if failure is None:
        # A build that was killed could not say why it stopped.
        return "" if alarm is RECOVERED else "See leadproof status."
    return failure.hint


def send(notify: Notify, notice: Notice, channels: Collection[str] = (_WEBHOOK, _MAIL)) -> dict[str, str]:
    """Send a notice on every channel that is set.

    Args:
        notify: The channels.
        notice: What to send.
        channels: Those that are meant.

    Returns:
        By channel, ``sent`` or why it could not be, in a few words without the address. Empty if none is set.
    """
    told: dict[str, str] = {}
    if notify.webhook and _WEBHOOK in channels:
        told[_WEBHOOK] = _post(notify.webhook, notice)
    if notify.smtp and _MAIL in channels:
        told[_MAIL] = _mail(notify, notify.smtp, notice)
    return told


def announce(settings: Settings, record: BuildRecord, alarm: Alarm) -> None:
    """Tell of a build once on each channel, and note in its record who was told.

    Args:
        settings: The channels, and where records lie.
        record: The build; a channel that was told of it, by whichever process, is left alone.
        alarm: What it raises, or ``RECOVERED``.
    """
    if not (settings.notify.webhook or settings.notify.smtp):
        return
    with _one_by_one(settings):
        noted = readable_record(settings, record.build_id)
        # A build that is taken up again has another end than the one that its record tells of until then.
        if noted is not None and noted.run_id == record.run_id:
            record.notified = {**record.notified, **noted.notified}
        untold = {_WEBHOOK, _MAIL} - record.notified.keys()
        told = send(settings.notify, notice_of(record, alarm), untold)
        if told:
            record.notified = {**record.notified, **told}
            _note(settings, record)


def _note(settings: Settings, record: BuildRecord) -> None:
    """Write who was told, and take back nothing that another process has written meanwhile."""
    latest = readable_record(settings, record.build_id)
    if latest is not None and latest.run_id != record.run_id:
        return  # it was taken up again, and nobody has been told of its new end
    if latest is not None and (latest.finished_at or "") >= (record.finished_at or ""):
        latest.notified = {**latest.notified, **record.notified}
        record = latest
    write_record(settings, record)


@contextmanager
def _one_by_one(settings: Settings) -> Iterator[None]:
    """Let no other process tell of a build meanwhile: both would, before either has noted it."""
    with ExitStack() as held:
        # Where no lock can be had, on a full disk say, being told twice is better than not being told.
        with suppress(LeadproofError):
            held.enter_context(notification_lock(settings, _POST_SECONDS + _MAIL_SECONDS))
        yield


def tell(settings: Settings, name: str, notice: Notice, now: datetime) -> None:
    """Send a notice that is about no build, and keep it if somebody could not be reached.

    Args:
        settings: The channels, and where state lies.
        name: Name of the notice; a later one of this name takes its place.
        notice: What to send.
        now: The present moment, with zone.
    """
    told = send(settings.notify, notice)
    try:
        _keep(settings, name, notice, told, raised_at=now, tried_at=now)
    except (LeadproofError, OSError) as error:
        # Whoever was reached has been told. A caller that failed here would tell them again.
        say(f"A notice that nobody has got could not be kept: {error}")


def tell_again(settings: Settings, now: datetime) -> None:
    """Try once more, on the day of a notice, the channels that did not take it.

    A mail that some recipients got is not sent to them again; the notice stays untold for the others.
    That it is tried is noted first. Where nothing can be noted, nothing is sent: it would be sent again.

    Args:
        settings: The channels, and where state lies.
        now: The present moment, with zone; what was tried at this moment is left alone.

    Raises:
        LeadproofError: If it cannot be noted.
    """
    began = time.monotonic()
    # What was tried last comes last: a server that takes its time must not keep the others from being told.
    for path in sorted(_notices(settings).glob("*.json"), key=lambda each: each.stat().st_mtime_ns):
        if time.monotonic() - began > _BEGIN_AGAIN_SECONDS:
            break
        kept = read_json(path) or {}
        try:
            raised_at, tried_at = (datetime.fromisoformat(kept[each]) for each in ("raised_at", "tried_at"))
            notice = Notice(**{**kept["notice"], "details": tuple(kept["notice"]["details"])})
            partly = {channel: told for channel, told in kept["told"].items() if told.endswith(_SOME_REFUSED)}
            failed = [
                channel
                for channel, told in kept["told"].items()
                if channel not in partly and told not in (SENT, _TRYING)
            ]
        except (KeyError, TypeError, ValueError, AttributeError):
            path.unlink(missing_ok=True)  # no notice that anybody could send
            continue
        if now - raised_at > _KEPT:
            path.unlink(missing_ok=True)
        elif raised_at.date() == now.date() and tried_at != now and (failed or not partly):
            trying = {**partly, **dict.fromkeys(failed, _TRYING)}
            _keep(settings, path.stem, notice, trying, raised_at=raised_at, tried_at=now)
            told = {**partly, **send(settings.notify, notice, failed)}
            _keep(settings, path.stem, notice, told, raised_at=raised_at, tried_at=now)


def withdraw(settings: Settings, name: str) -> None:
    """Send a notice no more, because what it says is over.

    Args:
        settings: Where state lies.
        name: Name of the notice.
    """
    (_notices(settings) / f"{name}.json").unlink(missing_ok=True)


def is_untold(settings: Settings, since: datetime | None) -> bool:
    """Say whether a notice about no build has not reached somebody.

    Args:
        settings: Where state lies.
        since: Notices raised before are over; None if none is.

    Returns:
        True if one is kept.
    """
    for path in _notices(settings).glob("*.json"):
        raised_at = str((read_json(path) or {}).get("raised_at", ""))
        if raised_at and (since is None or datetime.fromisoformat(raised_at) >= since):
            return True
    return False


def _keep(
    settings: Settings,
    name: str,
    notice: Notice,
    told: dict[str, str],
    *,
    raised_at: datetime,
    tried_at: datetime,
) -> None:
    if all(each == SENT for each in told.values()):
        withdraw(settings, name)
        return
    folder = _notices(settings)
    with explained("Keeping a notice that nobody has got", folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_json(
            folder / f"{name}.json",
            {
                "raised_at": raised_at.isoformat(),
                "tried_at": tried_at.isoformat(),
                "told": told,
                "notice": asdict(notice),
            },
        )


def _notices(settings: Settings) -> Path:
    return settings.state / "notices"


def _in_time(tell: Callable[[], str], seconds: float) -> str:
    """Tell on a channel, but wait no longer than that, and let nothing that goes wrong there go further."""
    told: list[str] = []

    def run() -> None:
        try:
            told.append(tell())
        except Exception as error:
            # The message may quote an address, and an address may hold a secret.
            told.append(f"failed: {type(error).__name__}")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    return told[0] if told else f"failed: no answer within {seconds:g} seconds"


class _ShortWaits(Retry):
    """Waits as long as the server asks, but not for long: a build waits with it, and the mail behind it."""

    until: float = math.inf

    def new(self, **changes: Any) -> Self:
        made = super().new(**changes)
        made.until = self.until
        return made

    def is_exhausted(self) -> bool:
        # Nobody waits for it any more, and that it failed is told already.
        return super().is_exhausted() or time.monotonic() >= self.until

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        with suppress(InvalidHeader):
            asked = super().get_retry_after(response)
            return asked and min(asked, _LONGEST_WAIT_SECONDS)
        return None


def _post(address: str, notice: Notice) -> str:
    return _in_time(lambda: _posted(address, notice), _POST_SECONDS)


def _posted(address: str, notice: Notice) -> str:
    again = _ShortWaits(
        total=_TRIES_AGAIN,
        backoff_factor=0.5,
        status_forcelist=_BUSY,
        allowed_methods=None,
        redirect=False,
        raise_on_status=False,
    )
    again.until = time.monotonic() + _POST_SECONDS
    with requests.Session() as session:
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(max_retries=again))
        # Chat services show `text`; whoever parses takes the rest. Of the answer nothing but its status is
        # needed, so it is left unread.
        with session.post(
            address,
            json={"text": f"Leadproof: {notice.title}. {notice.text}", **asdict(notice)},
            timeout=(_CONNECT_SECONDS, _ANSWER_SECONDS),
            allow_redirects=False,
            stream=True,
        ) as answer:
            return SENT if answer.ok and not answer.is_redirect else f"failed: status {answer.status_code}"


def _mail(notify: Notify, server: str, notice: Notice) -> str:
    return _in_time(lambda: _mailed(notify, server, notice), _MAIL_SECONDS)


def _mailed(notify: Notify, server: str, notice: Notice) -> str:
    message = EmailMessage()
    message["Subject"] = f"Leadproof: {notice.title}" + (f" ({notice.build_id})" if notice.build_id else "")
    try:
        message["From"] = notify.mail_from
        message["To"] = ", ".join(notify.mail_to)
        are_there = bool(message["From"].addresses and message["To"].addresses)
    except Exception:
        # Python's reader answers half an address with an IndexError, an AttributeError or whatever comes.
        are_there = False
    if not are_there:
        return f"failed: {_NO_ADDRESS}"
    message.set_content(notice.text)
    parts = urlsplit(server)
    host = parts.hostname or ""
    if parts.scheme == "smtps":
        secure: smtplib.SMTP = smtplib.SMTP_SSL(
            host,
            parts.port or _SMTPS_PORT,
            timeout=_ANSWER_SECONDS,
            context=ssl.create_default_context(),
        )
    else:
        secure = smtplib.SMTP(host, parts.port or _SMTP_PORT, timeout=_ANSWER_SECONDS)
    with secure as connection:
        if parts.scheme == "smtp":
            connection.ehlo()
            if connection.has_extn("starttls"):
                connection.starttls(context=ssl.create_default_context())
            elif parts.username:
                return "failed: the server offers no encryption, so the password was not sent"
        if parts.username:
            connection.login(unquote(parts.username), unquote(parts.password or ""))
        refused = connection.send_message(message)
    return f"failed: {len(refused)} of {len(notify.mail_to)}{_SOME_REFUSED}" if refused else SENT
