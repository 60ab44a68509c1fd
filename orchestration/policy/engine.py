r"""Questions to DuckDB, because the models run there: does a pattern compile, how is a file read.

DuckDB's patterns are RE2's, and Python's differ. No values are bound as parameters: that makes DuckDB import
pandas, which takes longer than all checks together.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ASSERTION = re.compile(r"[\^$]|\\[bBAz]")
_LITERALS = re.compile(r"^[\w &/,'-]+(\|[\w &/,'-]+)*$")


def compile_errors(patterns: Sequence[str]) -> list[str | None]:
    """Try to compile patterns.

    Args:
        patterns: RE2 patterns.

    Returns:
        For each pattern None, or what RE2 says against it.
    """
    if not patterns:
        return []
    import duckdb  # here and not above, so that reading policy does not load a database

    errors: list[str | None] = []
    for pattern in patterns:
        try:
            _connection().execute(f"select regexp_matches('', {_quoted(pattern)}, 'i')").fetchone()
            errors.append(None)
        except duckdb.Error as error:
            errors.append(_reason(str(error)))
    return errors


def found(pairs: Sequence[tuple[str, str]]) -> list[bool]:
    """Look for patterns in texts, anywhere, upper and lower case alike.

    Args:
        pairs: Pattern and text; the patterns compile.

    Returns:
        For each pair whether the pattern is found.
    """
    if not pairs:
        return []
    columns = ", ".join(
        f"regexp_matches({_quoted(text)}, {_quoted(pattern)}, 'i')" for pattern, text in pairs
    )
    row = _connection().execute(f"select {columns}").fetchone() or ()
    return [bool(value) for value in row]


def rows_as_loaded(path: Path, header: Sequence[str]) -> list[tuple[str, ...]] | None:
    """Read a file of ``seeds/`` the way dbt does, which lets DuckDB guess how cells are quoted.

    Args:
        path: The file.
        header: Names of its columns.

    Returns:
        The cells of each row, blank as the empty text; None when DuckDB cannot read the file.
    """
    import duckdb

    columns = ", ".join(f'"{name}" varchar' for name in header)
    connection = _connection()
    try:
        connection.execute(f"create or replace temp table seed ({columns})")
        connection.execute(f"copy seed from {_quoted(str(path))} (format csv, header true, delimiter ',')")
        rows = connection.execute("select * from seed").fetchall()
    except duckdb.Error:
        return None
    return [tuple(cell or "" for cell in row) for row in rows]


def literals(pattern: str) -> list[str] | None:
    """The texts that a pattern of plain words matches.

    Args:
        pattern: An RE2 pattern.

    Returns:
        The words of a plain alternation such as ``owner|founder``; None for any other pattern.
    """
    return pattern.split("|") if _LITERALS.match(pattern) else None


def is_extendable(pattern: str) -> bool:
    r"""Whether the pattern, found in a text, is found in every longer text that holds it.

    Args:
        pattern: An RE2 pattern.

    Returns:
        False for patterns that look at what stands around (``^``, ``$``, ``\b``).
    """
    return not _ASSERTION.search(pattern)


@cache
def _connection() -> "DuckDBPyConnection":
    import duckdb

    return duckdb.connect(config={"threads": 1, "preserve_insertion_order": True})


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _reason(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return (lines[0] if lines else "unknown reason").removeprefix("Invalid Input Error: ").rstrip(".")
