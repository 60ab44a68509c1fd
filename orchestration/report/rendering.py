"""Templates and what may pass through them: nothing that looks like an address or a phone number."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from orchestration.report.words import spoken
from orchestration.source_text import clean

_PERSONAL = re.compile(r"[^\s|:/\"'<>]+@[^\s|\"'<>]+|\+\d[\d ().-]{6,}\d")


@cache
def environment() -> jinja2.Environment:
    """The templates of this package, with the filters that every page uses.

    Returns:
        An environment that escapes, cleans and hides what is written, and fails on what is not defined.
    """
    found = jinja2.Environment(
        loader=jinja2.PackageLoader("orchestration.report", "templates"),
        autoescape=lambda name: name is not None and name.endswith((".html.j2",)),
        undefined=jinja2.StrictUndefined,
        finalize=harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"thousands": lambda value: f"{value:,}", "spoken": spoken}
    return found


def harmless(value: Any) -> Any:
    """Let nothing through that looks like an address or a phone number, wherever a source put it.

    Args:
        value: What is about to be written; anything but plain text passes as it is.

    Returns:
        The text, cleaned, with what looks personal hidden.
    """
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return _PERSONAL.sub("(hidden)", clean(value)) if value.strip() else value


def write_page(path: Path, text: str) -> None:
    """Replace a page in one step.

    Args:
        path: The page; its folder is made.
        text: What it shall hold.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.writing")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
