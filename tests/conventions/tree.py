"""The project as files: what git tracks, and SQL without what is no SQL. Expectations do not belong here."""

import re
import subprocess
from functools import cache
from pathlib import Path

from orchestration.settings import PROJECT_ROOT

_JINJA_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_JINJA_TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_SQL_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


@cache
def tracked() -> tuple[str, ...]:
    """The paths of all tracked files that are there, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    ).stdout
    return tuple(sorted(path for path in listed.split("\0") if path and (PROJECT_ROOT / path).is_file()))


def below(folder: str, suffix: str = "") -> list[str]:
    """The tracked files below a folder, with a suffix."""
    return [path for path in tracked() if path.startswith(f"{folder}/") and path.endswith(suffix)]


@cache
def read(path: str) -> str:
    """A tracked file's text."""
    return (PROJECT_ROOT / path).read_text(encoding="utf-8")


def name_of(path: str) -> str:
    """A file's name without folder and suffix."""
    return Path(path).name.split(".")[0]


def without_comments(sql: str) -> str:
    """A model's text without comments of Jinja or SQL; the line numbers stay."""
    return _blanked(_SQL_COMMENT, _blanked(_JINJA_COMMENT, sql))


def without_jinja(sql: str) -> str:
    """A model's text without comments and without Jinja, in which texts stand between double quotes."""
    return _blanked(_JINJA_TAG, without_comments(sql))


def _blanked(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: "\n" * match.group().count("\n") or " ", text)
