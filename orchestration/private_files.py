"""Files and folders for their owner alone. A small file, such as a key, is there whole or not at all."""

import os
import secrets
from pathlib import Path

_KEY_BYTES = 32


def close_to_others(folder: Path) -> None:
    """Make a folder, or one that is there already, reachable for its owner only.

    Args:
        folder: The folder; what lies above it is created with the usual mode.
    """
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        # An earlier version made the folder for everybody. What its owner took from themselves stays taken.
        folder.chmod(folder.stat().st_mode & 0o700)


def write_private(path: Path, content: bytes) -> None:
    """Write a file with mode 0600, in a folder with mode 0700 if there is none yet.

    Args:
        path: The file; replaced if it is there.
        content: Its bytes.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.writing")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        # The system writes what still fits and says how much; only the next call fails. Half a list of the
        # forgotten in the place of the whole one would let people come back.
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_key(path: Path) -> bytes | None:
    """Read a key.

    Args:
        path: Where it lies.

    Returns:
        The key; None if there is none, or an empty one.
    """
    try:
        return path.read_text(encoding="ascii").strip().encode() or None
    except FileNotFoundError:
        return None


def make_key(path: Path) -> bytes:
    """Draw a new key and keep it.

    Args:
        path: Where it will lie.

    Returns:
        The key.
    """
    key = secrets.token_hex(_KEY_BYTES).encode()
    write_private(path, key + b"\n")
    return key
