"""The candidate: a clean copy of the marts, frozen and hashed before its audit.

Audits run on this file and publication copies it, so the bytes that were audited are the bytes that are
published. A long mart is a view in it, over files that releases share, if it can be by month; these files
belong to the candidate's bytes. Nothing here knows what the tables mean.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.digests import sha256_of, sha256_with_shared
from orchestration.errors import LeadproofError
from orchestration.private_files import close_to_others
from orchestration.release.database import (
    DATABASE,
    MARTS,
    RowSums,
    TableDigest,
    columns_to_publish,
    copy_table,
    digest_of,
    identifier,
    literal,
    relations_of,
    writer,
)
from orchestration.release.files import (
    explained,
    remove_tree,
    stamp,
    sync,
    utc,
    write_json,
)
from orchestration.release.locks import checked_build_id, publication_lock
from orchestration.release.months import create_month_view, view_text
from orchestration.release.restricted import contacts_digest
from orchestration.release.seals import is_sealed, seal_record
from orchestration.release.shared import (
    MonthFile,
    files_as_viewed,
    months_noted,
    prepare_shared,
    settle_months,
    sweep_shared,
)
from orchestration.settings import IDENTIFIER, Settings

ADDED_BY_PUBLICATION = ("audit_results", "releases")
_NOTE = "candidate.json"


@dataclass(frozen=True)
class Candidate:
    """What a build offers for publication.

    Args:
        build_id: The build.
        as_of: The build's as-of (UTC).
        path: The candidate's database.
        sha256: Hex digest of its bytes, those of the shared files that it reads included.
        digests: Content digest by table.
        row_counts: Rows by table.
        months: Months by table, of the tables that lie in shared files.
        views: The text of the view by table, of the same tables.
        shared_files: The shared files, under the names by which the views open them.
        written_at: When it was written (UTC).
        contacts_digest: Digest of the contacts that go with it; None without any.
        policy_files: Hex SHA-256 of each policy table that goes with it, by file name; None if any may.
        month_sums: Row sums by table and number of the month, of the same tables; known to who wrote it only.
    """

    build_id: str
    as_of: datetime
    path: Path
    sha256: str
    digests: dict[str, str]
    row_counts: dict[str, int]
    months: dict[str, tuple[MonthFile, ...]]
    views: dict[str, str]
    shared_files: tuple[Path, ...]
    written_at: datetime
    contacts_digest: str | None = None
    policy_files: Mapping[str, str] | None = None
    month_sums: Mapping[str, Mapping[int, RowSums]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Folder of the candidate, which also takes its ``audit.json``."""
        return self.path.parent


@dataclass(frozen=True)
class _Copied:
    """A mart as it lies in the candidate."""

    content: TableDigest
    view: str | None = None
    months: tuple[MonthFile, ...] = ()
    sums: Mapping[int, RowSums] = field(default_factory=dict)

    def note(self) -> dict[str, Any]:
        noted: dict[str, Any] = {"rows": self.content.rows, "digest": self.content.digest}
        if self.months:
            noted |= {"view": self.view, "months": [month.note() for month in self.months]}
        return noted


def write_candidate(
    settings: Settings,
    *,
    build_id: str,
    as_of: datetime,
    tables: Sequence[str] | None = None,
    month_columns: Mapping[str, str] | None = None,
    unchanged_months: Mapping[str, Mapping[int, RowSums]] | None = None,
    policy_dir: Path | None = None,
) -> Candidate:
    """Copy the marts of the build database into a new file and hash it.

    A mart with as many rows as the settings say goes into files that releases share; only months, or marts,
    that no release holds yet are written.

    Candidates of earlier builds are removed: one build runs at a time, so they are failed or dead.

    Args:
        settings: Where the warehouse lies and how much of the machine may be used.
        build_id: The build.
        as_of: The build's as-of; without a zone it is UTC.
        tables: Tables or views of schema ``marts`` to publish; by default all of them.
        month_columns: By mart whose rows belong to months, the column (UTC moment or date) that tells.
        unchanged_months: By mart, the row sums of months that are known to have stayed as they were.
        policy_dir: Folder of the policy tables (CSV) that the build used; publication takes them as they are
            now, and no others. None if it may take any.

    Returns:
        The candidate.

    Raises:
        LeadproofError: If a table is missing, nothing is to be published, or the disk fails.
    """
    checked_build_id(build_id)
    folder = settings.candidates / build_id
    writing = settings.candidates / f".{build_id}.writing"
    with (
        explained(f"Writing the candidate of build {build_id}", settings.candidates),
        publication_lock(settings, f"candidate of build {build_id}"),
    ):
        # Its rows are unaudited: a candidate that is blocked lies here until the next one is written.
        close_to_others(settings.candidates)
        for leftover in settings.candidates.iterdir():
            remove_tree(leftover)
        # A candidate that was blocked has left months that no release needs.
        sweep_shared(settings)
        try:
            writing.mkdir()
            found, contacts = _copy_marts(
                settings, writing / DATABASE, tables, month_columns or {}, unchanged_months or {}
            )
            shared = {month.name: month.sha256 for copied in found.values() for month in copied.months}
            write_json(
                writing / _NOTE,
                {
                    "build_id": build_id,
                    "as_of": stamp(as_of),
                    "written_at": stamp(datetime.now(UTC)),
                    "sha256": sha256_with_shared(sha256_of(writing / DATABASE), shared),
                    "shared": str(settings.shared_as_read),
                    "tables": {name: copied.note() for name, copied in found.items()},
                    "contacts": contacts,
                    "policy": None if policy_dir is None else policy_files(policy_dir),
                },
            )
            # Publication takes row counts and digests from it, which no audit reads.
            seal_record(settings, writing / _NOTE)
            sync(writing / DATABASE)
            writing.rename(folder)
            sync(settings.candidates)
        except BaseException:
            remove_tree(writing)
            raise
    sums = {name: copied.sums for name, copied in found.items() if copied.sums}
    return replace(read_candidate(settings, build_id), month_sums=sums)


def read_candidate(settings: Settings, build_id: str) -> Candidate:
    """Read what a build offers for publication.

    Args:
        settings: Where the warehouse lies.
        build_id: The build.

    Returns:
        The candidate, as it was described when it was written.

    Raises:
        LeadproofError: If there is none, or its description is not the one that was written with it.
    """
    folder = settings.candidates / checked_build_id(build_id)
    with explained(f"Reading the candidate of build {build_id}", folder):
        if not (folder / DATABASE).is_file() or not (folder / _NOTE).is_file():
            raise LeadproofError(f"Build {build_id} has no candidate.", "Run leadproof build again.")
        written = (folder / _NOTE).read_bytes()
        if not is_sealed(settings, folder / _NOTE, written):
            raise LeadproofError(
                f"The description of build {build_id}'s candidate is not what the build wrote.",
                "Run leadproof build again; the release that readers see is unchanged.",
            )
    note = json.loads(written)
    if note["build_id"] != build_id:
        raise LeadproofError(f"Build {build_id} has no candidate.", "Run leadproof build again.")
    if not {"contacts", "policy"} <= note.keys():
        raise LeadproofError(
            f"The candidate of build {build_id} was written by an earlier version of the code.",
            "Run leadproof build again; the release that readers see is unchanged.",
        )
    months = months_noted(note["tables"])
    shared = Path(note["shared"])
    return Candidate(
        build_id=build_id,
        as_of=utc(datetime.fromisoformat(note["as_of"])),
        path=folder / DATABASE,
        sha256=note["sha256"],
        digests={name: table["digest"] for name, table in note["tables"].items()},
        row_counts={name: table["rows"] for name, table in note["tables"].items()},
        months=months,
        views={name: note["tables"][name]["view"] for name in months},
        shared_files=tuple(shared / month.name for files in months.values() for month in files),
        written_at=utc(datetime.fromisoformat(note["written_at"])),
        contacts_digest=note["contacts"],
        policy_files=note["policy"],
    )


def policy_files(folder: Path) -> dict[str, str]:
    """Hash the policy tables of a folder.

    Args:
        folder: The folder.

    Returns:
        Hex SHA-256 by file name.
    """
    return {path.name: sha256_of(path) for path in sorted(folder.glob("*.csv"))}


def assert_closed(database: Path) -> None:
    """Assert that a database was closed whole.

    Args:
        database: The file.

    Raises:
        LeadproofError: If a write-ahead log lies beside it: the file alone is not everything.
    """
    if database.with_name(f"{database.name}.wal").exists():
        raise LeadproofError(
            f"{database} was not closed whole, a write-ahead log lies beside it.",
            "Run leadproof build again.",
        )


def _copy_marts(
    settings: Settings,
    database: Path,
    tables: Sequence[str] | None,
    month_columns: Mapping[str, str],
    unchanged_months: Mapping[str, Mapping[int, RowSums]],
) -> tuple[dict[str, _Copied], str | None]:
    if not settings.build_db.is_file():
        raise LeadproofError(
            f"There is no build database at {settings.build_db}.", "Run leadproof build first."
        )
    folders = [settings.build_db.parent, database.parent, settings.shared, settings.shared_as_read]
    with writer(settings, folders) as connection:
        connection.execute(f"attach {literal(settings.build_db)} as build (read_only)")
        comments = relations_of(connection, "build", MARTS)
        names = _published_names(comments, tables)
        by_month = _settle_long_marts(connection, settings, names, month_columns, unchanged_months)
        connection.execute(f"attach {literal(database)} as candidate")
        # One transaction: a commit for each table and comment would wait for the disk each time.
        connection.execute("begin")
        connection.execute(f"create schema candidate.{MARTS}")
        for name in names:
            if name in by_month:
                columns = columns_to_publish(connection, "build", name)
                files = files_as_viewed(settings, by_month[name].months)
                create_month_view(connection, "candidate", name, columns, comments.get(name), files)
            else:
                copy_table(connection, "build", "candidate", name, comments.get(name))
        connection.execute("commit")
        connection.execute("checkpoint candidate")
        connection.execute("detach candidate")
        assert_closed(database)
        connection.execute(f"attach {literal(database)} as candidate (read_only)")
        found = {
            name: replace(by_month[name], view=view_text(connection, "candidate", name))
            if name in by_month
            else _Copied(digest_of(connection, "candidate", name))
            for name in names
        }
        return found, contacts_digest(connection, "build")


def _settle_long_marts(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    names: Sequence[str],
    month_columns: Mapping[str, str],
    unchanged_months: Mapping[str, Mapping[int, RowSums]],
) -> dict[str, _Copied]:
    """Bring the marts that are long enough into shared files."""
    long_marts = [name for name in names if _rows(connection, name) >= settings.shared_from_rows]
    settled: dict[str, _Copied] = {}
    if long_marts:
        writing = prepare_shared(settings, long_marts)
        try:
            for name in long_marts:
                columns = columns_to_publish(connection, "build", name)
                source = f"build.{MARTS}.{identifier(name)}"
                folder = writing / name
                folder.mkdir()
                content, months, sums = settle_months(
                    connection,
                    settings,
                    name,
                    source,
                    columns,
                    month_columns.get(name),
                    folder,
                    unchanged_months.get(name, {}),
                )
                settled[name] = _Copied(content, months=months, sums=sums)
        finally:
            remove_tree(writing)
    return settled


def _rows(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    columns_to_publish(connection, "build", table)
    row = connection.execute(f"select count(*) from build.{MARTS}.{identifier(table)}").fetchone()
    assert row is not None
    return int(row[0])


def _published_names(present: dict[str, str | None], tables: Sequence[str] | None) -> list[str]:
    names = (
        [name for name in present if name not in ADDED_BY_PUBLICATION]
        if tables is None
        else list(dict.fromkeys(tables))
    )
    for name in names:
        if not IDENTIFIER.match(name):
            raise LeadproofError(
                f"'{name}' cannot be published under that name.",
                "Use lower-case letters, digits and underscores, at most 63.",
            )
        if name in ADDED_BY_PUBLICATION:
            raise LeadproofError(
                f"Table marts.{name} is written by publication itself.",
                "Take it off the list of published tables.",
            )
    if not names:
        raise LeadproofError(
            "The build database holds no table in schema marts.", "Run leadproof build; it makes the marts."
        )
    return names
