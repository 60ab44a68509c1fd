"""Each room of the house says what belongs in it, what does not, and gives an example."""

import re

import pytest

from tests.conventions.tree import read, tracked

ROOMS = (
    "orchestration",
    "orchestration/landing",
    "orchestration/release",
    "orchestration/report",
    "orchestration/simulation",
    "dbt_project",
    "models",
    "models/staging",
    "models/intermediate",
    "models/marts",
    "expectations",
    "seeds",
    "tests",
    "docs",
    "benchmarks",
)
"""The rooms. A folder below one of them may have a README of its own; every top-level folder must."""

SHORT = 100


def test_every_top_level_folder_is_a_room() -> None:
    folders = {path.split("/")[0] for path in tracked() if "/" in path and not path.startswith(".")}
    assert folders <= set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_room_says_what_belongs_in_it(room: str) -> None:
    assert f"{room}/README.md" in tracked(), f"{room} has no README.md"
    text = read(f"{room}/README.md")
    assert text.startswith("# ")
    assert len(text.splitlines()) <= SHORT, f"{room}/README.md is no short text"
    assert re.search(r"(?i)\bnot\b|\bnothing\b", text), f"{room}/README.md does not say what stays out"
    assert re.search(r"(?i)\bexample\b|^```|^    \S", text, re.MULTILINE), f"{room}/README.md has no example"
