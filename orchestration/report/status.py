"""How the warehouse stands, on one screen: from the current release and small state files alone."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from rich.console import Console, ConsoleOptions
from rich.text import Text

from orchestration import records
from orchestration.alarms import (
    BUILD_INTERRUPTED,
    ERASURE_UNFINISHED,
    NOTIFICATION_FAILED,
    RELEASE_DAMAGED,
    RELEASE_STALE,
    Alarm,
    alarm_of,
    is_stale,
    is_standing,
    true_as_of,
)
from orchestration.errors import LeadproofError
from orchestration.notifications import SENT, is_untold
from orchestration.records import BuildRecord
from orchestration.release import (
    LockHolder,
    Release,
    current_release,
    damaged_file,
    list_releases,
    newest_whole,
    open_release,
    running_build,
)
from orchestration.release.database import literal
from orchestration.release.files import explained
from orchestration.report.sheet import Sheet
from orchestration.report.verdicts import page_path, verdict_of
from orchestration.report.words import counted, minute, parsed, span
from orchestration.settings import Settings
from orchestration.source_text import clean

_LABEL = 16
_THRESHOLDS = "policy/audit_thresholds.csv"
_SOON = timedelta(days=14)
_COUNTED = ("people", "suspects", "prospects", "mqls", "sqls")
_SEEN = (records.PUBLISHED, records.UNCHANGED)
_NOTHING = "nothing is published yet"
_COLOURS = {"good": "green", "bad": "red", "note": "yellow"}


@dataclass(frozen=True)
class Baseline:
    """A tolerance that holds for a while."""

    audit: str
    source_system: str
    until: date


@dataclass(frozen=True)
class Freshness:
    """How new a source system's rows are.

    Args:
        source_system: The system.
        newest: Its newest row (UTC, without a zone); None if it has none.
    """

    source_system: str
    newest: datetime | None


@dataclass(frozen=True)
class Status:
    """What is known; printed by Rich.

    Args:
        now: The present moment, UTC.
        release: What readers see; None before the first publication.
        release_trouble: Why the current release cannot be read; empty if it can.
        newest_release_id: The newest release that is whole; after a rollback it is not the current one.
        last: The last build; None before the first.
        last_meant: The last build that was meant to publish, which a candidate is not; None before the first.
        last_standing: The last of those that no person ended, whose alarm stands; None before the first.
        page: Its quality page; None if it has none.
        holder: Who builds now; None if nobody does.
        freshness: By source system.
        baselines: Baselines of the release's policy that run out soon or have, soonest first.
        true_as_of: The latest moment (UTC) as of which a build has found the release to be right; by default
            its own as-of.
        stale_after_hours: Hours that may have passed since then.
        is_erasure_unfinished: Whether the forgetting of somebody was interrupted and waits to be finished.
        is_untold: Whether an alarm since the last build began, and about none, has not reached somebody.
    """

    now: datetime
    release: Release | None
    release_trouble: str
    newest_release_id: str | None
    last: BuildRecord | None
    last_meant: BuildRecord | None
    last_standing: BuildRecord | None
    page: Path | None
    holder: LockHolder | None
    freshness: list[Freshness]
    baselines: list[Baseline]
    true_as_of: datetime | None = None
    stale_after_hours: int = Settings.stale_after_hours
    is_untold: bool = False
    is_erasure_unfinished: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        sheet = Sheet(console, options)
        self._tell_today(sheet)
        self._tell_release(sheet)
        self._tell_build(sheet)
        self._tell_freshness(sheet)
        self._tell_baselines(sheet)
        sheet.blank()
        _field(sheet, "Next", Text(self.next_step, style="bold"))
        yield from sheet.lines()

    @property
    def next_step(self) -> str:
        """What to do now, in one sentence."""
        last = self.last
        if self.holder is not None:
            return "Wait for the build that runs."
        if self.release_trouble:
            return self.release_trouble
        if self.is_erasure_unfinished and not self._has_failed_to_erase:
            return "Somebody is forgotten by half; run leadproof build, which finishes that first."
        if last is None and self.release is None:
            return "Drop files into the landing folder and run leadproof build, or see leadproof demo."
        if last is not None and last.status in (records.RUNNING, records.INTERRUPTED):
            return "The last build did not end; run leadproof build again. Nothing is loaded twice."
        for build in (last, self.last_meant):
            if build is not None and build.failure is not None:
                return verdict_of(build).next_step
        if self.release is None:
            return "Run leadproof build to publish."
        if self.newest_release_id not in (None, self.release.release_id):
            newest = self.newest_release_id
            return f"Readers see an earlier release; leadproof rollback {newest} goes forward again."
        if self.is_stale:
            return "The release is old; run leadproof build, and see that builds start by themselves."
        if self._is_anybody_untold:
            return f"Somebody was not told of it; see {NOTIFICATION_FAILED.runbook}."
        if self.baselines:
            return "Repair what is baselined before its last day, or the next build is blocked."
        return "Nothing; leadproof explain <e-mail or person_id> tells why somebody is (not) in a stage."

    @property
    def is_stale(self) -> bool:
        """Whether readers see a release that is older than it may be."""
        return self.release is not None and is_stale(
            self.true_as_of or parsed_as_of(self.release), self.now, self.stale_after_hours
        )

    @property
    def alarms(self) -> list[Alarm]:
        """What is wrong now, what readers notice first; empty if nothing is."""
        found: list[Alarm] = []
        if self.release_trouble:
            found.append(RELEASE_DAMAGED)
        if self.is_stale:
            found.append(RELEASE_STALE)
        if self.is_erasure_unfinished and self.holder is None:
            found.append(ERASURE_UNFINISHED)
        last = self.last
        if last is not None and last.status == records.RUNNING and self.holder is None:
            found.append(BUILD_INTERRUPTED)
        # A candidate made since, however good, has put nothing right for readers, nor has a build that
        # somebody ended.
        elif self.last_standing is not None and (alarm := alarm_of(self.last_standing)):
            found += [alarm] if alarm not in found else []
        if self._is_anybody_untold:
            found.append(NOTIFICATION_FAILED)
        return found

    @property
    def _has_failed_to_erase(self) -> bool:
        """Whether the last build has tried to finish an erasure, and says better what to do."""
        return (
            self.last is not None and self.last.failure is not None and self.last.failure.phase == "erasure"
        )

    @property
    def _is_anybody_untold(self) -> bool:
        notified = self.last_standing.notified if self.last_standing is not None else {}
        return self.is_untold or any(told != SENT for told in notified.values())

    def _tell_today(self, sheet: Sheet) -> None:
        """Answer the three questions of a morning: is it fresh, is it audited, do readers have it?"""
        release, last = self.release, self.last_meant
        is_published = (
            release is not None
            and last is not None
            # One that was killed once readers had its release could not say so itself.
            and (
                (last.build_id == release.build_id and last.status != records.FAILED)
                or (last.status in _SEEN and last.release_id == release.release_id)
            )
        )
        hours = f"{self.stale_after_hours} hours"
        answers = [
            (
                "Fresh",
                release is not None and not self.is_stale and not self.release_trouble,
                f"what readers see was up to date less than {hours} ago",
                (self._unreadable or f"what readers see was up to date more than {hours} ago")
                if release
                else _NOTHING,
            ),
            (
                "Audited",
                release is not None and release.verdict == "passed" and not self.release_trouble,
                "every expectation holds for what readers see",
                (self._unreadable or "not every expectation holds for what readers see")
                if release
                else _NOTHING,
            ),
            (
                "Published",
                is_published,
                "the last build is what readers see",
                "the last build is not what readers see" if release else _NOTHING,
            ),
        ]
        for label, is_so, yes, no in answers:
            text = Text("yes  " if is_so else "no   ", style=f"bold {'green' if is_so else 'red'}")
            _field(sheet, label, text.append(yes if is_so else no, style="not bold default"))
        for place, alarm in enumerate(self.alarms):
            if place == 0:
                sheet.blank()
            text = Text(f"{alarm.title}. ", style="bold red").append(alarm.meaning, style="not bold default")
            _field(sheet, "Alarm", text)
            _field(sheet, "", Text(f"see {alarm.runbook}"))
        sheet.blank()

    @property
    def _unreadable(self) -> str:
        return "the release that readers see is damaged" if self.release_trouble else ""

    def _tell_release(self, sheet: Sheet) -> None:
        if self.release is None:
            _field(sheet, "Release", Text(self.release_trouble or "nothing is published yet", style="yellow"))
            return
        release = self.release
        text = Text(release.release_id, style="bold")
        text.append(f"  {release.verdict}", style="not bold green" if release.verdict == "passed" else "red")
        _field(sheet, "Release", text)
        as_of = parsed_as_of(release)
        _field(sheet, "", Text(f"as of {minute(as_of)} UTC, {span((self.now - as_of).total_seconds())} ago"))
        counts = [
            f"{release.row_counts[name]:,} {_plural(name)}" for name in _COUNTED if name in release.row_counts
        ]
        if counts:
            _field(sheet, "", Text(", ".join(counts)))
        if release.restatement_reason:
            _field(sheet, "", Text(f"policy restated: {clean(release.restatement_reason)}"))
        if release.erasures:
            _field(sheet, "", Text(f"rewritten: {counted(release.erasures, 'erasure')} since its audit"))
        if self.newest_release_id not in (None, release.release_id):
            _field(sheet, "", Text(f"rolled back; the newest is {self.newest_release_id}", style="yellow"))

    def _tell_build(self, sheet: Sheet) -> None:
        sheet.blank()
        if self.holder is not None:
            since = f" since {minute(self.holder.since)} UTC" if self.holder.since else ""
            owner = f"{clean(self.holder.owner)}, process {self.holder.process}"
            _field(sheet, "Building now", Text(f"{owner}{since}", style="cyan"))
        last = self.last
        if last is None:
            _field(sheet, "Last build", Text("none yet", style="dim"))
            return
        verdict = verdict_of(last)
        is_interrupted = last.status == records.RUNNING and self.holder is None
        short = "interrupted" if is_interrupted else verdict.short
        text = Text(last.build_id, style="bold")
        text.append(f"  {short}", style=f"not bold {_COLOURS['bad' if is_interrupted else verdict.tone]}")
        _field(sheet, "Last build", text)
        started = parsed(last.started_at)
        seconds = sum(phase.seconds for phase in last.phases)
        if started:
            ago = span((self.now - started).total_seconds())
            _field(sheet, "", Text(f"started {minute(started)} UTC, {ago} ago; took {seconds:,.1f} s"))
        if last.failure is not None:
            _field(sheet, "", Text(clean(last.failure.message)))
        if self.page is not None:
            sheet.whole(str(self.page), Text("Quality report", style="dim"), _LABEL)

    def _tell_freshness(self, sheet: Sheet) -> None:
        if self.release is None or not self.freshness:
            return
        sheet.blank()
        as_of = parsed_as_of(self.release).replace(tzinfo=None)
        for place, each in enumerate(self.freshness):
            told = "no accepted row"
            if each.newest:
                age = span((as_of - each.newest).total_seconds())
                told = f"newest row {minute(each.newest)}, {age} before as-of"
            text = Text(f"{clean(each.source_system):<12}").append(told)
            _field(sheet, "Freshness" if place == 0 else "", text)

    def _tell_baselines(self, sheet: Sheet) -> None:
        if not self.baselines:
            return
        sheet.blank()
        today = self.now.date()
        for place, each in enumerate(self.baselines):
            is_over = each.until < today
            system = "every system" if each.source_system == "*" else clean(each.source_system)
            text = Text(f"{clean(each.audit)} for {system} ")
            text.append(
                f"{'ran out on' if is_over else 'runs out on'} {each.until.day} {each.until:%b %Y}",
                style="red" if is_over else "yellow",
            )
            _field(sheet, "Baselines" if place == 0 else "", text)


def read_status(settings: Settings, now: datetime | None = None) -> Status:
    """Read how the warehouse stands.

    Args:
        settings: Where it lies.
        now: The present moment; by default the clock's.

    Returns:
        The status. A damaged release is part of it, not an error.
    """
    now = now or datetime.now(UTC)
    release, trouble = None, ""
    try:
        release = current_release(settings)
    except LeadproofError as error:
        trouble = str(error)
    releases = list_releases(settings)
    last = next(records.readable_records(settings), None)
    newest = newest_whole(releases)
    name = damaged_file(release) if release is not None else None
    if release is not None and name is not None:
        trouble = _way_out(release, name, releases)
    page = page_path(settings, last.build_id) if last else None
    freshness: list[Freshness] = []
    if release is not None and not trouble:
        try:
            freshness = _freshness(settings, release)
        except LeadproofError as error:
            trouble = str(error)
    baselines: list[Baseline] = []
    if release is not None and not trouble:
        try:
            baselines = _baselines(release, now.date())
        except (KeyError, OSError, ValueError, csv.Error):
            trouble = _way_out(release, _THRESHOLDS, releases)
    return Status(
        now=now,
        release=release,
        release_trouble=trouble,
        newest_release_id=newest.release_id if newest else None,
        last=last,
        last_meant=_last(settings, lambda build: not build.is_candidate_only),
        last_standing=_last(settings, is_standing),
        page=page if page and page.exists() else None,
        holder=running_build(settings),
        freshness=freshness,
        baselines=baselines,
        true_as_of=true_as_of(settings, release.release_id, parsed_as_of(release)) if release else None,
        stale_after_hours=settings.stale_after_hours,
        is_untold=is_untold(settings, parsed(last.started_at) if last else None),
        is_erasure_unfinished=_exists(settings.unfinished_erasure),
    )


def parsed_as_of(release: Release) -> datetime:
    """A release's as-of, with the zone UTC."""
    return release.as_of if release.as_of.tzinfo else release.as_of.replace(tzinfo=UTC)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return False  # for its owner to know


def _last(settings: Settings, is_meant: Callable[[BuildRecord], bool]) -> BuildRecord | None:
    return next((build for build in records.readable_records(settings) if is_meant(build)), None)


def _way_out(release: Release, name: str, releases: Sequence[Release]) -> str:
    other = newest_whole([each for each in releases if each.release_id != release.release_id])
    step = f"run leadproof rollback {other.release_id}, then" if other else "restore it from a backup, or"
    return (
        f"Release {release.release_id} is damaged, as {name} is not the file that was published: "
        f"{step} run leadproof build --full-refresh."
    )


def _freshness(settings: Settings, release: Release) -> list[Freshness]:
    with (
        explained(f"Reading release {release.release_id}", release.path),
        open_release(settings, release.release_id) as connection,
    ):
        rows = connection.execute(
            # As the audit judges it: by touches, where a system has any; never by a sale.
            "select source_system, coalesce(max(latest_row_at) filter (where entity = 'touches'),"
            " max(latest_row_at)) from marts.row_reconciliation"
            f" where build_id = {literal(release.build_id)} and entity <> 'deals'"
            " group by source_system order by source_system"
        ).fetchall()
    return [Freshness(*row) for row in rows]


def _baselines(release: Release, today: date) -> list[Baseline]:
    path = release.policy / Path(_THRESHOLDS).name
    if not path.is_file():
        return []
    with path.open(encoding="utf-8-sig", newline="") as lines:
        found = [
            Baseline(row["audit"], row["source_system"], date.fromisoformat(row["until"].strip()[:10]))
            for row in csv.DictReader(lines)
            if (row.get("until") or "").strip()
        ]
    return sorted(
        (each for each in found if each.until - today <= _SOON), key=lambda each: (each.until, each.audit)
    )


def _field(sheet: Sheet, label: str, body: Text) -> None:
    sheet.put(body, Text(label, style="dim"), _LABEL)


def _plural(table: str) -> str:
    return {"mqls": "MQLs", "sqls": "SQLs"}.get(table, table)
