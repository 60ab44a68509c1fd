"""The seals of an audit record and of a candidate's description: keyed digests of their bytes.

The key lies in the closed build folder. Whoever can read it can build and publish anyhow; whoever can only
write into the folder of candidates, or edits a record by hand, cannot make one that publication takes.
"""

import hashlib
import hmac
from pathlib import Path

from orchestration.private_files import make_key, read_key, write_private
from orchestration.settings import Settings

KEY_FILE = "audit.key"
SEAL_SUFFIX = ".seal"


def seal_record(settings: Settings, path: Path) -> None:
    """Seal a record that has just been written.

    Args:
        settings: Where the key lies.
        path: The record of an audit, or the description of a candidate.
    """
    key = _key(settings) or make_key(settings.build_db.parent / KEY_FILE)
    write_private(_seal_path(path), _digest(key, path.read_bytes()).encode() + b"\n")


def is_sealed(settings: Settings, path: Path, content: bytes) -> bool:
    """Say whether a record is what this warehouse's audit, or build, wrote.

    Args:
        settings: Where the key lies.
        path: Where the record lies.
        content: Its bytes, as they were read.

    Returns:
        True if its seal belongs to these bytes.
    """
    key, seal = _key(settings), _seal_path(path)
    if key is None or not seal.is_file():
        return False
    return hmac.compare_digest(seal.read_bytes().strip(), _digest(key, content).encode())


def _key(settings: Settings) -> bytes | None:
    return read_key(settings.build_db.parent / KEY_FILE)


def _seal_path(path: Path) -> Path:
    return path.with_suffix(SEAL_SUFFIX)


def _digest(key: bytes, content: bytes) -> str:
    return hmac.new(key, content, hashlib.sha256).hexdigest()
