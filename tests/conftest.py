"""What tests of several folders share. Imports stand inside: most tests need none of it."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.compiled_world import CompiledWorld


@pytest.fixture(scope="session")
def compiled_world(tmp_path_factory: pytest.TempPathFactory) -> "CompiledWorld":
    """A small warehouse with every model, built once for all processes of a test run. Never write into it."""
    from tests.integration.compiled_world import shared_world

    folder = tmp_path_factory.getbasetemp()
    # Under pytest-xdist each process has a folder of its own below that of the run.
    run = folder.parent if folder.name.startswith("popen-") else folder
    root = run / "compiled_world"
    root.mkdir(exist_ok=True)
    return shared_world(root)
