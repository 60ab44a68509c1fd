"""Every test of an erasure searches folders of its own."""

from tests.fixtures.tools import tools_of_its_own

__all__ = ["tools_of_its_own"]
