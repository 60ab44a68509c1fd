"""Dependencies between Python modules point one way, so that each layer can be used and tested alone."""

import ast
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.conventions.tree import below, read

LAYERS: tuple[tuple[str, ...], ...] = (
    (
        "orchestration.dbt_child",
        "orchestration.digests",
        "orchestration.errors",
        "orchestration.mentions",
        "orchestration.private_files",
        "orchestration.processes",
        "orchestration.progress",
        "orchestration.text_search",
    ),
    ("orchestration.exhaustion", "orchestration.source_text"),
    ("orchestration.settings", "orchestration.moments"),
    ("orchestration.dbt", "orchestration.salts", "orchestration.suppression"),
    ("orchestration.environment",),
    (
        "expectations",
        "orchestration.landing",
        "orchestration.policy",
        "orchestration.release",
        "orchestration.simulation",
    ),
    ("orchestration.records",),
    ("orchestration.alarms",),
    ("orchestration.notifications",),
    (
        "orchestration.report",
        "orchestration.build_log",
        "orchestration.candidate_diff",
        "orchestration.erasure",
        "orchestration.starting_point",
        "orchestration.increment",
        "orchestration.known_months",
        "orchestration.old_history",
        "orchestration.released_past",
    ),
    ("orchestration.build",),
    ("orchestration.defs",),
    ("orchestration.definitions",),
    ("orchestration.commands",),
    ("orchestration.cli",),
)
"""From the lowest to the highest. A module knows lower layers and its own package; neighbours in one layer do
not know each other."""

DAGSTER = ("dagster", "dagster_*")
KNOW_DAGSTER = {
    "orchestration.definitions": "Assembles what Dagster sees.",
    "orchestration.defs.*": "Is what Dagster sees.",
    "orchestration.commands.build": "Starts the job that the schedule and the UI start.",
}
"""Modules that may import Dagster, and why."""

GREAT_EXPECTATIONS = ("great_expectations",)
KNOW_GREAT_EXPECTATIONS = {
    "expectations.claims.*": "Are its expectations.",
    "expectations.context": "Writes its Data Context.",
    "expectations.docs": "Builds its Data Docs.",
    "expectations.engine": "Adapts its engine to DuckDB.",
}
"""Modules that may import Great Expectations, which takes seconds, and why."""


def _module(path: str) -> str:
    parts = Path(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _sources() -> dict[str, ast.Module]:
    paths = [*below("orchestration", ".py"), *below("expectations", ".py")]
    return {_module(path): ast.parse(read(path)) for path in paths if Path(path).name != "__init__.py"} | {
        f"{_module(path)}.__init__": ast.parse(read(path))
        for path in paths
        if Path(path).name == "__init__.py"
    }


SOURCES = _sources()
_MODULES = set(SOURCES)


def imports(tree: ast.Module) -> Iterator[str]:
    """Every module that is imported anywhere in a file, inside functions and for type checkers too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            assert node.module
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [name for name in names if name in _MODULES or f"{name}.__init__" in _MODULES]
            yield from modules
            if len(modules) < len(names):
                yield node.module


def _place(module: str) -> tuple[int, str] | None:
    """The layer of a module and the entry that puts it there."""
    for number, layer in enumerate(LAYERS):
        for entry in layer:
            if module == entry or module.startswith(f"{entry}."):
                return number, entry
    return None


def _forbidden(module: str, imported: str) -> bool:
    if imported == "orchestration":
        return False  # the package itself holds nothing
    own, other = _place(module), _place(imported)
    if own is None or other is None:
        return False
    return other[1] != own[1] and other[0] >= own[0]


def test_every_module_has_a_layer() -> None:
    assert [module for module in SOURCES if _place(module) is None] == ["orchestration.__init__"]


def test_modules_know_lower_layers_only() -> None:
    found = [
        f"{module} imports {imported}"
        for module, tree in SOURCES.items()
        for imported in imports(tree)
        if imported.split(".")[0] in ("orchestration", "expectations") and _forbidden(module, imported)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("library", "allowed"),
    [(DAGSTER, KNOW_DAGSTER), (GREAT_EXPECTATIONS, KNOW_GREAT_EXPECTATIONS)],
    ids=["dagster", "great_expectations"],
)
def test_library_is_known_where_it_belongs(library: tuple[str, ...], allowed: dict[str, str]) -> None:
    importing = {
        module
        for module, tree in SOURCES.items()
        for imported in imports(tree)
        if any(fnmatchcase(imported.split(".")[0], pattern) for pattern in library)
    }
    elsewhere = {module for module in importing if not any(fnmatchcase(module, each) for each in allowed)}
    assert elsewhere == set()
    unneeded = {each for each in allowed if not any(fnmatchcase(module, each) for module in importing)}
    assert unneeded == set()


def test_the_reference_knows_nothing_but_itself() -> None:
    """What it tells is a second opinion only as long as it is its own."""
    elsewhere = {
        f"{path} imports {imported}"
        for path in below("tests/reference", ".py")
        for imported in imports(ast.parse(read(path)))
        if imported.split(".")[0] not in sys.stdlib_module_names
        and not f"{imported}.".startswith("tests.reference.")
    }
    assert elsewhere == set()


def test_imports_are_found_inside_functions() -> None:
    source = "def late():\n    if True:\n        from orchestration.defs import session\n    import dagster\n"
    assert set(imports(ast.parse(source))) == {"orchestration.defs.session", "dagster"}
    assert _forbidden("orchestration.landing.loading", "orchestration.defs.session")
    assert _forbidden("orchestration.release.store", "orchestration.landing.ledger")
    assert not _forbidden("orchestration.build", "orchestration.landing")
    assert not _forbidden("orchestration.release.store", "orchestration.release.files")
