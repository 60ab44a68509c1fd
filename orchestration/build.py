"""One build, phase by phase: what Dagster's assets call, and nothing of Dagster.

Each phase checks, calls the part that does the work, and leaves its result in the build's record. What
the phases do belongs to ``landing``, ``policy``, ``expectations``, ``release`` and ``report``; dbt itself
is started by the asset, because Dagster turns its events into materialisations.
"""

import contextlib
import hashlib
import json
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as package_version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from orchestration import erasure, increment, known_months, policy, records, release
from orchestration.alarms import BUILD_INTERRUPTED, RECOVERED, Alarm, alarm_of, is_standing
from orchestration.build_log import BuildLog
from orchestration.candidate_diff import compare_with_current
from orchestration.dbt import mart_names, month_columns, tables_noting_months
from orchestration.errors import LeadproofError
from orchestration.moments import require_known
from orchestration.notifications import announce
from orchestration.old_history import remove_old_history
from orchestration.private_files import close_to_others
from orchestration.progress import say
from orchestration.records import BuildRecord, Failure, Phase, utc_now, utc_text
from orchestration.release.candidate import ADDED_BY_PUBLICATION
from orchestration.release.database import literal
from orchestration.release.files import explained, out_of_resources
from orchestration.released_past import write_released_past
from orchestration.report.verdicts import after_blocked, blocked_sentence
from orchestration.salts import keep_salts
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.starting_point import (
    last_published,
    reason_to_build,
    starting_point,
)

if TYPE_CHECKING:
    from expectations import AuditRecord
    from orchestration.landing import LoadReport

_FAILED_LINES = 20
_ORPHAN_SECONDS = 40
_INTERRUPTED = "The build was interrupted."
# What a landed row costs a model of all people. Of eleven million, two models at a time keep within 16 GB.
_BYTES_OF_ROW = 500
_POLICY_CHANGED = "The policy tables changed while the build ran, so no one can say which policy it followed."


@dataclass(frozen=True)
class BuildRequest:
    """What was asked for.

    Args:
        as_of: The build's clock in UTC, not later than now; None for the start of the build.
        is_full_refresh: Rebuild incremental models from nothing.
        is_candidate_only: Publish nothing.
        restatement_reason: Reason for changing locked policy; None without one.
        run_id: Dagster's run; None outside Dagster.
        owner: Who builds, shown to whoever is turned away.
    """

    as_of: datetime | None = None
    is_full_refresh: bool = False
    is_candidate_only: bool = False
    restatement_reason: str | None = None
    run_id: str | None = None
    owner: str = "leadproof build"


class Build:
    """A build under the build lock.

    The first phase takes the lock; ``close`` gives it back and writes the report, whatever happened. A
    Dagster run that starts in the middle (publishing alone, say) resumes the build that holds the token.

    Args:
        settings: Where things lie.
        request: What was asked for.
    """

    def __init__(self, settings: Settings, request: BuildRequest) -> None:
        self.settings = settings
        self.request = request
        self.record: BuildRecord | None = None
        self._held = ExitStack()
        self._logged = ExitStack()
        self._log: BuildLog | None = None
        self._abandoned: list[BuildRecord] = []
        self._is_ready = False
        self._is_reported = False

    # -- phases ---------------------------------------------------------------------------------

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a phase and record how it ended.

        Args:
            name: Name of the phase in the record.

        Yields:
            Nothing.
        """
        started = time.monotonic()
        try:
            yield
        except BaseException as error:
            self._note(
                Phase(name, round(time.monotonic() - started, 2), "failed"),
                _failure(name, error, self.settings.warehouse),
            )
            raise
        self._note(Phase(name, round(time.monotonic() - started, 2), "ok"), None)

    def begin(self) -> BuildRecord:
        """Start a new build unless this run has: lock, token, clock, what an erasure has left to do, policy.

        Returns:
            The build's record.

        Raises:
            LeadproofError: If as-of lies in the future, the reason names somebody, another build runs, an
                erasure cannot be finished, a policy table is wrong or was changed without ``--restate``, or
                nothing can be written.
        """
        if self._is_ready and self.record:
            return self.record
        if self.record is None:
            if self.request.as_of is not None:
                require_known(self.request.as_of, utc_now())
            policy.require_nameless(self.request.restatement_reason)
            self._take_lock()
            self._abandoned = records.close_abandoned(self.settings)
            self.record = self._new_record()
            self._open_log(self.record)
            records.write_record(self.settings, self.record)
            self._close_folders()
            release.claim_build_token(self.settings, self.record.build_id)
        # At every try: a build that went past an erasure would publish whom it was to take out.
        if erasure.is_unfinished(self.settings):
            with self.phase("erasure"):
                self._wait_for_orphan()
                erasure.finish_unfinished(self.settings)
        with self.phase("policy"):
            say("Checking the policy tables")
            self.record.policy_digest = self._check_policy()
            self._keep_policy()
            self._wait_for_orphan()
            self._write_current_build(self.record)
        self._is_ready = True
        return self.record

    def resume(self) -> BuildRecord:
        """Return this run's build, or take up the last one where the run starts in the middle.

        Returns:
            The build's record.

        Raises:
            LeadproofError: If there is no build whose models are complete, or an erasure is not finished.
        """
        if self.record is None:
            self._take_lock()
            self._abandoned = records.close_abandoned(self.settings)
            if erasure.is_unfinished(self.settings):
                raise LeadproofError(
                    "The forgetting of somebody is not finished, and what was built may hold them.",
                    "Run leadproof build, or the whole funnel_job in Dagster, which finishes that first.",
                )
            newest = next(iter(records.build_ids(self.settings)), None)
            if newest is None:
                raise LeadproofError("There is no build to go on with.", "Run leadproof build first.")
            earlier = records.read_record(self.settings, newest)
            made = next(
                (each for each in release.list_releases(self.settings) if each.build_id == newest), None
            )
            if made is not None and earlier.status != records.PUBLISHED:
                # It was killed when readers had it already: nobody need be told, of this run as little.
                earlier.status, earlier.release_id = records.PUBLISHED, made.release_id
                earlier.failure = None
                earlier.taken_up_by(self.request.run_id)
                records.write_record(self.settings, earlier)
                self._abandoned = [each for each in self._abandoned if each.build_id != newest]
            if earlier.status == records.PUBLISHED:
                raise LeadproofError(
                    f"Build {newest} is published already, as release {earlier.release_id}.",
                    f"Run leadproof build for another; leadproof rollback {earlier.release_id} goes to it.",
                )
            if earlier.status == records.UNCHANGED:
                raise LeadproofError(
                    f"Build {newest} found nothing new, so there is nothing to go on with.",
                    "leadproof build --full-refresh builds all the same.",
                )
            _required_complete(earlier)
            earlier.status, earlier.failure = records.RUNNING, None
            earlier.taken_up_by(self.request.run_id)
            earlier.is_candidate_only = self.request.is_candidate_only
            earlier.notified = {}
            self.record = earlier
            self._open_log(earlier)
        if not self._is_ready:
            with self.phase("policy"):
                if self._check_policy() != self.record.policy_digest:
                    raise LeadproofError(
                        f"The policy tables have changed since build {self.record.build_id} was made.",
                        "Run leadproof build, or the whole funnel_job in Dagster.",
                    )
            self._is_ready = True
        return _required_complete(self.record)

    def rewrite_report(self) -> Path:
        """Write the report of the last build once more; what is known of the build stays as it is.

        Returns:
            The page.

        Raises:
            LeadproofError: If there is no build.
        """
        from orchestration.report import write_quality_report

        with release.build_lock(self.settings, self.request.owner):
            self._abandoned = records.close_abandoned(self.settings)
            newest = next(records.readable_records(self.settings), None)
            if newest is None:
                raise LeadproofError("There is no build to report on.", "Run leadproof build first.")
            return write_quality_report(self.settings, newest.build_id)

    def load(self) -> "LoadReport":
        """Load new and changed landing files into the raw tables.

        Returns:
            What was loaded, table by table.
        """
        from orchestration.landing import load_landing

        record = self.begin()
        with self.phase("load"):
            say("Loading landing files")
            report = load_landing(self.settings, now=_moment(record.started_at), progress=say)
            record.load = report.to_dict()
        with self._noted("erasure"):
            erasure.erase_late_rows(self.settings)
        records.write_record(self.settings, record)
        return report

    def is_unchanged(self) -> bool:
        """Say whether the current release is what this build would come to, and if so end it there.

        A build that was asked for in particular (in full, as a candidate, with a restatement) is always made.

        Returns:
            True if nothing has changed since the last build and nothing has fallen due.
        """
        import expectations

        record = self.begin()
        place = self.settings.build_db.parent
        with self._noted("start"), explained("Looking for what is new", place), self._connect() as database:
            record.starting_point = starting_point(
                self.settings,
                database,
                policy.read_policy(PROJECT_ROOT),
                expectations.thresholds_digest(self._thresholds(record)),
            )
            if record.starting_point["policy"] != record.policy_digest:
                raise LeadproofError(_POLICY_CHANGED, "Run leadproof build again.")
        last = last_published(self.settings, record.build_id)
        why = reason_to_build(last, record.starting_point, _moment(record.as_of))
        is_asked_for = record.is_full_refresh or record.is_candidate_only or record.restatement_reason
        if why is None and not is_asked_for:
            assert last is not None
            record.unchanged_since = last.build_id
            record.release_id = last.release_id
            record.next_due_at = last.next_due_at
            record.status = records.UNCHANGED
        records.write_record(self.settings, record)
        return record.status == records.UNCHANGED

    def choose_start(self, *, is_in_part: bool = False) -> bool:
        """Choose where the models continue from, and tell them.

        Args:
            is_in_part: Whether only some models are to be built; what they leave cannot be continued.

        Returns:
            True if everything is built anew, False if only those people whom something new has touched.
        """
        record = self.begin()
        place = self.settings.build_db.parent
        with self._noted("start"), explained("Choosing where to start", place), self._connect() as database:
            completed = increment.completed_build(database)
            if self.request.is_full_refresh:
                reason: str | None = "it was asked for"
            elif is_in_part:
                reason = "only some models are built"
            else:
                reason = increment.reason_for_full_build(
                    completed, record.starting_point, _moment(record.as_of)
                )
            if completed is None or reason is not None:
                increment.build_anew(database)
                known_months.forget_months(database)
                record.is_full_refresh = True
                record.full_refresh_reason = reason
            else:
                increment.continue_from(database, completed)
                record.continued_from = completed.build_id
            self._write_released_past(database, record)
        records.write_record(self.settings, record)
        return record.is_full_refresh

    def models_at_once(self) -> int:
        """Say how many models dbt may run at a time.

        Models of all people join all touches to tables of millions of rows, and share DuckDB's memory:
        where it does not hold two, each spills what one alone would keep, or dies. Ten million touches
        within 1.2 GB died two at a time, after 276 s for what takes 215 s one by one. An increment computes
        few people; for it, neither time nor memory was found to differ.

        Returns:
            The settings' threads; if everything is built anew, no more than memory holds for all rows that
            the source systems that are on have landed, and at least 1.
        """
        if not self.begin().is_full_refresh:
            return self.settings.threads
        place = self.settings.build_db.parent
        with explained("Counting what was loaded", place), self._connect() as database:
            schemas = ", ".join(f"'raw_{system}'" for system in self.settings.source_systems)
            (rows,) = database.execute(
                "select coalesce(sum(estimated_size), 0) from duckdb_tables()"
                f" where schema_name in ({schemas or 'null'})"
            ).fetchone() or (0,)
        fitting = int(self.settings.memory_bytes / (max(rows, 1) * _BYTES_OF_ROW))
        return max(1, min(self.settings.threads, fitting))

    def finish_models(self) -> None:
        """Note that dbt rebuilt and tested everything, and keep what later builds look back at.

        Raises:
            LeadproofError: If the policy tables changed while the models were being built.
        """
        assert self.record is not None
        if policy.policy_digest(policy.read_policy(PROJECT_ROOT)) != self.record.policy_digest:
            raise LeadproofError(_POLICY_CHANGED, "Run leadproof build again.")
        place = self.settings.build_db.parent
        with explained("Keeping the build's history", place), self._connect() as database:
            _append_history(database, self.record.build_id)
            increment.remember_completed(database, self.record.starting_point)
            self.record.people, self.record.computed_people = increment.people_computed(database)
            self.record.inputs_digest = _inputs_digest(database)
            self.record.next_due_at = _next_due_at(database)
            _export_reconciliation(database, self.settings, self.record.build_id)
        self.record.is_dbt_complete = True
        records.write_record(self.settings, self.record)

    def write_candidate(self) -> release.Candidate:
        """Copy the marts into a file of their own, which is what will be audited and published.

        Returns:
            The candidate.
        """
        record = self.resume()
        with self.phase("candidate"):
            say("Writing the candidate")
            place = self.settings.build_db.parent
            with explained("Looking for changed months", place), self._connect() as database:
                unchanged = known_months.unchanged_months(database, tables_noting_months())
            candidate = release.write_candidate(
                self.settings,
                build_id=record.build_id,
                as_of=_moment(record.as_of),
                tables=[name for name in mart_names() if name not in ADDED_BY_PUBLICATION],
                month_columns=month_columns(),
                unchanged_months=unchanged,
                policy_dir=self._policy_kept,
            )
            with explained("Keeping what the months hold", place), self._connect() as database:
                known_months.keep_months(database, candidate.month_sums)
        if self.request.is_candidate_only:
            # Before the audit: who would move is worth knowing of a candidate that fails it, too.
            with self.phase("compare"):
                changes = compare_with_current(self.settings, record.build_id)
            record.changes = {**asdict(changes), "path": str(changes.path)}
            records.write_record(self.settings, record)
        return candidate

    def audit(self) -> "AuditRecord":
        """Audit the candidate's bytes. A failing audit is a result, not an error.

        Returns:
            The audit record; it is on disk before this returns.
        """
        import expectations

        record = self.resume()
        with self.phase("audit"):
            say("Auditing the candidate")
            candidate = release.read_candidate(self.settings, record.build_id)
            audit = expectations.run_audit(
                candidate.path,
                record.build_id,
                _moment(record.as_of),
                self._thresholds(record),
                candidate.folder,
                self._audit_context,
                memory_limit=self.settings.memory_limit,
                threads=self.settings.threads,
                shared_files=candidate.shared_files,
            )
            with explained("Sealing the audit record", candidate.folder):
                release.seal_record(self.settings, candidate.folder / expectations.AUDIT_FILE)
            expectations.append_audit_history(self.settings.quality, audit)
        record.audit = _audit_summary(audit)
        if not audit.passed:
            record.failure = Failure("audit", blocked_sentence(record), after_blocked(record, "above"))
        records.write_record(self.settings, record)
        return audit

    def publish(self) -> release.Release | None:
        """Publish the audited candidate and let go of what retention lets go of.

        Returns:
            The release; None if this build is a candidate only.

        Raises:
            LeadproofError: If the record, the bytes, the suite or the token do not belong together.
        """
        import expectations
        from orchestration.report.site import write_staged_site

        record = self.resume()
        if self.request.is_candidate_only:
            record.status = records.CANDIDATE
            records.write_record(self.settings, record)
            return None
        with self.phase("publish"):
            say("Publishing the release")
            published = release.publish(
                self.settings,
                build_id=record.build_id,
                audit_path=self.settings.candidates / record.build_id / expectations.AUDIT_FILE,
                expected_suite_digest=expectations.suite_digest(),
                policy_dir=self._policy_kept,
                policy_digest=record.policy_digest,
                inputs_digest=record.inputs_digest,
                code_version=code_version(),
                now=utc_now(),
                restatement_reason=record.restatement_reason,
                expected_thresholds_digest=expectations.thresholds_digest(self._thresholds(record)),
                expected_promises={(promise.expectation, promise.table) for promise in expectations.PROMISES},
                write_pages=partial(write_staged_site, self.settings),
            )
        record.release_id = published.release_id
        record.status = records.PUBLISHED
        records.write_record(self.settings, record)
        return published

    def write_report(self) -> Path | None:
        """Write the quality report of this build and, if it was audited, the Data Docs of its audit.

        Returns:
            The page; None if no build was begun.
        """
        if self.record is None:
            return None
        from orchestration.report import write_missing_reports, write_quality_report

        with self.phase("report"):
            say("Writing the quality report")
            if self.record.audit:
                import expectations

                with explained("Writing the Data Docs", self.settings.quality):
                    expectations.build_data_docs(self._audit_context, self.settings.quality / "data_docs")
            # A killed build says nothing itself, not even one that was killed after it had published.
            write_missing_reports(self.settings)
            page = write_quality_report(self.settings, self.record.build_id)
        self.record.report = str(page)
        records.write_record(self.settings, self.record)
        self._is_reported = True
        return page

    def close(self) -> None:
        """Finish the record, write the report if no phase has, give the lock back, and tell of an alarm."""
        try:
            if self.record is not None:
                self._finish_record(self.record)
            if self.record is not None and not self._is_reported:
                # The report must not hide why the build failed, nor keep the lock.
                with contextlib.suppress(Exception):
                    self.write_report()
            if self.record is not None:
                with contextlib.suppress(Exception):
                    remove_old_history(self.settings, utc_now())
        finally:
            self._held.close()
            if self.record is not None:
                # After the lock: nobody waits for a mail server.
                self._tell_people(self.record)
            else:
                self._tell_of_abandoned()

    # -- helpers --------------------------------------------------------------------------------

    def _open_log(self, record: BuildRecord) -> None:
        self._log = self._logged.enter_context(BuildLog(self.settings, record))
        self._log.tell("build_started", as_of=record.as_of, owner=self.request.owner)

    def _tell_people(self, record: BuildRecord) -> None:
        alarm = alarm_of(record)
        try:
            self._tell_of_abandoned()
            if alarm is not None:
                self._tell_of(record, alarm)
            elif record.status in (records.PUBLISHED, records.UNCHANGED) and self._was_alarmed(record):
                self._tell_of(record, RECOVERED)
        finally:
            if self._log is not None:
                for channel, told in record.notified.items():
                    self._log.tell("notified", channel=channel, result=told)
                self._log.tell_end(record, alarm.code if alarm else None)
            self._logged.close()

    def _tell_of_abandoned(self) -> None:
        for each in self._abandoned:
            self._tell_of(each, BUILD_INTERRUPTED)

    def _tell_of(self, record: BuildRecord, alarm: Alarm) -> None:
        # The record could not be written, say. How the build ended stands before this, and one notice that
        # fails must not take the next with it.
        with contextlib.suppress(Exception):
            announce(self.settings, record, alarm)

    def _was_alarmed(self, record: BuildRecord) -> bool:
        earlier = records.readable_records(self.settings)
        before = (each for each in earlier if each.build_id < record.build_id and is_standing(each))
        newest = next(before, None)
        return newest is not None and alarm_of(newest) is not None

    def _take_lock(self) -> None:
        self._held.enter_context(release.build_lock(self.settings, self.request.owner))

    def _new_record(self) -> BuildRecord:
        started_at = utc_now()
        as_of = self.request.as_of or started_at
        return BuildRecord(
            build_id=f"b{started_at:%Y%m%dT%H%M%S}{secrets.token_hex(3)}",
            status=records.RUNNING,
            as_of=utc_text(as_of),
            started_at=utc_text(started_at),
            run_id=self.request.run_id,
            is_full_refresh=self.request.is_full_refresh,
            is_candidate_only=self.request.is_candidate_only,
            restatement_reason=self.request.restatement_reason,
            is_salted=bool(self.settings.id_salt),
            source_systems=list(self.settings.source_systems),
        )

    def _note(self, phase: Phase, failure: Failure | None) -> None:
        if self.record is None:
            return
        self.record.phases.append(phase)
        earlier = self.record.failure
        if failure is not None:
            self.record.failure = failure
        elif earlier is not None and earlier.phase == phase.name:
            self.record.failure = None  # it was tried again, and this time it went well
        if self._log is not None:
            self._log.tell_phase(phase, failure)
        records.write_record(self.settings, self.record)

    @contextmanager
    def _noted(self, name: str) -> Iterator[None]:
        """Record why the build ends here, between two phases."""
        try:
            yield
        except BaseException as error:
            if self.record is not None:
                self.record.failure = _failure(name, error, self.settings.warehouse)
                records.write_record(self.settings, self.record)
            raise

    def _check_policy(self) -> str:
        tables = policy.read_policy(PROJECT_ROOT)
        used = release.released_policy(self.settings)
        released = policy.ReleasedPolicy(*used) if used else None
        is_restated = self.request.restatement_reason is not None
        policy.require_valid(tables, () if is_restated else policy.deleted_rows(tables, released))
        policy.require_unlocked(tables, released, self.request.restatement_reason)
        return policy.policy_digest(tables)

    @property
    def _policy_kept(self) -> Path:
        return self.settings.build_db.parent / "policy"

    @property
    def _audit_context(self) -> Path:
        return self.settings.build_db.parent / "audit_context"

    def _close_folders(self) -> None:
        # Raw rows and the salt of person ids lie in the one, rows that no audit has passed in the other: for
        # who builds, and nobody else. A build that fails before it writes there closes them all the same.
        for folder in (self.settings.build_db.parent, self.settings.candidates):
            with explained("Closing the folder to others", folder):
                close_to_others(folder)

    def _keep_policy(self) -> None:
        # The release takes this copy, so that editing seeds/ during a build cannot slip into it.
        with explained("Keeping the policy tables", self._policy_kept):
            shutil.rmtree(self._policy_kept, ignore_errors=True)
            self._policy_kept.mkdir(parents=True)
            for path in sorted((PROJECT_ROOT / "seeds").glob("*.csv")):
                shutil.copyfile(path, self._policy_kept / path.name)

    def _thresholds(self, record: BuildRecord) -> Sequence[policy.Threshold]:
        # As-of is the only clock, for baselines too.
        return policy.thresholds(policy.read_policy(PROJECT_ROOT), _moment(record.as_of).date())

    @contextmanager
    def _connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(str(self.settings.build_db)) as database:
            database.execute(f"set memory_limit = {literal(self.settings.memory_limit)}")
            database.execute(f"set threads = {self.settings.threads}")
            database.execute(f"set temp_directory = {literal(self.settings.build_db.parent / 'spill')}")
            database.execute("set TimeZone = 'UTC'")
            yield database

    def _wait_for_orphan(self) -> None:
        # The dbt of a build that was killed ends with it, if not at once, and holds the database until then;
        # so may somebody's query. Whoever still holds it in the end is told of by the next call.
        is_told = False
        deadline = time.monotonic() + _ORPHAN_SECONDS
        while self.settings.build_db.exists() and time.monotonic() < deadline:
            try:
                with self._connect():
                    return
            except duckdb.IOException as error:
                if "set lock" not in str(error).lower():
                    return
            if not is_told:
                say("Waiting for the process that still uses the build database")
                is_told = True
            time.sleep(0.5)

    def _write_current_build(self, record: BuildRecord) -> None:
        place = self.settings.build_db.parent
        with explained("Opening the build database", place), self._connect() as database:
            # Before anybody gets an id of this salt, and before the last one's is overwritten.
            keep_salts(self.settings, {*increment.written_salts(database), self.settings.id_salt})
            increment.write_current_build(
                database,
                build_id=record.build_id,
                as_of=_naive(_moment(record.as_of)),
                started_at=_naive(_moment(record.started_at)),
                id_salt=self.settings.id_salt,
            )

    def _write_released_past(self, database: duckdb.DuckDBPyConnection, record: BuildRecord) -> None:
        # The release published last, as for the policy lock: a rollback takes back nothing that was said.
        last = release.newest_whole(release.list_releases(self.settings))
        changed: set[str] = set()
        known = records.readable_record(self.settings, last.build_id) if last is not None else None
        if known is not None:
            earlier = known.starting_point
            changed = {name for name, digest in record.starting_point.items() if earlier.get(name) != digest}
        elif last is not None:
            # Its record is gone, or unreadable; the release itself says less exactly what it was made with.
            if last.policy_digest != record.policy_digest:
                changed.add("people_policy")
            if last.code_version != code_version():
                changed.add("code")
        write_released_past(
            database,
            last,
            is_policy_changed="people_policy" in changed,
            is_code_changed=bool(changed & {"code", "settings"}),
        )

    def _finish_record(self, record: BuildRecord) -> None:
        if record.status == records.RUNNING:
            if record.failure is not None:
                record.status = (
                    records.INTERRUPTED if record.failure.message == _INTERRUPTED else records.FAILED
                )
            else:
                record.status = records.BUILT if record.is_dbt_complete else records.INTERRUPTED
        record.finished_at = utc_text(utc_now())
        records.write_record(self.settings, record)


def code_version() -> str:
    """Say which code runs: git's commit, marked if files differ from it, else the package's version."""
    git = shutil.which("git")
    if git and (PROJECT_ROOT / ".git").exists():
        done = subprocess.run(
            [git, "describe", "--always", "--dirty=+edited", "--abbrev=12"],
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return done.stdout.strip()
    try:
        return package_version("leadproof")
    except PackageNotFoundError:
        return "unknown"


def _required_complete(record: BuildRecord) -> BuildRecord:
    if not record.is_dbt_complete:
        raise LeadproofError(
            f"Build {record.build_id} rebuilt its models only in part, so nothing may be made of it.",
            "Run leadproof build, or the whole funnel_job in Dagster.",
        )
    return record


def _append_history(database: duckdb.DuckDBPyConnection, build_id: str) -> None:
    database.execute("begin")
    database.execute("delete from ops.row_reconciliation_log where build_id = ?", [build_id])
    database.execute(
        "insert into ops.row_reconciliation_log by name"
        " select * from marts.row_reconciliation where build_id = ?",
        [build_id],
    )
    database.execute(
        """
        insert into ops.quarantine_log by name
        select
            found.quarantine_id, found.source_system, found.source_table, found.entity, found.source_file,
            found.source_row, found.reason_code, found.reason_column, found.first_seen_at,
            ? as first_build_id
        from marts.quarantine as found
        where not exists (
            select 1 from ops.quarantine_log as known where known.quarantine_id = found.quarantine_id
        )
        """,
        [build_id],
    )
    database.execute("commit")


def _inputs_digest(database: duckdb.DuckDBPyConnection) -> str:
    rows = database.execute(
        """
        select source_system, source_table, content_hash
        from landing.files
        where status = 'loaded'
        order by source_system, source_table, content_hash
        """
    ).fetchall()
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _next_due_at(database: duckdb.DuckDBPyConnection) -> str | None:
    found = database.execute("select min(due_at) from intermediate.int_changes_expected").fetchone()
    return utc_text(found[0].replace(tzinfo=UTC)) if found and found[0] else None


def _export_reconciliation(database: duckdb.DuckDBPyConnection, settings: Settings, build_id: str) -> None:
    folder = settings.quality / "row_reconciliation"
    folder.mkdir(parents=True, exist_ok=True)
    writing, path = folder / f".{build_id}.writing", folder / f"{build_id}.parquet"
    database.execute(
        f"copy (select * from marts.row_reconciliation where build_id = {literal(build_id)})"
        f" to {literal(writing)} (format parquet)"
    )
    writing.replace(path)


def _failure(phase: str, error: BaseException, warehouse: Path) -> Failure:
    if isinstance(error, LeadproofError):
        return Failure(phase, error.message, error.hint, list(error.details), error.cause)
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "DagsterExecutionInterruptedError":
        return Failure(
            phase, _INTERRUPTED, "Run leadproof build again; nothing is loaded twice.", is_by_person=True
        )
    exhausted = None
    if isinstance(error, OSError | duckdb.Error):
        exhausted = out_of_resources(str(error), f"The {phase} phase", warehouse)
    if exhausted is not None:
        return Failure(phase, exhausted.message, exhausted.hint, cause=exhausted.cause)
    return Failure(
        phase,
        f"The {phase} phase failed with {type(error).__name__}.",
        "Run leadproof build --debug to see the whole trace.",
    )


def _audit_summary(audit: "AuditRecord") -> dict[str, Any]:
    from expectations import audit_of, failing_shares

    failed = [result for result in audit.results if not result.is_success]
    negotiable = {(share.audit, share.source_system) for share in failing_shares(audit)}
    return {
        "verdict": "passed" if audit.passed else "failed",
        "expectations": len(audit.results),
        "failed": [
            {
                "expectation": result.expectation,
                "table_name": result.table_name,
                "source_system": result.source_system,
                "severity": result.severity,
                "is_negotiable": (audit_of(result), result.source_system) in negotiable,
                "message": result.message,
                "failing_rows": result.failing_rows,
                "evaluated_rows": result.evaluated_rows,
                "failing_keys": list(result.failing_keys)[:_FAILED_LINES],
            }
            for result in failed
        ],
    }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
