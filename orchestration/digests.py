"""What bytes are called: the digest of a file, and of a database together with the files that its views read.

The audit and publication both name a candidate by it, each from the bytes that it has read itself.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path


def sha256_of(path: Path) -> str:
    """Hash a file.

    Args:
        path: The file.

    Returns:
        The hex digest of its bytes.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_with_shared(database: str, shared: Mapping[str, str]) -> str:
    """Bind a database and the files that its views read into one digest.

    Args:
        database: Hex digest of the database's bytes.
        shared: Hex digest by file name; empty if the database holds everything itself.

    Returns:
        The database's own digest if it stands alone; else one that changes when any file changes, comes or
        goes.
    """
    if not shared:
        return database
    lines = [f"{database}\n", *(f"{digest} {name}\n" for name, digest in sorted(shared.items()))]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
