"""A short sequence of people forgotten under kills, and that it finds somebody who is left."""

from pathlib import Path

import pytest

from orchestration.erasure import files
from tests.integration.compiled_world import CompiledWorld
from tests.proof.erasures import drive_erasures

pytestmark = pytest.mark.slow


def test_nobody_forgotten_under_kills_is_found_or_comes_back(
    compiled_world: CompiledWorld, tmp_path: Path
) -> None:
    tally = drive_erasures(compiled_world, tmp_path, 3, people=1)
    assert tally["people forgotten"] == tally["rebuilds after everything was sent again"] == 1
    assert tally["kills while forgetting"]


def test_somebody_who_is_left_in_a_file_is_found(
    compiled_world: CompiledWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_away(*_: object, **__: object) -> bool:
        return False

    monkeypatch.setattr(files, "redact_file", look_away)
    monkeypatch.setattr("orchestration.erasure.search._holds", look_away)
    with pytest.raises(AssertionError, match="somebody forgotten is found"):
        drive_erasures(compiled_world, tmp_path, 3, people=1)
