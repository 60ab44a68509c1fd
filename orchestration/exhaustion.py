"""How the operating system and DuckDB say that a disk is full, for every part that has to tell it."""

import errno

DISK_FULL_CODES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Error numbers of the operating system."""

# The last is DuckDB's own limit on the spill folder, which it calls a want of memory.
_DISK_FULL_TEXTS = ("no space left", "disk quota exceeded", "file too large", "max_temp_directory_size")


def says_disk_full(told: str) -> bool:
    """Say whether a message means that no more can be written.

    Args:
        told: DuckDB's message, or the operating system's in it.

    Returns:
        True for a full disk, quota or spill folder.
    """
    text = told.lower()
    return any(part in text for part in _DISK_FULL_TEXTS)
