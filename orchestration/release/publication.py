"""Publication: everything at once, or nothing.

The candidate that was audited becomes a release in a hidden folder; only when every file is whole, verified
and on the disk does the folder get its name and the pointer move. A crash at any point leaves readers with
the release they had, or with the new one.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.digests import sha256_of, sha256_with_shared
from orchestration.errors import LeadproofError
from orchestration.release.candidate import (
    ADDED_BY_PUBLICATION,
    Candidate,
    assert_closed,
    read_candidate,
)
from orchestration.release.database import (
    DATABASE,
    MARTS,
    digest_of,
    identifier,
    literal,
    relations_of,
    writer,
)
from orchestration.release.files import (
    copy_hashed,
    explained,
    remove_tree,
    seal,
    utc,
    write_json,
)
from orchestration.release.history import add_audit_results, add_releases
from orchestration.release.locks import check_build_token, publication_lock
from orchestration.release.months import view_text
from orchestration.release.record import AuditRecord, check_audit_record, read_audit_record
from orchestration.release.restricted import write_contacts
from orchestration.release.retention import retire, sweep
from orchestration.release.shared import check_as_read, link_months, open_to_readers
from orchestration.release.store import (
    Release,
    activate,
    contacts_path,
    find_release,
    list_releases,
    manifest_entry,
    newest_whole,
    next_release_id,
    pointed_id,
)
from orchestration.settings import Settings
from orchestration.source_text import impersonal

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class StagedRelease:
    """A release whose tables are written and verified, before it is sealed.

    Args:
        folder: The hidden folder that becomes the release.
        release: The release, under the path that it will have.
        previous: The release published last; None before the first.
        shared_files: Files outside the folder that views of its database open.
    """

    folder: Path
    release: Release
    previous: Release | None
    shared_files: list[Path]


@dataclass(frozen=True)
class _Work:
    """What one publication carries from step to step."""

    settings: Settings
    candidate: Candidate
    record: AuditRecord
    past: list[Release]
    release: Release
    staged: Path
    policy_dir: Path
    write_pages: Callable[[StagedRelease], None] | None


def publish(
    settings: Settings,
    *,
    build_id: str,
    audit_path: Path,
    expected_suite_digest: str,
    policy_dir: Path,
    policy_digest: str,
    inputs_digest: str,
    code_version: str,
    now: datetime,
    restatement_reason: str | None = None,
    expected_thresholds_digest: str | None = None,
    expected_promises: Collection[tuple[str, str]] = (),
    write_pages: Callable[[StagedRelease], None] | None = None,
) -> Release:
    """Publish the candidate of a build.

    Args:
        settings: Where the warehouse lies and how much of the machine may be used.
        build_id: Build whose candidate is published; it must hold the build token.
        audit_path: The audit record to rely on.
        expected_suite_digest: Digest of the suite as it is now.
        policy_dir: Folder of the policy tables (CSV) that the build used; they are copied into the release.
        policy_digest: Digest of those tables.
        inputs_digest: Digest of the files that had been loaded.
        code_version: Version of the code.
        now: The present moment; without a zone it is UTC.
        restatement_reason: Why locked policy rows were changed, if they were. One that names somebody is
            withheld.
        expected_thresholds_digest: Digest of the tolerances as they are now; ``None`` leaves them unchecked.
        expected_promises: Expectation and table of everything that the suite promises; each needs a result.
        write_pages: Writes what people read into the release before it is sealed; ``None`` writes nothing.

    Returns:
        The release, now the current one.

    Raises:
        LeadproofError: If the record does not allow it, the candidate is stale, or the disk fails; the
            release that readers see is then unchanged.
    """
    candidate = read_candidate(settings, build_id)
    record = read_audit_record(settings, audit_path)
    check_audit_record(
        record,
        candidate,
        expected_suite_digest=expected_suite_digest,
        expected_thresholds_digest=expected_thresholds_digest,
        expected_promises=expected_promises,
    )
    check_build_token(settings, build_id)
    with (
        explained(f"Publishing build {build_id}", settings.warehouse),
        publication_lock(settings, f"publication of build {build_id}"),
    ):
        sweep(settings)
        past = list_releases(settings)
        _refuse_stale(candidate, past)
        settings.releases.mkdir(parents=True, exist_ok=True)
        release_id = next_release_id(settings, build_id, now)
        release = Release(
            release_id=release_id,
            build_id=build_id,
            published_at=utc(now),
            as_of=candidate.as_of,
            policy_used_until=max([candidate.as_of, *(release.policy_used_until for release in past[:1])]),
            inputs_digest=inputs_digest,
            policy_digest=policy_digest,
            code_version=code_version,
            verdict=record.verdict,
            restatement_reason=impersonal(restatement_reason),
            row_counts=dict(candidate.row_counts),
            path=settings.releases / release_id,
            contacts=contacts_path(settings, release_id),
            is_current=False,
        )
        staged = settings.releases / f".{release_id}.staged"
        try:
            _stage(_Work(settings, candidate, record, past, release, staged, policy_dir, write_pages))
            # Staging takes a while; a build that has started since makes this one's candidate stale.
            check_build_token(settings, build_id)
            activate(settings, staged, release_id)
        except BaseException:
            _discard(settings, staged, release_id)
            raise
        _tidy(settings)
        return find_release(settings, release_id)


def _refuse_stale(candidate: Candidate, past: list[Release]) -> None:
    for release in past:
        if release.build_id == candidate.build_id:
            raise LeadproofError(
                f"Build {candidate.build_id} is published already, as release {release.release_id}.",
                f"To let readers see it, run leadproof rollback {release.release_id}.",
            )
    if past and past[0].build_id > candidate.build_id:
        raise LeadproofError(
            f"Build {candidate.build_id} is older than build {past[0].build_id}, which is published already.",
            "Run leadproof build again; if it was in fact the newer one, look at the machine's clock first.",
        )


def _stage(work: _Work) -> None:
    """Write every file of the release into the hidden folder, the manifest last, and seal it."""
    (work.staged / MARTS).mkdir(parents=True)
    _copy_policy(work.policy_dir, work.staged / "policy", work.candidate)
    database = work.staged / DATABASE
    assert_closed(work.candidate.path)
    months = [month for files in work.candidate.months.values() for month in files]
    if months:
        check_as_read(work.settings)
    # What is hashed is what is copied: nothing can change between the check and the use.
    copied = copy_hashed(work.candidate.path, database)
    linked = link_months(work.settings, months, work.staged)
    shared = {name.removeprefix(f"{MARTS}/"): entry["sha256"] for name, entry in linked.items()}
    if sha256_with_shared(copied, shared) != work.record.candidate_sha256:
        raise LeadproofError(
            f"Build {work.candidate.build_id} is not published: its candidate has changed since the audit.",
            "Run leadproof build again; the release that readers see is unchanged.",
        )
    contacts = work.release.contacts
    history = work.settings.quality / "audit_results"
    folders = [work.staged, contacts.parent, work.settings.build_db.parent, history]
    if months:
        folders.append(work.settings.shared_as_read)
    folders += [release.path for release in work.past]
    with writer(work.settings, folders) as connection:
        _append_tables(connection, work, history)
        assert_closed(database)
        connection.execute(f"attach {literal(database)} as release (read_only)")
        counts = _verify(connection, work)
        for table in counts.keys() - work.candidate.months.keys():
            connection.execute(
                f"copy release.{MARTS}.{identifier(table)} "
                f"to {literal(work.staged / MARTS / f'{table}.parquet')} (format parquet, compression zstd)"
            )
        write_contacts(
            connection, work.settings, work.candidate.build_id, work.candidate.contacts_digest, contacts
        )
    open_to_readers(work.settings, months)
    if work.write_pages:
        previous = newest_whole(work.past)
        work.write_pages(
            StagedRelease(work.staged, work.release, previous, list(work.candidate.shared_files))
        )
    _write_manifest(work, counts, linked)
    seal(work.staged)


def _copy_policy(source: Path, target: Path, candidate: Candidate) -> None:
    target.mkdir()
    files = sorted(source.glob("*.csv"))
    if not files:
        raise LeadproofError(
            f"There are no policy tables at {source}.",
            "A release carries the policy it was made with; build again.",
        )
    copied = {file.name: copy_hashed(file, target / file.name) for file in files}
    if candidate.policy_files not in (None, copied):
        raise LeadproofError(
            f"Build {candidate.build_id} is not published: its policy tables are not those that it used.",
            "Run leadproof build again; the release that readers see is unchanged.",
        )


def _append_tables(connection: duckdb.DuckDBPyConnection, work: _Work, history: Path) -> None:
    connection.execute(f"attach {literal(work.staged / DATABASE)} as release")
    previous = _attach_previous(connection, work.past)
    connection.execute("begin")
    add_audit_results(connection, "release", work.record, history, previous)
    add_releases(connection, "release", work.past, work.release, previous)
    connection.execute("commit")
    if previous:
        connection.execute(f"detach {previous}")
    connection.execute("checkpoint release")
    connection.execute("detach release")


def _attach_previous(connection: duckdb.DuckDBPyConnection, past: list[Release]) -> str | None:
    """Attach the newest whole release; it carries the history that retention has taken from the disk."""
    if not past:
        return None
    previous = newest_whole(past)
    if previous is not None and previous != past[0]:
        _LOG.warning(
            "Release %s is damaged; the history of %s is carried on.", past[0].release_id, previous.release_id
        )
    error: Exception | None = None
    if previous is not None:
        try:
            connection.execute(f"attach {literal(previous.database)} as previous (read_only)")
        except duckdb.Error as refused:
            error = refused
        else:
            return "previous"
    unreadable = previous or past[0]
    raise LeadproofError(
        f"Release {unreadable.release_id} cannot be read, so the history it holds cannot be carried on.",
        f"Restore {unreadable.path} from a backup, or move it out of that folder, and build again.",
    ) from error


def _verify(connection: duckdb.DuckDBPyConnection, work: _Work) -> dict[str, int]:
    """Make sure that the release holds the audited tables unchanged, the two added ones, and no other."""
    counts: dict[str, int] = {}
    relations = relations_of(connection, "release", MARTS)
    for name in relations:
        view = view_text(connection, "release", name)
        if view is not None:
            # The view names its files, and their bytes have been compared with the audited ones.
            if view != work.candidate.views.get(name):
                raise _changed(work, name)
            counts[name] = work.candidate.row_counts[name]
            continue
        found = digest_of(connection, "release", name)
        if work.candidate.digests.get(name) != found.digest and name not in ADDED_BY_PUBLICATION:
            raise _changed(work, name)
        counts[name] = found.rows
    for name in work.candidate.digests.keys() - relations.keys():
        raise _changed(work, name)
    return counts


def _changed(work: _Work, table: str) -> LeadproofError:
    return LeadproofError(
        f"Build {work.candidate.build_id} is not published: marts.{table} differs from the audited table.",
        "Run leadproof build again; the release that readers see is unchanged.",
    )


def _write_manifest(work: _Work, counts: dict[str, int], linked: dict[str, dict[str, Any]]) -> None:
    months = work.candidate.months
    files = sorted(path for path in work.staged.rglob("*") if path.is_file())
    contacts = work.release.contacts
    write_json(
        work.staged / "manifest.json",
        {
            "release": manifest_entry(work.release),
            "audit": {
                "candidate_sha256": work.record.candidate_sha256,
                "suite_digest": work.record.suite_digest,
                "thresholds_digest": work.record.thresholds_digest,
            },
            "tables": {
                name: {
                    "rows": rows,
                    "digest": work.candidate.digests.get(name),
                    **({"months": [month.note() for month in months[name]]} if name in months else {}),
                }
                for name, rows in counts.items()
            },
            "shared": str(work.settings.shared_as_read) if linked else None,
            "files": {
                name: linked.get(name) or _file_entry(path)
                for path in files
                for name in [path.relative_to(work.staged).as_posix()]
            },
            "contacts": _file_entry(contacts),
        },
    )


def _file_entry(path: Path) -> dict[str, Any]:
    return {"size_bytes": path.stat().st_size, "sha256": sha256_of(path)}


def _discard(settings: Settings, staged: Path, release_id: str) -> None:
    """Clean up after a failure; what cannot be removed now is swept by the next publication."""
    try:
        remove_tree(staged)
        if pointed_id(settings) != release_id:
            sweep(settings)
    except (OSError, LeadproofError):
        _LOG.warning("What release %s left behind is swept by the next publication.", release_id)


def _tidy(settings: Settings) -> None:
    """Apply retention; the release is out by now, so a failure here is told and does not undo it."""
    try:
        retire(settings, settings.keep_releases)
    except (OSError, LeadproofError) as error:
        _LOG.warning("Old releases could not be removed: %s", error)
