"""How a database asks what stands in its texts: a rough condition first, then the definition in Python.

What is looked for never stands in a query, so neither its letters nor its number matter there. What a text
names belongs to ``mentions`` and to whoever looks for more.
"""

from collections.abc import Mapping
from itertools import count
from typing import Protocol

import duckdb

_TEXT, _TEXTS, _BYTES = "VARCHAR", "VARCHAR[]", "BLOB"
_NUMBERS = count()


class Searched(Protocol):
    """What is looked for."""

    def names(self, text: str) -> bool:
        """Say whether a text holds it."""

    def names_in_bytes(self, content: bytes) -> bool:
        """Say whether bytes hold it."""

    def cleaned(self, text: str) -> str:
        """Take it out of a text."""


class TextSearch:
    """Conditions and expressions over the columns that a connection reads.

    Args:
        connection: The connection; it keeps the functions that this needs.
        searched: What is looked for.
        pattern: Regular expression of RE2; a text in which it finds nothing is not looked at.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, searched: Searched, pattern: str) -> None:
        number = next(_NUMBERS)
        self._names, self._in_bytes, self._cleaned = (
            f"{name}_{number}" for name in ("names", "names_in_bytes", "cleaned")
        )
        self._pattern = "'" + pattern.replace("'", "''") + "'"
        connection.create_function(self._names, searched.names, [_TEXT], "BOOLEAN")
        connection.create_function(self._in_bytes, searched.names_in_bytes, [_BYTES], "BOOLEAN")
        connection.create_function(self._cleaned, searched.cleaned, [_TEXT], _TEXT)

    def condition(self, expression: str, data_type: str) -> str:
        """Write the condition that a value holds what is looked for.

        Args:
            expression: SQL of the value.
            data_type: Its DuckDB type.

        Returns:
            SQL, never null.
        """
        if data_type == _BYTES:
            return f"coalesce({self._in_bytes}({expression}), false)"
        if data_type == _TEXTS:
            each = self.condition("each", _TEXT)
            return f"coalesce(list_bool_or(list_transform({expression}, lambda each: {each})), false)"
        if not holds_texts(data_type):
            return "false"
        text = _as_text(expression, data_type)
        return f"coalesce({self.may_hold(text)} and {self._names}({text}), false)"

    def any_condition(self, columns: Mapping[str, str]) -> str:
        """Write the condition that some value of a row holds what is looked for.

        Args:
            columns: DuckDB types by SQL of the values.

        Returns:
            SQL, never null.
        """
        conditions = [self.condition(expression, kind) for expression, kind in columns.items()]
        conditions = [condition for condition in conditions if condition != "false"]
        return f"({' or '.join(conditions) or 'false'})"

    def without(self, expression: str, data_type: str) -> str:
        """Write a value with what is looked for taken out.

        Args:
            expression: SQL of the value.
            data_type: Its DuckDB type.

        Returns:
            SQL of the value; null for one from which no words can be taken.
        """
        if not holds_texts(data_type):
            return expression
        if data_type == _TEXTS:
            return f"list_transform({expression}, lambda each: {self.without('each', _TEXT)})"
        if data_type == _TEXT:
            rest = f"{self._cleaned}({expression})"
            return f"case when {self.may_hold(expression)} then {rest} else {expression} end"
        return f"case when {self.condition(expression, data_type)} then null else {expression} end"

    def may_hold(self, text: str) -> str:
        """Write the condition that a text has to be looked at.

        Args:
            text: SQL of the text.

        Returns:
            SQL; true for many texts that hold nothing.
        """
        return f"regexp_matches({text}, {self._pattern})"


def is_indivisible(data_type: str) -> bool:
    """Tell whether values of a DuckDB type may hold words that cannot be taken out of them.

    Args:
        data_type: DuckDB type.

    Returns:
        Whether it is nested, or bytes, JSON or a list of words; plain text is none of them.
    """
    return is_nested(data_type) or data_type.startswith((_BYTES, "JSON", "ENUM(", "VARIANT"))


def is_nested(data_type: str) -> bool:
    """Tell whether values of a DuckDB type hold other values.

    Args:
        data_type: DuckDB type.

    Returns:
        Whether it is a struct, map, union, list or array.
    """
    return data_type.endswith("]") or data_type.startswith(("STRUCT(", "MAP(", "UNION("))


def has_named_parts(data_type: str) -> bool:
    """Tell whether a DuckDB type itself holds names that whoever wrote the data chose.

    Args:
        data_type: DuckDB type.

    Returns:
        Whether it is a struct or union, or holds one.
    """
    return is_nested(data_type) and ("STRUCT(" in data_type or "UNION(" in data_type)


def holds_texts(data_type: str) -> bool:
    """Tell whether values of a DuckDB type may hold words.

    Args:
        data_type: DuckDB type.

    Returns:
        Whether it is text or indivisible.
    """
    return data_type == _TEXT or is_indivisible(data_type)


def _as_text(expression: str, data_type: str) -> str:
    """Write a value as text. A cast of a nested value would escape words in a way of DuckDB's own."""
    if data_type == _TEXT:
        return expression
    if is_nested(data_type) or data_type == "VARIANT":
        return f"cast(to_json({expression}) as varchar)"
    return f"cast({expression} as varchar)"
