"""Some of the files that `make prove` mutates by the thousand, and that what disappears is noticed."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from orchestration.landing import loading, readers
from tests.proof.files import prove_batch
from tests.proof.races import ACTIONS, prove_races

pytestmark = pytest.mark.slow


def test_every_line_of_mutated_files_is_accounted_for(tmp_path: Path) -> None:
    tally = prove_batch(None, tmp_path, 1, 1, 60)
    assert tally["files"] == 60
    assert tally["lines set aside"]
    assert tally["files refused"]


def _lost_reject(_: Any, *__: Any) -> None:
    """Forget a line instead of setting it aside."""


def _shortened(path: Path, folder: Path) -> Any:
    """Read all but the last line, as a reader does that is stopped by it."""
    copy = folder / "shortened"
    copy.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]) or path.read_bytes())
    return as_utf8(copy, folder)


as_utf8 = loading.as_utf8


@pytest.mark.parametrize(
    ("place", "name", "fault"),
    [(readers.RejectSink, "add", _lost_reject), (loading, "as_utf8", _shortened)],
    ids=["lines not set aside", "last lines not read"],
)
def test_lines_that_disappear_are_noticed(
    tmp_path: Path, place: Any, name: str, fault: Callable[..., Any]
) -> None:
    with (
        patch.object(place, name, fault),
        pytest.raises(AssertionError, match=r"marks are lost|counts otherwise"),
    ):
        prove_batch(None, tmp_path, 1, 1, 20)


def test_files_that_change_while_they_are_read_load_whole_or_not_at_all(tmp_path: Path) -> None:
    tally = prove_races(tmp_path, ("csv",))
    assert tally["races"] == 3 * len(ACTIONS)
    shutil.rmtree(tmp_path)
