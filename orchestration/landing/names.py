"""Names of raw tables and columns, made from what files and folders call them.

Which columns a table has, and what they hold, belongs to ``tables``.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence

PROVENANCE = ("_load_id", "_loaded_at", "_observed_at", "_source_file", "_source_row")


def normalise(original: str) -> str:
    """Write a source's column name in lower snake case ASCII.

    Args:
        original: The name as the file has it.

    Returns:
        The name; empty when no letter or digit of it can be written in ASCII.
    """
    plain = unicodedata.normalize("NFKD", original.replace("ß", "ss"))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    name = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
    return f"_{name}" if name[:1].isdigit() else name


def assign_columns(originals: Sequence[str], known: Mapping[str, str]) -> list[str]:
    """Give every column of a file its name in the raw table.

    A name that the table knows exactly keeps its column, wherever it stands in the file; only then are
    names that merely look alike given ``_2``, ``_3`` and so on.

    Args:
        originals: The file's column names, in order.
        known: Column name by original name, as earlier files of the table had them.

    Returns:
        One name per column, all different.
    """
    assigned: dict[int, str] = {}
    taken: set[str] = set(PROVENANCE)
    for position, original in enumerate(originals):
        column = known.get(original)
        if column is not None and column not in taken:
            assigned[position] = column
            taken.add(column)
    owners = {column: original for original, column in known.items()}
    for position, original in enumerate(originals):
        if position in assigned:
            continue
        name = normalise(original)
        if name:
            column = _first_free(name, taken)
        else:
            # Two unwritable names at one position of two files are two columns, not one.
            column = _first_free(f"column_{position + 1}", taken | set(owners))
        assigned[position] = column
        taken.add(column)
    return [assigned[position] for position in range(len(originals))]


def quoted(name: str) -> str:
    """Quote an identifier by DuckDB's rules.

    Args:
        name: Any name.

    Returns:
        The name between double quotes.
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a text by DuckDB's rules.

    Args:
        text: Any text.

    Returns:
        The text between single quotes.
    """
    return "'" + text.replace("'", "''") + "'"


def _first_free(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    return candidate
