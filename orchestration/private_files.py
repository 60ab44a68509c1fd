"""Small files for their owner alone, such as keys; a crash leaves all of one or none."""

import os
import secrets
from pathlib import Path

_KEY_BYTES = 32


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
        os.write(handle, content)
        os.fsync(handle)
    finally:
        os.close(handle)
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
