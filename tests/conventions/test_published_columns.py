"""What the audit lets a mart publish is what the contracts of the marts declare, column by column."""

from typing import Any

import yaml

from expectations.columns import COLUMNS
from tests.conventions.tree import below, read


def _declared() -> dict[str, dict[str, str]]:
    contracts: list[dict[str, Any]] = [
        model
        for path in below("models/marts", "__models.yml")
        for model in yaml.safe_load(read(path))["models"]
    ]
    return {
        model["name"]: {column["name"]: column["data_type"] for column in model["columns"]}
        for model in contracts
    }


def test_audited_columns_are_those_of_the_contracts() -> None:
    assert {table: dict(columns) for table, columns in COLUMNS.items()} == _declared()
