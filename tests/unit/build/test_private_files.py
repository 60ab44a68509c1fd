"""Small files for their owner alone are there whole or not at all, also where a disk ends in the middle."""

from pathlib import Path

import pytest

from orchestration.private_files import make_key, read_key, write_private
from tests.fixtures.little_room import little_room

_ROOM_BYTES = 4096


def test_file_that_does_not_fit_leaves_the_one_before_it(tmp_path: Path) -> None:
    path = tmp_path / "closed" / "suppressed.json"
    write_private(path, b"before")
    with little_room(_ROOM_BYTES), pytest.raises(OSError, match="too large"):
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
