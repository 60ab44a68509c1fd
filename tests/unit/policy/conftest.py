"""Fixtures of the policy tests."""

from pathlib import Path

import pytest
from policy_sandbox import Sandbox


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    """The shipped seeds in a folder of their own."""
    return Sandbox(tmp_path)
