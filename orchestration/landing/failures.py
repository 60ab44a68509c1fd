"""How loading fails: a file that is refused, a file that moved, a machine that cannot go on.

What a failure does to the run belongs to ``loading``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from orchestration.errors import DISK_FULL, OUT_OF_MEMORY, LeadproofError
from orchestration.exhaustion import DISK_FULL_CODES, says_disk_full


class RefusedFileError(Exception):
    """A file whose content cannot be loaded, now or later.

    Args:
        reason: What is wrong and what to do, without personal data and without the file's name.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnsettledFileError(Exception):
    """A file that vanished, changed or could not be opened while it was read; the next run tries again.

    Args:
        reason: What happened, without personal data and without the file's name.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class IncompleteReadError(Exception):
    """DuckDB's reader and the independent count disagree about a file."""


def is_disk_full(error: BaseException) -> bool:
    """Tell whether an error of the system or of DuckDB means that no more can be written.

    Args:
        error: The error.

    Returns:
        Whether the disk, the quota or the spill folder is full.
    """
    if isinstance(error, OSError) and error.errno in DISK_FULL_CODES:
        return True
    return isinstance(error, duckdb.Error) and says_disk_full(str(error))


@contextmanager
def told_plainly(warehouse: Path) -> Iterator[None]:
    """Turn errors of the disk and of DuckDB into one sentence with the next step.

    DuckDB's own messages may quote values of rows, so only their kind is told.

    Args:
        warehouse: Folder that is being written.

    Yields:
        Nothing.

    Raises:
        LeadproofError: In place of an ``OSError`` or ``duckdb.Error``.
    """
    try:
        yield
    except OSError as error:
        raise _explain_system_error(error, warehouse) from error
    except duckdb.Error as error:
        raise _explain_database_error(error, warehouse) from None


def _explain_system_error(error: OSError, warehouse: Path) -> LeadproofError:
    if is_disk_full(error):
        return _full(warehouse)
    return LeadproofError(
        f"The warehouse folder {warehouse} cannot be written: {(error.strerror or 'unknown error').lower()}.",
        "Give this account write access to it, or point LEADPROOF_WAREHOUSE at another folder.",
    )


def _explain_database_error(error: duckdb.Error, warehouse: Path) -> LeadproofError:
    text = str(error).lower()
    if is_disk_full(error):
        return _full(warehouse)
    if "lock on file" in text or "conflicting lock" in text:
        return LeadproofError(
            "Another process is using the build database.",
            "Wait until it has ended, then run leadproof build again.",
        )
    if any(part in text for part in ("permission denied", "read-only file system", "cannot open file")):
        return LeadproofError(
            f"The build database under {warehouse} cannot be opened for writing.",
            "Give this account write access to it, or point LEADPROOF_WAREHOUSE at another folder.",
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return LeadproofError(
            "Loading ran out of memory.",
            "Raise LEADPROOF_MEMORY_LIMIT or free space under the warehouse folder, then try again.",
            cause=OUT_OF_MEMORY,
        )
    if "not a valid duckdb database" in text or "corrupt" in text or "checksum" in text:
        return LeadproofError(
            f"The build database under {warehouse} is damaged.",
            "Move the folder build out of the warehouse and run leadproof build: it is rebuilt from the"
            " landing files, and the published releases stay as they are.",
        )
    return LeadproofError(
        f"Loading failed in the build database ({type(error).__name__}).",
        "Nothing of the file at hand was loaded; run leadproof build again.",
    )


def _full(warehouse: Path) -> LeadproofError:
    return LeadproofError(
        f"The disk that holds {warehouse} is full.",
        "Free space and run leadproof build again; no file is loaded by half, and none is loaded twice.",
        cause=DISK_FULL,
    )
