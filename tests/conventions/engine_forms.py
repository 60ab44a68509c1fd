"""Dispatched macros in the form for one engine, rendered without dbt. Expectations do not belong here."""

import re
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import jinja2

from tests.conventions.tree import below, read

DEFAULT, DUCKDB = "default", "duckdb"
_DISPATCH = re.compile(r"adapter\.dispatch\('(\w+)', 'leadproof'\)")
_MACRO = re.compile(r"{%-?\s*macro\s+(\w+)\(")


@cache
def dispatched() -> dict[str, str]:
    """Every dispatched macro, with its file."""
    return {
        name: path for path in below("dbt_project/macros", ".sql") for name in _DISPATCH.findall(read(path))
    }


@cache
def forms() -> dict[str, set[str]]:
    """The engines for which each macro has a form of its own; none for a macro that is not dispatched."""
    found: dict[str, set[str]] = {}
    for path in below("dbt_project/macros", ".sql"):
        for name in _MACRO.findall(read(path)):
            engine, _, macro = name.partition("__")
            if macro:
                found.setdefault(macro, set()).add(engine)
    return found


def render(form: str, macro: str, *arguments: Any) -> str:
    """Write a macro's SQL in one form, and in the same form whatever it calls."""
    rendered: Callable[..., str] = getattr(_module(form), f"{form}__{macro}")
    return rendered(*arguments).strip()


def render_file(form: str, path: str, macro: str, *arguments: Any) -> str:
    """Write the SQL of a macro of a file that only calls dispatched ones, in one form."""
    rendered: Callable[..., str] = getattr(_module(form, path), macro)
    return rendered(*arguments).strip()


@cache
def _module(form: str, *further: str) -> Any:
    paths = {*dispatched().values(), *further}
    source = "\n".join(read(path) for path in sorted(paths))
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], undefined=jinja2.StrictUndefined)

    def dispatch(macro: str, package: str) -> Any:
        assert package == "leadproof"
        return getattr(module, f"{form}__{macro}", None) or getattr(module, f"{DEFAULT}__{macro}")

    environment.globals |= {
        "adapter": SimpleNamespace(dispatch=dispatch),
        "return": lambda value: value,
        "dbt": SimpleNamespace(type_string=lambda: "text"),
    }
    module = environment.from_string(source).module
    return module
