"""Small files for their owner alone are there whole or not at all, also where a disk ends in the middle."""

import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.private_files import make_key, read_key, write_private

_ROOM_BYTES = 4096


@pytest.fixture
def little_room() -> Iterator[None]:
    """A limit that a write meets in the middle, as it meets the end of a disk: what fits is written first."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_ROOM_BYTES, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, ignored)


def test_file_that_does_not_fit_leaves_the_one_before_it(tmp_path: Path, little_room: None) -> None:
    path = tmp_path / "closed" / "suppressed.json"
    write_private(path, b"before")
    with pytest.raises(OSError, match="too large"):
        write_private(path, b"x" * 2 * _ROOM_BYTES)
    assert path.read_bytes() == b"before"
    write_private(path, b"after")
    assert path.read_bytes() == b"after"
    assert [each.name for each in path.parent.iterdir()] == ["suppressed.json"]


def test_file_and_folder_are_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "closed" / "some.key"
    key = make_key(path)
    assert read_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
