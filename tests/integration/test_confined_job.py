"""The real job in a closed room: nothing is sent, and a full disk or too little memory ends it clearly."""

from pathlib import Path
from typing import Any

import pytest

from tests.proof.confined import NoNamespaceError, confined
from tests.proof.memory import prove_memory

pytestmark = pytest.mark.slow


def told_in(kind: str, what: str, folder: Path, points: int = 1) -> dict[str, Any]:
    try:
        return confined(kind, what, folder, points=points)
    except NoNamespaceError:
        pytest.skip("This machine gives an ordinary account no namespaces of its own (unshare).")


@pytest.mark.long
def test_demo_sends_nothing(tmp_path: Path) -> None:
    assert told_in("--net", "network", tmp_path / "room") == {"attempts": 0, "released": True}


@pytest.mark.long
def test_full_disk_ends_a_build_clearly_and_the_next_one_mends_it(tmp_path: Path) -> None:
    told = told_in("--mount", "disk", tmp_path / "room", points=3)
    assert told["points"] == told["builds after it that are like an undisturbed one"] == 3
    assert any(name.startswith("full in") for name in told)


@pytest.mark.long
def test_too_little_memory_ends_a_build_clearly_and_the_next_one_mends_it(tmp_path: Path) -> None:
    told = prove_memory(tmp_path / "small", 1, seed=1)
    assert told["points"] == told["builds after it that are like an undisturbed one"] == 1
    assert any(name.startswith("out of memory in") for name in told)
