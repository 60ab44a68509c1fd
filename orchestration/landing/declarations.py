"""What dbt declares of the raw tables, read from the staging folders without starting dbt.

Only names are read: what the columns mean belongs to ``models/staging``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from orchestration.errors import LeadproofError

TableKey = tuple[str, str]


@dataclass(frozen=True)
class Identity:
    """A column that says who a row is about.

    Args:
        column: The column.
        kind: ``email``, ``contact``, ``anonymous``, ``name`` (of whom the row means, where it gives no id) or
            ``own_name`` (the name by which rows of other tables mean this record).
        prefix: What staging writes before the id.
        no_id: Text that stands for no id.
    """

    column: str
    kind: str
    prefix: str = ""
    no_id: str | None = None


@dataclass(frozen=True)
class DeclaredTable:
    """A raw table as its dbt source declares it.

    Args:
        columns: Normalised column names, in order.
        feeds: Canonical entities that the table feeds.
        identities: Columns that say who a row is about, in order of precedence.
    """

    columns: tuple[str, ...]
    feeds: tuple[str, ...]
    identities: tuple[Identity, ...] = ()


def read_declarations(root: Path, systems: Iterable[str] | None = None) -> dict[TableKey, DeclaredTable]:
    """Read the declared tables of some source systems.

    Args:
        root: The project's root folder, which holds ``models/staging``.
        systems: Source systems to read; None for every one that has a staging folder.

    Returns:
        The tables by (source system, table). A system without a declaration file has none.

    Raises:
        LeadproofError: If a declaration file is no readable YAML.
    """
    staging = root / "models" / "staging"
    if systems is None:
        systems = [folder.name for folder in staging.iterdir() if folder.is_dir()] if staging.is_dir() else []
    declared: dict[TableKey, DeclaredTable] = {}
    for system in sorted(systems):
        for path in sorted((staging / system).glob("*__sources.yml")):
            declared.update(_read_file(path))
    return declared


def _read_file(path: Path) -> dict[TableKey, DeclaredTable]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LeadproofError(
            f"{path} is no readable YAML.", "Repair the file; dbt parse shows the line."
        ) from error
    found: dict[TableKey, DeclaredTable] = {}
    for source in (content or {}).get("sources") or []:
        schema = str(source.get("schema") or source.get("name") or "")
        if not schema.startswith("raw_"):
            continue
        for table in source.get("tables") or []:
            name = str(table.get("identifier") or table["name"])
            found[schema.removeprefix("raw_"), name] = DeclaredTable(
                columns=tuple(str(column["name"]) for column in table.get("columns") or []),
                feeds=tuple(_meta(table).get("feeds") or ()),
                identities=tuple(
                    Identity(
                        str(column["name"]),
                        str(meta["identity"]),
                        str(meta.get("id_prefix") or ""),
                        None if meta.get("no_id") is None else str(meta["no_id"]),
                    )
                    for column in table.get("columns") or []
                    for meta in [_meta(column)]
                    if meta.get("identity")
                ),
            )
    return found


def _meta(table: dict[str, Any]) -> dict[str, Any]:
    return dict((table.get("config") or {}).get("meta") or table.get("meta") or {})
