"""The files that releases share: one Parquet file for each month of a long mart, kept while one needs it.

A file is named after its content and its bytes, and never changed. Whether a month may be taken from an
earlier release is decided by its content digest, and then by the hash of the file itself.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.digests import sha256_of
from orchestration.errors import LeadproofError
from orchestration.private_files import close_to_others
from orchestration.release.database import DATABASE, MARTS, Columns, RowSums, TableDigest, digest_from
from orchestration.release.files import copy_hashed, link, read_json, remove_tree, sync
from orchestration.release.months import Month, months_of, write_months
from orchestration.release.store import release_names
from orchestration.settings import Settings

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class MonthFile:
    """A month of a mart, and the file it lies in.

    Args:
        table: The mart.
        month: The month (``2026-01``), ``undated`` or ``all``.
        rows: Its rows.
        digest: Hex digest of its content.
        file: Name of the file.
        size_bytes: Its size.
        sha256: Hex digest of its bytes.
    """

    table: str
    month: str
    rows: int
    digest: str
    file: str
    size_bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """Table and file, as a path below the folder of shared files."""
        return f"{self.table}/{self.file}"

    def note(self) -> dict[str, Any]:
        """The same for a JSON file, without the table."""
        return {name: value for name, value in asdict(self).items() if name != "table"}


def months_noted(tables: Mapping[str, Any]) -> dict[str, tuple[MonthFile, ...]]:
    """Read months from a candidate's note or a release's manifest.

    Args:
        tables: Its entry ``tables``.

    Returns:
        Months by table, of those that have any.
    """
    return {
        table: tuple(MonthFile(table=table, **month) for month in entry["months"])
        for table, entry in tables.items()
        if entry.get("months")
    }


def settle_months(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    table: str,
    source: str,
    columns: Columns,
    column: str | None,
    writing: Path,
    unchanged: Mapping[int, RowSums],
) -> tuple[TableDigest, tuple[MonthFile, ...], dict[int, RowSums]]:
    """Bring every month of a mart into the shared folder: known ones are kept, the others are written.

    Args:
        connection: Connection that reaches the mart and may write into the shared folder.
        settings: Where the warehouse lies.
        table: The mart.
        source: The mart, as SQL.
        columns: Its columns.
        column: Column that says to which month a row belongs, if any does.
        writing: Empty folder in the shared folder to write into.
        unchanged: Row sums of months that are known to have stayed as they were, by number.

    Returns:
        The whole mart's digest, its months in order, and the row sums of each by number.

    Raises:
        LeadproofError: If a file does not give back what was written into it.
    """
    months = months_of(connection, source, columns, column, unchanged)
    known = _known(settings, table)
    kept = {month.number: known.get((month.label, month.digest)) for month in months}
    kept = {number: file for number, file in kept.items() if file and _is_whole(settings, file)}
    missing = [month for month in months if month.number not in kept]
    written = write_months(connection, settings, source, columns, column, missing, writing)
    for month in missing:
        kept[month.number] = _take_in(settings, table, month, written[month.number])
    sync(settings.shared / table)
    whole = sum((month.sums for month in months), RowSums(0, 0, 0))
    files = tuple(file for month in months if (file := kept[month.number]) is not None)
    sums = {month.number: month.sums for month in months}
    return TableDigest(whole.rows, digest_from(columns, whole)), files, sums


def prepare_shared(settings: Settings, tables: Sequence[str]) -> Path:
    """Make the shared folder ready to be written into.

    Args:
        settings: Where the warehouse lies.
        tables: Marts whose months will be written.

    Returns:
        A new folder in it, for its owner only; what is in it does not count.

    Raises:
        LeadproofError: If readers would look for the files in another place than they are in.
    """
    for table in tables:
        (settings.shared / table).mkdir(parents=True, exist_ok=True)
    check_as_read(settings)
    writing = settings.shared / ".writing"
    remove_tree(writing)
    close_to_others(writing)
    return writing


def check_as_read(settings: Settings) -> None:
    """Make sure that the name under which readers reach the shared files leads to them here as well.

    Args:
        settings: Where the warehouse lies and under which name readers reach it.

    Raises:
        LeadproofError: If it does not.
    """
    if not _is_same_folder(settings.shared_as_read, settings.shared):
        raise LeadproofError(
            f"LEADPROOF_READER_PATH is '{settings.reader_path}', which does not lead to the warehouse here.",
            f"Let it lead to {settings.warehouse}, for example by a symbolic link, or leave it empty.",
        )


def link_months(settings: Settings, months: Sequence[MonthFile], staged: Path) -> dict[str, dict[str, Any]]:
    """Give a release its months: check every file's bytes and let the release hold it, too.

    Args:
        settings: Where the warehouse lies.
        months: The months of the candidate.
        staged: Folder of the release that is being made.

    Returns:
        Size and hash, as found, by path in the release.

    Raises:
        LeadproofError: If a file is missing.
    """
    entries: dict[str, dict[str, Any]] = {}
    for month in months:
        source, target = settings.shared / month.name, staged / MARTS / month.name
        target.parent.mkdir(exist_ok=True)
        try:
            sha256 = sha256_of(source)
            if not link(source, target):
                copied = copy_hashed(source, target)
                sha256 = copied if copied == sha256 else ""
        except FileNotFoundError as error:
            raise LeadproofError(
                f"The file {source}, a month of the candidate, is missing.",
                "Run leadproof build again; the release that readers see is unchanged.",
            ) from error
        entries[f"{MARTS}/{month.name}"] = {"size_bytes": source.stat().st_size, "sha256": sha256}
    return entries


def files_as_viewed(settings: Settings, months: Sequence[MonthFile]) -> list[Path]:
    """List the files of a mart in the order in which its view names them.

    DuckDB expects every file to hold as many rows as the first. Where that was a short month, it took a
    hundred million touches for three, and built the hash table of a join from them instead of from the people
    beside them, which no memory holds. So a month of usual length comes first.

    Args:
        settings: Where readers reach the shared files.
        months: The months of the mart, in order.

    Returns:
        Their files, under the names by which readers reach them.
    """
    usual = sum(month.rows for month in months) / len(months)
    first = min(months, key=lambda month: abs(month.rows - usual))
    ordered = [first, *(month for month in months if month is not first)]
    return [settings.shared_as_read / month.name for month in ordered]


def open_to_readers(settings: Settings, months: Sequence[MonthFile]) -> None:
    """Let readers open months that have passed their audit; for good, they cannot be written any more.

    Args:
        settings: Where the warehouse lies.
        months: The months.
    """
    for month in months:
        (settings.shared / month.name).chmod(0o444)


def sweep_shared(settings: Settings) -> None:
    """Remove shared files that no release and no candidate needs.

    Only for a caller that holds the publication lock.

    Args:
        settings: Where the warehouse lies.
    """
    if not settings.shared.is_dir():
        return
    needed = {*_in_releases(settings), *_in_candidates(settings)}
    for folder in settings.shared.iterdir():
        if folder.name.startswith("."):
            remove_tree(folder)
            continue
        for path in folder.iterdir():
            if f"{folder.name}/{path.name}" not in needed:
                path.unlink()
        sync(folder)
    sync(settings.shared)


def _known(settings: Settings, table: str) -> dict[tuple[str, str], MonthFile]:
    """The months that releases hold, by month and content; the newest release's file wins."""
    known: dict[tuple[str, str], MonthFile] = {}
    for name in release_names(settings):
        manifest = read_json(settings.releases / name / "manifest.json") or {}
        try:
            months = months_noted(manifest.get("tables") or {}).get(table, ())
        except (AttributeError, KeyError, TypeError):
            continue
        for month in months:
            # The name was audited with the bytes; what else a manifest says of a month was not.
            if month.file.startswith(_stem(month.month, month.digest)):
                known.setdefault((month.month, month.digest), month)
    return known


def _stem(month: str, digest: str) -> str:
    return f"{month}-{digest[:16]}-"


def _is_whole(settings: Settings, file: MonthFile) -> bool:
    path = settings.shared / file.name
    if path.is_file() and path.stat().st_size == file.size_bytes and sha256_of(path) == file.sha256:
        return True
    _LOG.warning("The shared file %s is not what was published; its month is written anew.", path)
    return False


def _take_in(settings: Settings, table: str, month: Month, written: Path) -> MonthFile:
    sha256 = sha256_of(written)
    # The same name can only be the same file.
    path = settings.shared / table / f"{_stem(month.label, month.digest)}{sha256[:8]}.parquet"
    # No audit has passed these rows yet: readers may not open them before it has.
    written.chmod(0o400)
    sync(written)
    size = written.stat().st_size
    if path.is_file() and sha256_of(path) == sha256:
        # A release may hold this very file; another one in its place would not be the one it holds.
        written.unlink()
    else:
        written.replace(path)
    return MonthFile(table, month.label, month.sums.rows, month.digest, path.name, size, sha256)


def _in_releases(settings: Settings) -> Iterator[str]:
    # By what lies in their folders, not by their manifests: a damaged one must not lose what could mend it.
    for name in release_names(settings):
        for path in (settings.releases / name / MARTS).glob("*/*.parquet"):
            yield f"{path.parent.name}/{path.name}"


def _in_candidates(settings: Settings) -> Iterator[str]:
    for folder in settings.candidates.iterdir() if settings.candidates.is_dir() else []:
        note = read_json(folder / "candidate.json") if (folder / DATABASE).is_file() else None
        for months in months_noted(note["tables"]).values() if note else []:
            yield from (month.name for month in months)


def _is_same_folder(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
