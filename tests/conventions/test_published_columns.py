"""What the audit lets a mart publish is what the contracts of the marts declare, column by column."""

import re
from typing import Any

import yaml

from expectations.columns import COLUMNS
from tests.conventions.tree import below, name_of, read, without_comments

_CLOCK = re.compile(r"\bas_of\(")
_MACRO = re.compile(r"\{%-?\s*macro\s+(\w+)\(.*?\{%-?\s*endmacro", re.DOTALL)


def _contracts() -> list[dict[str, Any]]:
    return [
        model
        for path in below("models/marts", "__models.yml")
        for model in yaml.safe_load(read(path))["models"]
    ]


def _declared() -> dict[str, dict[str, str]]:
    return {
        model["name"]: {column["name"]: column["data_type"] for column in model["columns"]}
        for model in _contracts()
    }


def _read_the_clock() -> set[str]:
    """Macros whose text asks for the build's clock."""
    texts = [without_comments(read(path)) for path in below("dbt_project/macros", ".sql")]
    return {
        found.group(1)
        for text in texts
        for found in _MACRO.finditer(text)
        if _CLOCK.search(found.group().split("}", 1)[1])
    }


def test_audited_columns_are_those_of_the_contracts() -> None:
    assert {table: dict(columns) for table, columns in COLUMNS.items()} == _declared()


def test_marts_that_releases_share_by_month_do_not_move_with_the_clock() -> None:
    """A column that does would make every month another file every day. Such columns stand in small marts."""
    texts = {name_of(path): without_comments(read(path)) for path in below("models/marts", ".sql")}
    shared = {
        model["name"] for model in _contracts() if "published_by" in model.get("config", {}).get("meta", {})
    }
    asking = {"as_of", *_read_the_clock()}
    calls = {
        name: {*re.findall(r"\b(\w+)\(", texts[name])} & asking for name in shared | {"suspects", "people"}
    }
    assert calls.pop("suspects") and calls.pop("people"), "these do move, and are found to"
    assert calls == {"touches": set(), "stage_transitions": set()}
