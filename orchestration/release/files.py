"""Files that survive a crash: atomic writes, hashes, modes, removal, and disk errors as sentences.

Knows neither DuckDB tables nor releases.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.errors import DISK_FULL, OUT_OF_MEMORY, LeadproofError
from orchestration.exhaustion import DISK_FULL_CODES, says_disk_full

_BLOCK_BYTES = 1 << 20
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
# EPERM is also what file systems without hard links answer.
_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS}
_MEMORY_TEXT = "out of memory error"
_DENIED_TEXTS = ("permission denied", "read-only file system", "operation not permitted")


@contextmanager
def explained(action: str, where: Path) -> Iterator[None]:
    """Turn errors of the disk and of DuckDB into one sentence with the next step.

    Args:
        action: What was being done, as the start of a sentence (``Publishing build b…``).
        where: Folder that the action writes to, named where the error names none.

    Yields:
        Nothing.

    Raises:
        LeadproofError: In place of an ``OSError`` or ``duckdb.Error``.
    """
    try:
        yield
    except OSError as error:
        raise _disk_error(action, error, where) from error
    except duckdb.Error as error:
        raise _database_error(action, error, where) from error


def _disk_error(action: str, error: OSError, where: Path) -> LeadproofError:
    place = error.filename if isinstance(error.filename, str) else str(where)
    if error.errno in DISK_FULL_CODES:
        return _full(action, where)
    if error.errno in _DENIED:
        return _denied(action, place)
    return LeadproofError(
        f"{action} failed at {place}: {(error.strerror or type(error).__name__).lower()}.",
        "Put that path right and try again; the release that readers see is unchanged.",
    )


def _database_error(action: str, error: duckdb.Error, where: Path) -> LeadproofError:
    text = str(error).lower()
    if says_disk_full(text):
        return _full(action, where)
    if any(part in text for part in _DENIED_TEXTS):
        return _denied(action, str(where))
    if "could not set lock" in text or "conflicting lock" in text:
        return LeadproofError(
            f"{action} failed because another process is using the build database.",
            "Wait until that process has ended, then try again.",
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return _out_of_memory(action)
    # Other messages may quote values of rows, so only their kind is told; the cause keeps the full text.
    return LeadproofError(
        f"{action} failed with a DuckDB {type(error).__name__}.",
        "Run again with --debug to see it in full; the release that readers see is unchanged.",
    )


def out_of_resources(told: str, action: str, where: Path) -> LeadproofError | None:
    """Recognise a full disk or too little memory in what DuckDB told another process.

    Args:
        told: DuckDB's message.
        action: What was being done, as the start of a sentence.
        where: Folder that the action writes to.

    Returns:
        The error in its usual words; None if the message is of another kind.
    """
    text = told.lower()
    if says_disk_full(text):
        return _full(action, where)
    return _out_of_memory(action) if _MEMORY_TEXT in text else None


def _full(action: str, where: Path) -> LeadproofError:
    return LeadproofError(
        f"{action} failed because the disk that holds {where} is full.",
        "Free space and try again; the release that readers see is unchanged.",
        cause=DISK_FULL,
    )


def _out_of_memory(action: str) -> LeadproofError:
    return LeadproofError(
        f"{action} ran out of memory.",
        "Raise LEADPROOF_MEMORY_LIMIT, or free space for spilling, and try again.",
        cause=OUT_OF_MEMORY,
    )


def _denied(action: str, place: str) -> LeadproofError:
    return LeadproofError(
        f"{action} failed because {place} may not be written by this account.",
        "Give the account write access to the warehouse folder and try again.",
    )


def utc(moment: datetime) -> datetime:
    """Give a moment the zone UTC.

    Args:
        moment: Any datetime; without a zone it is UTC already.

    Returns:
        The same instant, aware, in UTC.
    """
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def stamp(moment: datetime) -> str:
    """Write a moment for a state file.

    Args:
        moment: Any datetime; without a zone it is UTC.

    Returns:
        ISO text in UTC that ends in ``Z``.
    """
    return utc(moment).replace(tzinfo=None).isoformat() + "Z"


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace a small file in one step, durably.

    Args:
        path: The file; its folder exists.
        content: What it shall hold.
    """
    beside = path.with_name(f".{path.name}.writing")
    with beside.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync(path.parent)


def read_json(path: Path) -> dict[str, Any] | None:
    """Read a small JSON file.

    Args:
        path: The file.

    Returns:
        Its object; ``None`` if the file is absent or holds no JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def sync(path: Path) -> None:
    """Force a file, or a folder's entries, onto the disk.

    Args:
        path: File or folder.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def copy_hashed(source: Path, target: Path) -> str:
    """Copy a file and hash exactly the bytes that were copied.

    Args:
        source: File to read.
        target: File to create.

    Returns:
        The hex SHA-256 of the bytes written.
    """
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("xb") as writer:
        while block := reader.read(_BLOCK_BYTES):
            digest.update(block)
            writer.write(block)
    return digest.hexdigest()


def link(source: Path, target: Path) -> bool:
    """Give a file a second name, so that both are the same bytes on the disk.

    Args:
        source: The file.
        target: Its further name, not taken yet.

    Returns:
        False if the file system has no second names; nothing was done then.
    """
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno in _NO_LINKS:
            return False
        raise
    return True


def seal(folder: Path) -> None:
    """Make a folder and everything in it read-only and force it onto the disk.

    Args:
        folder: The folder; files become 0444, folders 0555.
    """
    for place, _, names in os.walk(folder, topdown=False):
        for name in names:
            path = Path(place, name)
            path.chmod(0o444)
            sync(path)
        Path(place).chmod(0o555)
        sync(Path(place))


def remove_tree(folder: Path) -> None:
    """Remove a folder, read-only or not; one that is absent is fine.

    Args:
        folder: The folder.
    """
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
        return
    if not folder.exists():
        return
    for place, _, _ in os.walk(folder):
        Path(place).chmod(0o700)
    shutil.rmtree(folder)
