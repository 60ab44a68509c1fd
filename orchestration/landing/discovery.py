"""Which files lie in the landing folder, and what their paths say.

Nothing is opened here: what is inside a file belongs to ``inspection`` and the readers.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from orchestration.errors import LeadproofError
from orchestration.landing.names import told_path
from orchestration.landing.report import DriftNote
from orchestration.settings import IDENTIFIER, PROJECT_ROOT, Settings

FORMATS = ("csv", "parquet", "jsonl")
_IGNORED_STARTS = (".", "_")
_IGNORED_ENDS = (".tmp", ".part", ".crdownload")
_FILE_NAME = re.compile(r"\.(csv|parquet|jsonl)(\.gz)?$", re.IGNORECASE)
_DATE = re.compile(r"(?<!\d)(\d{4})([-_.]?)(\d{2})\2(\d{2})(?!\d)")
_DATE_FOLDERS = re.compile(
    r"(?:^|/)(?:year=|y=)?(\d{4})/(?:month=|m=)?(\d{1,2})/(?:day=|d=)?(\d{1,2})(?=/)", re.IGNORECASE
)
_YEARS = range(1990, 2100)
_CLOSED = "closed_folder"


@dataclass(frozen=True)
class LandingFile:
    """A file that the loader may read.

    Args:
        path: Where it lies.
        relative_path: Its path below the landing folder, with ``/``, as the ledger knows it.
        told_path: The same as it is told: names in it that are addresses or telephone numbers are hidden.
        source_system: First folder below the landing folder.
        source_table: Second folder.
        format: ``csv``, ``parquet`` or ``jsonl``.
        is_compressed: Whether the name ends in ``.gz``.
        size_bytes: Size in bytes.
        mtime_ns: Modification time in nanoseconds.
        named_date: The date in the file's name or path (UTC midnight); null without one.
    """

    path: Path
    relative_path: str
    told_path: str
    source_system: str
    source_table: str
    format: str
    is_compressed: bool
    size_bytes: int
    mtime_ns: int
    named_date: datetime | None


@dataclass
class Survey:
    """What lies in the landing folder.

    Args:
        files: Readable files of systems that are on or unknown, ordered by date in the name, then path.
        drift: Folders and files whose names cannot be used, and folders that cannot be read.
        systems_off: Known source systems that have files but are switched off.
        systems_unknown: Systems that have files but no staging folder.
        systems_empty: Systems that are on and have no file, as far as their folders can be read.
    """

    files: list[LandingFile] = field(default_factory=list)
    drift: list[DriftNote] = field(default_factory=list)
    systems_off: list[str] = field(default_factory=list)
    systems_unknown: list[str] = field(default_factory=list)
    systems_empty: list[str] = field(default_factory=list)


def discover(settings: Settings) -> list[LandingFile]:
    """List the files that the loader would look at.

    Args:
        settings: Where the landing folder lies and which systems are on.

    Returns:
        The files, ordered by the date in their names, then by path.

    Raises:
        LeadproofError: If there is no landing folder.
    """
    return survey(settings).files


def survey(settings: Settings, root: Path = PROJECT_ROOT) -> Survey:
    """Look at everything in the landing folder.

    Args:
        settings: Where the landing folder lies and which systems are on.
        root: The project's root folder; its staging folders are the known source systems.

    Returns:
        Files, unusable names, and systems that are off, unknown or empty.

    Raises:
        LeadproofError: If there is no landing folder or it cannot be listed.
    """
    landing = settings.landing
    if not landing.is_dir():
        raise LeadproofError(
            f"The landing folder {landing} does not exist.",
            "Create it and drop files under <source_system>/<table>/, or point LEADPROOF_LANDING at yours.",
        )
    found = Survey()
    try:
        for system in _entries(landing):
            named = system.name if IDENTIFIER.match(system.name) else None
            is_folder = _is_folder(system, landing, named, found)
            if is_folder:
                _survey_system(system, settings, root, found)
            elif is_folder is False:
                found.drift.append(_misplaced(landing, system, None))
    except OSError as error:
        raise LeadproofError(
            f"The landing folder {landing} cannot be read: {(error.strerror or 'unknown error').lower()}.",
            "Give this account read access to it.",
        ) from error
    found.files.sort(key=lambda file: (file.named_date or datetime.max, file.relative_path))
    seen = {file.source_system for file in found.files}
    # Of a folder that cannot be read nobody knows whether it is empty; that is told already.
    seen |= {note.source_system or "" for note in found.drift if note.kind == _CLOSED}
    found.systems_empty = [system for system in settings.source_systems if system not in seen]
    return found


def named_date(relative_path: str) -> datetime | None:
    """Read the date that a path names: the file's name first, then its folders from the deepest.

    Args:
        relative_path: Path below the table's folder, with ``/``.

    Returns:
        Midnight (UTC) of the last date in the most specific part that has one; null without one. A
        number that is no calendar date between 1990 and 2099 is none.
    """
    *folders, name = relative_path.split("/")
    for part in (name, *reversed(folders)):
        dates = [
            date
            for match in _DATE.finditer(part)
            if (date := _calendar_date(match[1], match[3], match[4])) is not None
        ]
        if dates:
            return dates[-1]
    for match in reversed(list(_DATE_FOLDERS.finditer("/".join(folders) + "/"))):
        if (date := _calendar_date(match[1], match[2], match[3])) is not None:
            return date
    return None


def _survey_system(folder: Path, settings: Settings, root: Path, found: Survey) -> None:
    system = folder.name
    if not IDENTIFIER.match(system):
        found.drift.append(_unusable(settings.landing, folder, None, "source system"))
        return
    is_known = (root / "models" / "staging" / system).is_dir()
    if is_known and system not in settings.source_systems:
        if any(_FILE_NAME.search(path.name) for path, _ in _walk(folder, lambda *_: None)):
            found.systems_off.append(system)
        return
    before = len(found.files)
    try:
        tables = _entries(folder)
    except OSError as error:
        _note_closed(folder, error, settings.landing, system, found)
        return
    for table in tables:
        is_folder = _is_folder(table, settings.landing, system, found)
        if is_folder is None:
            continue
        if not is_folder:
            found.drift.append(_misplaced(settings.landing, table, system))
        elif not IDENTIFIER.match(table.name):
            found.drift.append(_unusable(settings.landing, table, system, "table"))
        else:
            _survey_table(table, settings.landing, system, found)
    if not is_known and len(found.files) > before:
        found.systems_unknown.append(system)


def _survey_table(folder: Path, landing: Path, system: str, found: Survey) -> None:
    def closed(path: Path, error: OSError) -> None:
        _note_closed(path, error, landing, system, found)

    for path, status in _walk(folder, closed):
        relative = path.relative_to(landing).as_posix()
        match = _FILE_NAME.search(path.name)
        if match is None or not _is_text(relative):
            reason = (
                f"is not read: its name ends in none of {', '.join('.' + each for each in FORMATS)} (.gz)."
                if match is None
                else "is not read: its name is no valid UTF-8; rename it."
            )
            found.drift.append(
                DriftNote(
                    "unusable_name", system, folder.name, f"The file {reason}", told_path(path, landing)
                )
            )
            continue
        found.files.append(
            LandingFile(
                path=path,
                relative_path=relative,
                told_path=told_path(path, landing),
                source_system=system,
                source_table=folder.name,
                format=match[1].lower(),
                is_compressed=match[2] is not None,
                size_bytes=status.st_size,
                mtime_ns=status.st_mtime_ns,
                named_date=named_date(path.relative_to(folder).as_posix()),
            )
        )


def _entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not _is_ignored(path.name))


def _walk(folder: Path, closed: Callable[[Path, OSError], None]) -> Iterator[tuple[Path, os.stat_result]]:
    # Linked folders are followed, because exports are often mounted elsewhere; a link that leads back into
    # a folder being walked would never end.
    seen: set[str] = set()
    for parent, folders, files in os.walk(
        folder, onerror=lambda error: closed(Path(os.fsdecode(error.filename)), error), followlinks=True
    ):
        real = os.path.realpath(parent)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not _is_ignored(name))
        for name in sorted(files):
            if _is_ignored(name):
                continue
            path = Path(parent) / name
            try:
                status = path.stat()
            except OSError as error:
                closed(path, error)
                continue
            if stat.S_ISREG(status.st_mode):
                yield path, status


def _is_folder(path: Path, landing: Path, system: str | None, found: Survey) -> bool | None:
    """Whether it is one; null, and noted, if that cannot be told."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError as error:
        _note_closed(path, error, landing, system, found)
        return None


def _note_closed(path: Path, error: OSError, landing: Path, system: str | None, found: Survey) -> None:
    """Note what cannot be looked at, once for each folder: what lies beside it is loaded all the same."""
    why = (error.strerror or "unknown error").lower()
    try:
        mode = path.lstat().st_mode
    except OSError:
        mode = 0  # below a folder that may be listed but not entered: that folder is at fault
    if stat.S_ISLNK(mode):
        told = (
            f"The link '{told_path(path, landing)}' leads to nothing that can be read ({why}), so nothing is"
            " loaded from it; mend it or take it away."
        )
    elif isinstance(error, FileNotFoundError):
        return  # taken away since its folder was listed: there is nothing to load
    else:
        folder = path if stat.S_ISDIR(mode) else path.parent
        if folder == landing:
            raise error
        told = (
            f"The folder '{told_path(folder, landing)}' cannot be read ({why}), so nothing in it is loaded;"
            " give this account read access to it."
        )
    note = DriftNote(_CLOSED, system, None, told)
    if note not in found.drift:
        found.drift.append(note)


def _is_ignored(name: str) -> bool:
    return name.startswith(_IGNORED_STARTS) or name.lower().endswith(_IGNORED_ENDS)


def _calendar_date(year: str, month: str, day: str) -> datetime | None:
    if int(year) not in _YEARS:
        return None
    try:
        return datetime(int(year), int(month), int(day))
    except ValueError:
        return None


def _unusable(landing: Path, folder: Path, system: str | None, what: str) -> DriftNote:
    return DriftNote(
        "unusable_name",
        system,
        None,
        f"The folder '{told_path(folder, landing)}' is not read: the name of a {what} is made of"
        " lower-case letters, digits and underscores and begins with a letter; rename it.",
    )


def _misplaced(landing: Path, path: Path, system: str | None) -> DriftNote:
    return DriftNote(
        "unusable_name",
        system,
        None,
        "The file is not read: files lie under <source_system>/<table>/.",
        told_path(path, landing),
    )


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
