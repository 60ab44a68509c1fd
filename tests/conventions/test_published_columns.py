"""What the audit lets a mart publish is what the contracts of the marts declare, column by column."""

from typing import Any

import yaml

from expectations.columns import COLUMNS
from tests.conventions.tree import read


def _declared() -> dict[str, dict[str, str]]:
    contracts: dict[str, Any] = yaml.safe_load(read("models/marts/_marts__models.yml"))
    return {
        model["name"]: {column["name"]: column["data_type"] for column in model["columns"]}
        for model in contracts["models"]
    }


def test_audited_columns_are_those_of_the_contracts() -> None:
    assert {table: dict(columns) for table, columns in COLUMNS.items()} == _declared()
