"""What tests of several folders share. Imports stand inside: most tests need none of it."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.compiled_world import CompiledWorld

_LONGEST = "test_cli_build.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the file that takes longest; it needs no compiled world, for which others would wait."""
    items.sort(key=lambda item: item.path.name != _LONGEST)


@pytest.fixture(scope="session")
def compiled_world(tmp_path_factory: pytest.TempPathFactory) -> "CompiledWorld":
    """A small warehouse with every model, built once for all processes of a test run. Never write into it."""
    from tests.integration.compiled_world import shared_world

    return shared_world(_folder_of_run(tmp_path_factory, "compiled_world"))


@pytest.fixture(scope="session")
def empty_compiled_world(tmp_path_factory: pytest.TempPathFactory) -> "CompiledWorld":
    """The canonical system's compiled models and nothing loaded, for all processes. Never write into it."""
    from tests.integration.compiled_world import empty_world

    return empty_world(_folder_of_run(tmp_path_factory, "empty_compiled_world"))


@pytest.fixture
def own_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands that run in this process print to its present stdout, not to that of their import."""
    from orchestration.commands import console

    monkeypatch.setattr(console.out, "_file", None)


def _folder_of_run(factory: pytest.TempPathFactory, name: str) -> "Path":
    folder = factory.getbasetemp()
    # Under pytest-xdist each process has a folder of its own below that of the run.
    root = (folder.parent if folder.name.startswith("popen-") else folder) / name
    root.mkdir(exist_ok=True)
    return root
