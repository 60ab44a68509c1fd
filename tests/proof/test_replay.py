"""One of the worlds that `make prove` tells in other files, and that a difference is noticed."""

from pathlib import Path
from unittest.mock import patch

import pytest

from tests.integration.compiled_world import CompiledWorld
from tests.proof import replay

pytestmark = pytest.mark.slow


def test_marts_do_not_depend_on_how_rows_are_spread_over_files(
    empty_compiled_world: CompiledWorld, tmp_path: Path
) -> None:
    tally = replay.replay(empty_compiled_world, tmp_path, 4, 1)
    assert tally["ways"] == 1
    assert tally["files retold"] > tally["files"]


@pytest.mark.long
def test_a_lost_piece_is_noticed(empty_compiled_world: CompiledWorld, tmp_path: Path) -> None:
    whole = replay._split

    def short(*arguments):
        return whole(*arguments)[:1]

    with patch.object(replay, "_split", short), pytest.raises(AssertionError, match="differ"):
        replay.replay(empty_compiled_world, tmp_path, 4, 1)
