"""A warehouse whose builds go well or badly one after the other: who is told, what status says, what is kept.

The real job runs, a webhook and a mail server listen on this machine, take what they get, are busy, refuse or
are down. What must follow is kept here as a plain account of what was done, and compared after each step with
what the servers got, ``leadproof status --check``, records, logs and releases. What dbt and the marts come to
belongs to ``job``.
"""

import csv
import json
import os
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from orchestration import records
from orchestration.alarms import (
    AUDIT_FAILED,
    BUILD_INTERRUPTED,
    MEMORY,
    MODELS_FAILED,
    NOTIFICATION_FAILED,
    POLICY_REFUSED,
    RECOVERED,
    RELEASE_DAMAGED,
    RELEASE_STALE,
    Alarm,
)
from orchestration.defs.automation import tell_if_damaged, tell_if_stale, tell_of_run
from orchestration.digests import sha256_of
from orchestration.notifications import SENT, tell_again
from orchestration.release import apply_retention
from orchestration.settings import PROJECT_ROOT, Notify, Settings
from tests.fixtures.local_servers import Hook, Mailbox
from tests.integration.assets_alone import ASSETS_ALONE
from tests.integration.harness import make_warehouse
from tests.proof.injections import assert_harmless_on_a_terminal
from tests.proof.kills import PHASES, Kill, strike
from tests.proof.late_file import GOLDEN, tolerate_any_share
from tests.proof.processes import is_alive
from tests.proof.shop import Shop

AS_OF = "2026-06-30"
_KEPT_RELEASES, _KEPT_BUILDS, _KEPT_DAYS = 3, 20, 400
_ANY_AGE, _A_DAY = 1_000_000, 24
_NOBODY = "127.0.0.1:9"
_SCREEN = 45
_POLL_SECONDS = 0.05
_PLANTED_AGES = (*range(300, 322), 500, 600, 700, 800)
_WEBHOOKS = ("up", "up", "up", "busy", "broken", "down", "off")
_MAILS = ("up", "up", "refusing", "down", "unencrypted", "off")
_KILLED_IN = ("policy", "load", "dbt", "dbt", "candidate", "audit")
_FIRST = "news"
STEPS = (
    *("news", "news", "nothing", "audit", "policy", "models", "memory", "kill", "kill", "interrupt"),
    *("candidate", "damage", "stale", "rollback"),
)
"""What may happen next; drawn without replacement, so that a sequence of some has many kinds."""


@dataclass
class Channels:
    """Where notices go during a step, and what becomes of them there.

    Args:
        hook: Address of the webhook that listens.
        mailbox: Host and port of the mail server that listens.
        secret: Stands in the webhook's address and the mail server's password.
        webhook: How the webhook is; `off` for none.
        mail: How the mail server is; `off` for none.
    """

    hook: str
    mailbox: str
    secret: str
    webhook: str = "up"
    mail: str = "up"

    def draw(self, rng: Random) -> None:
        """Draw how both are from now on, and forget what they got."""
        self.webhook, self.mail = rng.choice(_WEBHOOKS), rng.choice(_MAILS)
        self.clear()

    def clear(self) -> None:
        """Forget what both got."""
        Hook.got.clear()
        Hook.taken.clear()
        Hook.answers[:] = {"busy": [503], "broken": [500] * 60}.get(self.webhook, [])
        Mailbox.mails.clear()
        Mailbox.commands.clear()
        Mailbox.refuses = self.mail == "refusing"

    @property
    def notify(self) -> Notify:
        """Both as settings."""
        webhook = f"http://{_NOBODY}" if self.webhook == "down" else self.hook
        server = _NOBODY if self.mail == "down" else self.mailbox
        account = f"robot:{self.secret}@" if self.mail == "unencrypted" else ""
        return Notify(
            webhook=None if self.webhook == "off" else f"{webhook}/{self.secret}",
            smtp=None if self.mail == "off" else f"smtp://{account}{server}",
            mail_from="build@warehouse.example",
            mail_to=("team@warehouse.example",),
        )

    @property
    def results(self) -> dict[str, bool]:
        """By channel that is set, whether it takes a notice."""
        found = {"webhook": self.webhook in ("up", "busy"), "mail": self.mail == "up"}
        return {name: took for name, took in found.items() if getattr(self, name) != "off"}


@dataclass(frozen=True)
class Told:
    """A notice that must come.

    Args:
        alarm: What is told.
        build_id: Of which build; empty if of none.
    """

    alarm: Alarm
    build_id: str = ""


def assert_told(channels: Channels, expected: Sequence[Told]) -> None:
    """Assert that just these notices came, each once, to each channel that takes any.

    Args:
        channels: Where they went.
        expected: The notices, in order.
    """
    results = channels.results
    wanted = [(told.alarm.code, told.build_id) for told in expected]
    taken = [(got["alarm"], got["build_id"]) for got in Hook.taken]
    assert taken == (wanted if results.get("webhook") else []), f"the webhook took {taken}, not {wanted}"
    titles = [told.alarm.title for told in expected] if results.get("mail") else []
    subjects = [_subject(mail) for mail in Mailbox.mails]
    assert len(subjects) == len(titles), f"mails came: {subjects}, not {titles}"
    for subject, title, told in zip(subjects, titles, expected, strict=False):
        assert title in subject and told.build_id in subject, f"{subject} does not tell of {told}"
    for got in Hook.got:
        page = got["runbook"]
        is_alarm = got["alarm"] != RECOVERED.code
        assert bool(page) == is_alarm and (PROJECT_ROOT / page).exists(), f"{got['alarm']} names {page!r}"
        assert bool(got["next_step"]) == is_alarm, f"{got['alarm']} says {got['next_step']!r}"
    sent = json.dumps(Hook.got) + "".join(Mailbox.mails)
    assert channels.secret not in sent, "a notice holds a secret"
    assert not any(channels.secret in command for command in Mailbox.commands), "a password was sent"


def _subject(mail: str) -> str:
    lines = mail.replace("\r\n ", " ").splitlines()
    return next(line for line in lines if line.startswith("Subject: "))


@dataclass
class Account:
    """What was done, and what must therefore be so.

    Args:
        is_new: Whether there is something that no release holds yet.
        releases: Releases that were published, oldest first.
        current: The one that readers see; empty before the first.
        last_release: The release that the last build meant to publish came to; empty if it came to none.
        alarm: What the last build raised that was meant to publish; null for nothing.
        is_killed: Whether the last build was killed and has not been closed by a next one.
        owed: Killed builds that nobody has been told of.
        is_untold: Whether somebody was not reached with what was to be told last.
        is_damaged: Whether the current release is damaged.
        builds: All builds, oldest first.
    """

    is_new: bool = True
    releases: list[str] = field(default_factory=list)
    current: str = ""
    last_release: str = ""
    alarm: Alarm | None = None
    is_killed: bool = False
    owed: list[str] = field(default_factory=list)
    is_untold: bool = False
    is_damaged: bool = False
    builds: list[str] = field(default_factory=list)

    def alarms(self, *, is_stale: bool = False) -> list[Alarm]:
        """What status must show, in its order."""
        build = BUILD_INTERRUPTED if self.is_killed else self.alarm
        return [
            *([RELEASE_DAMAGED] if self.is_damaged else []),
            *([RELEASE_STALE] if is_stale else []),
            *([build] if build is not None else []),
            *([NOTIFICATION_FAILED] if self.is_untold else []),
        ]


@dataclass
class Operations:
    """One sequence.

    Args:
        shop: Where commands run.
        settings: Of the warehouse; channels are set for each step.
        channels: Who is told.
        rng: Decides what happens.
        tally: Counts it.
    """

    shop: Shop
    settings: Settings
    channels: Channels
    rng: Random
    tally: Counter[str]
    account: Account = field(default_factory=Account)
    _files: int = 0
    _killed: list[str] = field(default_factory=list)
    _is_planted: bool = False
    _is_history_pruned: bool = False

    def drive(self, steps: Sequence[str]) -> None:
        """Do what is to happen, and hold the account against the warehouse after each step."""
        kinds: dict[str, Callable[[], None]] = {
            "news": self._news,
            "nothing": self._nothing,
            "audit": self._audit,
            "policy": self._policy,
            "models": self._models,
            "memory": self._memory,
            "kill": self._kill,
            "interrupt": self._interrupt,
            "candidate": self._candidate,
            "damage": self._damage,
            "stale": self._stale,
            "rollback": self._rollback,
        }
        for place, step in enumerate(steps):
            self.channels.draw(self.rng)
            try:
                kinds[step]()
                self._hold()
            except AssertionError as error:
                done = ", ".join(steps[: place + 1])
                state = f"webhook {self.channels.webhook}, mail {self.channels.mail}"
                raise AssertionError(f"after {done} ({state}): {error}") from error
            self.tally["steps"] += 1
            self.tally[f"steps: {step}"] += 1
            if place == 0:
                self._plant_history()

    # -- steps ------------------------------------------------------------------------------------

    def _news(self) -> None:
        """A file comes, and a build publishes it, whatever was before."""
        self._drop_file()
        self._build(0)
        self._goes_well(records.PUBLISHED)

    def _nothing(self) -> None:
        """A build without a new file publishes only what an earlier one could not."""
        self._build(0)
        self._goes_well(records.PUBLISHED if self.account.is_new else records.UNCHANGED)

    def _audit(self) -> None:
        """Tolerances become strict, so the audit blocks the build."""
        self._drop_file()
        shipped = PROJECT_ROOT / "seeds" / "audit_thresholds.csv"
        with self._changed("seeds/audit_thresholds.csv", shipped.read_text(encoding="utf-8")):
            self._build(1)
        self._fails(AUDIT_FAILED)

    def _policy(self) -> None:
        """Somebody writes a word into a policy table that it does not know."""
        table = self.shop.workshop.root / "seeds" / "touch_types.csv"
        with table.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.reader(lines))
        broken = table.read_text(encoding="utf-8") + ",".join(["of_nobody", *rows[1][1:]]) + ",one,more\n"
        with self._changed("seeds/touch_types.csv", broken):
            self._build(1)
        self._fails(POLICY_REFUSED)

    def _models(self) -> None:
        """Somebody breaks a model."""
        self._drop_file()
        with self._changed("models/restricted/contacts.sql", "select no_such_column from nowhere\n"):
            self._build(1)
        self._fails(MODELS_FAILED)

    def _memory(self) -> None:
        """A build of everything gets too little memory."""
        small, self.settings = self.settings, replace(self.settings, memory_limit="30MB")
        try:
            self._build(1, "--full-refresh")
        finally:
            self.settings = small
        self._fails(MEMORY)

    def _kill(self) -> None:
        """A build is killed; either Dagster's sensor tells of it, or the next build does."""
        self._drop_file()
        kill = Kill(self.rng.choice(_KILLED_IN), self.rng.uniform(0, 0.7), "the build and dbt")
        struck = strike(kill, self._start("build", "--as-of", AS_OF), self._output, self.shop.usual_seconds)
        code = self.shop.exit_code()
        if struck is None:
            assert code == 0, self._told()
            self._take_in_build()
            self.tally["kills that came too late"] += 1
            self._goes_well(records.PUBLISHED)
            return
        assert code == -signal.SIGKILL, f"the killed build ended with {code}: {self._told()}"
        record, account = self._take_in_build(is_closed=False), self.account
        assert_told(self.channels, [])  # the dead do not tell
        self.tally[f"kills in {struck.phase}"] += 1
        # What an earlier killed build left is closed, and only Dagster's sensor could still tell of it.
        account.is_killed, account.owed, account.is_untold = True, [record.build_id], False
        account.last_release = ""
        current = self._current() or ""
        if current != account.current:
            account.releases.append(current)
            account.current, account.is_new = current, record.status == records.RUNNING
            self.tally["kills after readers saw the release"] += 1
            account.last_release = current
        if record.status != records.RUNNING:
            account.is_killed, account.owed, account.alarm = False, [], None
            account.last_release = str(record.release_id)
            return
        if self.rng.random() < 0.5:
            for _ in range(2):  # the sensor may look twice
                tell_of_run(self._set_settings(), str(record.run_id))
            assert_told(self.channels, [Told(BUILD_INTERRUPTED, record.build_id)])
            if self.channels.results:
                account.owed.clear()
                account.is_untold = not all(self.channels.results.values())
            self.tally["kills that the sensor told of"] += 1

    def _interrupt(self) -> None:
        """Somebody ends a build, who needs not be told."""
        self._drop_file()
        process = self._start("build", "--as-of", AS_OF)
        while PHASES["dbt"] not in self._told():
            assert is_alive(process), self._told()
            time.sleep(_POLL_SECONDS)
        os.killpg(process, signal.SIGINT)
        code = self.shop.exit_code()
        assert code == 130 and "Interrupted" in self._told(), f"exit {code}: {self._told()}"
        record = self._take_in_build()
        assert record.status == records.INTERRUPTED
        self.account.last_release = ""
        self._stands_as_before()

    def _candidate(self) -> None:
        """Somebody looks at a candidate, which puts nothing right and raises nothing."""
        self._drop_file()
        self._build(0, "--candidate")
        assert self._newest().status == records.CANDIDATE
        self._stands_as_before()

    def _damage(self) -> None:
        """A file of the current release is cut short: told of once a day, and status says the way out."""
        release = self.settings.current.resolve()
        victim = release / self.rng.choice(("leadproof.duckdb", "manifest.json", "policy/stage_policy.csv"))
        kept = victim.read_bytes()
        _overwrite(victim, kept[: len(kept) // 2])
        self.account.is_damaged = True
        self._tell_daily(RELEASE_DAMAGED, tell_if_damaged, self.settings)
        shown = self._hold()
        others = [each for each in self.account.releases[-_KEPT_RELEASES:] if each != self.account.current]
        if others and self.rng.random() < 0.5:
            # Where the manifest is damaged, nobody knows any more what the release is.
            way = "leadproof rollback" + (f" {others[-1]}" if victim.name != "manifest.json" else "")
            assert way in shown, f"the way out is not told:\n{shown}"
            self._run(0, "rollback", others[-1])
            self.account.is_damaged, self.account.current = False, others[-1]
            self.tally["damaged releases rolled back"] += 1
            self._hold()
            self._drop_file()
            self.channels.clear()
            self._build(0, "--full-refresh")
            self._goes_well(records.PUBLISHED)
        if victim.exists():
            _overwrite(victim, kept)
            # One that could not be read was not counted: one more was kept in its stead.
            apply_retention(self.settings)
        self.account.is_damaged = False
        self.channels.clear()
        for at in (datetime.now(UTC), datetime.now(UTC) + timedelta(hours=1)):
            assert tell_if_damaged(self._set_settings(), at, at.date().isoformat()) == ""
        assert_told(self.channels, [])

    def _stale(self) -> None:
        """The release may be a day old and is older; it is told of once a day, until it may be older."""
        strict = replace(self.settings, stale_after_hours=_A_DAY)
        self._tell_daily(RELEASE_STALE, tell_if_stale, strict)
        self._hold(strict, is_stale=True)
        assert tell_if_stale(self._set_settings(), datetime.now(UTC), "") == ""

    def _rollback(self) -> None:
        """Readers are led to an earlier release, of which nobody needs to be told."""
        choices = [each for each in self.account.releases[-_KEPT_RELEASES:] if each != self.account.current]
        if not choices:
            return
        chosen = self.rng.choice(choices)
        self._run(0, "rollback", chosen)
        self.account.current = chosen
        assert_told(self.channels, [])
        shown = self._hold()
        if self._newest().status in (records.PUBLISHED, records.UNCHANGED):
            assert f"rollback {self.account.releases[-1]}" in shown, f"the way forward is not told:\n{shown}"
        self.channels.clear()
        self._drop_file()
        self._build(0)
        self._goes_well(records.PUBLISHED)

    def launch_alone(self) -> None:
        """Launch each asset by itself, after a build that readers see and after one that the audit blocked.

        It comes last: it goes on with the blocked build, and may tell of it again.
        """
        self.channels.webhook = self.channels.mail = "off"
        for is_blocked in (False, True):
            if is_blocked:
                self.channels.clear()
                self._audit()
            before = self._published_bytes()
            self.shop.start_code(self._set_settings(), self._output, ASSETS_ALONE)
            code, told = self.shop.exit_code(), self._told()
            assert code == 0, told
            launched = json.loads(told.strip().splitlines()[-1])
            assert all(each["steps"] for each in launched.values()), launched
            assert launched["release/current"]["failures"], launched
            assert self._published_bytes() == before, f"an asset launched alone published: {launched}"
            self.tally["assets launched alone"] += len(launched)

    def _published_bytes(self) -> dict[str, str]:
        files = [path for path in self.settings.releases.rglob("*") if path.is_file()]
        return {"current": self._current() or ""} | {
            str(path.relative_to(self.settings.releases)): sha256_of(path) for path in sorted(files)
        }

    # -- what follows from a build ----------------------------------------------------------------

    def _goes_well(self, status: str) -> None:
        record, account = self._newest(), self.account
        assert record.status == status, f"the build ended as {record.status}, not {status}: {record.failure}"
        was_alarmed = account.alarm is not None or account.is_killed
        if status == records.PUBLISHED:
            assert record.release_id and record.release_id not in account.releases
            account.releases.append(record.release_id)
            account.current = record.release_id
            account.is_new = False
        assert record.release_id == account.releases[-1]
        account.last_release, account.alarm, account.is_killed = record.release_id, None, False
        self._tells([Told(RECOVERED, record.build_id)] if was_alarmed else [])
        account.is_untold = was_alarmed and not all(self.channels.results.values())
        self.tally["builds that went well"] += 1

    def _fails(self, alarm: Alarm) -> None:
        record, account = self._newest(), self.account
        assert record.status == records.FAILED and record.failure is not None
        account.alarm, account.is_killed, account.last_release = alarm, False, ""
        self._tells([Told(alarm, record.build_id)])
        account.is_untold = not all(self.channels.results.values())
        self.tally["builds that failed"] += 1

    def _stands_as_before(self) -> None:
        """A build that somebody ended, or a mere candidate, raises nothing and puts nothing right."""
        account = self.account
        if account.is_killed:
            account.is_killed, account.alarm = False, BUILD_INTERRUPTED
            if account.owed:
                account.is_untold = not all(self.channels.results.values())
        self._tells([])

    def _tells(self, own: Sequence[Told]) -> None:
        """Assert that killed builds are told of first, then this one, and that its record says to whom."""
        owed, self.account.owed = self.account.owed, []
        assert_told(self.channels, [*(Told(BUILD_INTERRUPTED, build) for build in owed), *own])
        results = self.channels.results if own else {}
        noted = {name: told == SENT for name, told in self._newest().notified.items()}
        assert noted == results, f"the record notes {noted}, not {results}"
        told = len(owed) + len(own)
        self.tally["notices"] += told
        if not all(self.channels.results.values()):
            self.tally["notices that somebody did not get"] += told

    def _tell_daily(
        self, alarm: Alarm, tell: Callable[[Settings, datetime, str | None], str], settings: Settings
    ) -> None:
        """Look twice in a day as the sensor does; then once more, when whoever was down may be up again."""
        morning = datetime.now(UTC).replace(hour=0, minute=0, second=1)
        told_on: str | None = None
        reached = replace(settings, notify=self.channels.notify)
        for minutes in (0, 15):
            told_on = tell(reached, morning + timedelta(minutes=minutes), told_on)
        assert_told(self.channels, [Told(alarm)])
        self.tally["notices"] += 1
        if not all(self.channels.results.values()):
            first = self.channels.results
            self.channels.webhook = "up" if "webhook" in first else "off"
            self.channels.mail = "up" if "mail" in first else "off"
            self.channels.clear()
            for minutes in (30, 45):
                tell_again(
                    replace(settings, notify=self.channels.notify), morning + timedelta(minutes=minutes)
                )
            self.channels.webhook = "up" if first.get("webhook") is False else "off"
            self.channels.mail = "up" if first.get("mail") is False else "off"
            assert_told(self.channels, [Told(alarm)])
            self.tally["notices tried again"] += 1

    # -- what must hold ---------------------------------------------------------------------------

    def _hold(self, settings: Settings | None = None, *, is_stale: bool = False) -> str:
        """Assert that status, logs, history and releases are as the account says; return the status."""
        shown = self._status(settings or self.settings, is_stale=is_stale)
        self._assert_kept()
        self._assert_logs()
        self.tally["looks at status, logs and history"] += 1
        return shown

    def _status(self, settings: Settings, *, is_stale: bool) -> str:
        account = self.account
        alarms = account.alarms(is_stale=is_stale)
        is_well = bool(account.current) and not alarms
        self.shop.start(settings, self._output, "status", "--check")
        code, shown = self.shop.exit_code(), self._told()
        assert code == (0 if is_well else 1), f"status --check ended with {code}; alarms {alarms}:\n{shown}"
        assert_harmless_on_a_terminal(shown)
        lines = shown.splitlines()
        assert len(lines) <= _SCREEN, f"status has {len(lines)} lines"
        self._assert_answers(lines, is_fresh=not is_stale)
        pages = [line.split("see ", 1)[1] for line in lines if line.strip().startswith("see docs/runbooks/")]
        assert pages == [alarm.runbook for alarm in alarms], f"{pages} are named for {alarms}:\n{shown}"
        assert all(any(f"{alarm.title}." in line for line in lines) for alarm in alarms), shown
        step = shown.rpartition("Next")[2].strip()
        assert step and (is_well or not step.startswith("Nothing;")), f"what to do is not told:\n{shown}"
        if account.is_killed and not account.is_damaged:
            assert "run leadproof build again" in " ".join(step.split()), shown
        return " ".join(shown.split())

    def _assert_answers(self, lines: Sequence[str], *, is_fresh: bool) -> None:
        account = self.account
        answers = {
            "Fresh": bool(account.current) and is_fresh and not account.is_damaged,
            "Audited": bool(account.current) and not account.is_damaged,
            "Published": bool(account.current) and account.last_release == account.current,
        }
        for label, is_so in answers.items():
            (line,) = [line for line in lines if line.split()[:1] == [label]]
            said = line.split()[1]
            if label == "Published" and account.is_damaged:
                continue  # a damaged manifest does not even say which build it is of
            assert said == ("yes" if is_so else "no"), f"status says {line!r}"

    def _assert_kept(self) -> None:
        """Releases by number; records, logs and pages by number and age; audits for ever."""
        listed = {path.name for path in self.settings.releases.glob("r*")}
        expected = self.account.releases[-_KEPT_RELEASES:]
        assert listed == {*expected}, f"these releases are kept: {sorted(listed)}, not {expected}"
        assert (self._current() or "") == self.account.current
        builds = sorted(self._all_builds(), reverse=True)
        oldest = f"b{datetime.now(UTC) - timedelta(days=_KEPT_DAYS):%Y%m%dT%H%M%S}"
        kept = {each for place, each in enumerate(builds) if place < _KEPT_BUILDS or each >= oldest}
        found = {*records.build_ids(self.settings)}
        if self._is_history_pruned:
            assert found == kept, f"records of {sorted(found ^ kept)} are kept, or not"
            for folder in (self.settings.logs, self.settings.quality / "builds"):
                left = {path.name.split(".")[0] for path in folder.iterdir()} - kept
                assert left == set(), f"{folder.name} of {sorted(left)} are left"
        audits = {path.stem for path in (self.settings.quality / "audit_results").glob("*.parquet")}
        audited = {each for each in self.account.builds if records.read_record(self.settings, each).audit}
        planted = {*self._planted()} if self._is_planted else set()
        assert audits >= audited | planted, f"audits are lost: {sorted((audited | planted) - audits)}"

    def _planted(self) -> list[str]:
        now = datetime.now(UTC)
        return [f"b{now - timedelta(days=age):%Y%m%dT000000}{age:06x}" for age in _PLANTED_AGES]

    def _all_builds(self) -> list[str]:
        return [*self.account.builds, *(self._planted() if self._is_planted else ())]

    def _plant_history(self) -> None:
        """Let there be builds of last year and before, as if they had left what the first one has."""
        first = self.account.builds[0]
        for build_id in self._planted():
            known = json.loads(records.record_path(self.settings, first).read_text(encoding="utf-8"))
            known |= {"build_id": build_id, "run_id": None, "release_id": None, "notified": {}}
            records.record_path(self.settings, build_id).write_text(json.dumps(known), encoding="utf-8")
            shutil.copyfile(self.settings.logs / f"{first}.jsonl", self.settings.logs / f"{build_id}.jsonl")
            shutil.copytree(
                self.settings.quality / "builds" / first, self.settings.quality / "builds" / build_id
            )
            audits = self.settings.quality / "audit_results"
            shutil.copyfile(audits / f"{first}.parquet", audits / f"{build_id}.parquet")
        self._is_planted = True

    def _assert_logs(self) -> None:
        """Each line of each log is an object with its build; one that ended says how, and who was told."""
        for build_id in self.account.builds:
            record = records.read_record(self.settings, build_id)
            lines = Path(str(record.log)).read_text(encoding="utf-8").splitlines()
            events: list[dict[str, Any]] = [json.loads(line) for line in lines]
            assert {event["build_id"] for event in events} == {build_id}
            assert all({"at", "level", "event", "run_id"} <= event.keys() for event in events)
            assert self.channels.secret not in "".join(lines), "a log holds a secret"
            ended = [event for event in events if event["event"] == "build_ended"]
            is_killed = build_id in self._killed
            assert len(ended) == (0 if is_killed else 1), f"{build_id} says {len(ended)} times how it ended"
            if ended:
                assert ended[0]["status"] == record.status
                told = {e["channel"]: e["result"] for e in events if e["event"] == "notified"}
                assert told == record.notified, f"the log says {told}, the record {record.notified}"
        self.tally["log lines read"] += len(lines)

    # -- helpers ----------------------------------------------------------------------------------

    @property
    def _output(self) -> Path:
        return self.settings.warehouse.parent / "output.txt"

    def _told(self) -> str:
        return self._output.read_text(encoding="utf-8") if self._output.exists() else ""

    def _current(self) -> str | None:
        return self.settings.current.readlink().name if self.settings.current.is_symlink() else None

    def _set_settings(self) -> Settings:
        return replace(self.settings, notify=self.channels.notify)

    def _start(self, *words: str) -> int:
        return self.shop.start(self._set_settings(), self._output, *words)

    def _run(self, expected: int, *words: str) -> None:
        self._start(*words)
        code, told = self.shop.exit_code(), self._told()
        assert code == expected, f"leadproof {words[0]} ended with {code}:\n{told}"
        assert "Traceback" not in told and self.channels.secret not in told, told

    def _build(self, expected: int, *words: str) -> None:
        self._run(expected, "build", "--as-of", AS_OF, *words)
        self._take_in_build()

    def _take_in_build(self, *, is_closed: bool = True) -> records.BuildRecord:
        record = self._newest()
        assert record.build_id not in self.account.builds, "no build was recorded"
        self.account.builds.append(record.build_id)
        if not is_closed:
            self._killed.append(record.build_id)
        elif self._is_planted:
            self._is_history_pruned = True
        self.shop.usual_seconds |= {phase.name: phase.seconds for phase in record.phases}
        return record

    def _newest(self) -> records.BuildRecord:
        return records.read_record(self.settings, records.build_ids(self.settings)[0])

    def _drop_file(self) -> None:
        """Drop a touch that is accepted."""
        self._files += 1
        folder = self.settings.landing / "leadproof" / "touches"
        (folder / f"news_{self._files}.csv").write_text(
            "source_touch_id,occurred_at,email,channel,touch_type\n"
            f"news-{self._files},2026-06-29T10:00:00Z,news{self._files}@late.example,website,page_visit\n",
            encoding="utf-8",
        )
        self.account.is_new = True

    @contextmanager
    def _changed(self, name: str, text: str) -> Iterator[None]:
        """Let a file of the project copy hold something else for a while."""
        path = self.shop.workshop.root / name
        kept = path.read_bytes()
        path.write_text(text, encoding="utf-8")
        try:
            yield
        finally:
            path.write_bytes(kept)


def prove_operations(shop: Shop, place: Path, seed: int, steps: int, hook: str, mailbox: str) -> Counter[str]:
    """Let builds go well and badly, and see who is told, what status says and what is kept.

    Args:
        shop: Where commands run, in a project copy of its own.
        place: Empty folder.
        seed: Decides what happens, and how the webhook and the mail server are.
        steps: How much happens; the first and the last step is a build that goes well.
        hook: Address of a webhook that listens.
        mailbox: Host and port of a mail server that listens.

    Returns:
        What was done, counted.

    Raises:
        AssertionError: If somebody was told too little, too much or the wrong thing, or a step is not as the
            account of what was done says.
    """
    rng, tally = Random(seed), Counter[str]()
    settings = replace(
        make_warehouse(place, place / "landing"),
        keep_releases=_KEPT_RELEASES,
        stale_after_hours=_ANY_AGE,
    )
    shutil.copytree(GOLDEN, settings.landing)
    tolerate_any_share(shop.workshop)
    channels = Channels(hook, mailbox, f"secret{seed}x")
    operations = Operations(shop, settings, channels, rng, tally)
    drawn = rng.sample(STEPS, min(max(steps - 2, 0), len(STEPS)))
    operations.drive([_FIRST, *drawn, _FIRST])
    operations.launch_alone()
    places = (settings.warehouse, settings.dagster_home, shop.workshop.root / "target")
    _assert_no_secret(channels.secret, places)
    with closing(sqlite3.connect(settings.dagster_home / "history" / "runs.db")) as runs:
        left = runs.execute("select count(*) from runs where status in ('STARTED', 'STARTING')").fetchone()
    assert left == (0,), "a run that has ended holds Dagster's slot"
    tally["sequences"] += 1
    return tally


def _assert_no_secret(secret: str, places: Sequence[Path]) -> None:
    files = [
        path for place in places for path in place.rglob("*") if path.is_file() and not path.is_symlink()
    ]
    found = [path for path in files if secret.encode() in path.read_bytes()]
    assert found == [], f"a secret stands in {found}"


def _overwrite(path: Path, content: bytes) -> None:
    path.parent.chmod(0o755)
    path.chmod(0o644)
    path.write_bytes(content)
