"""Names of raw tables and columns, made from what files and folders call them, and how both are told.

A name that is an address or a telephone number stays in the landing folder and in the raw table; reports,
records, logs and Dagster are told its kind and its place. Which columns a table has, and what they hold,
belongs to ``tables``.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from orchestration.source_text import personal_kind

PROVENANCE = ("_load_id", "_loaded_at", "_observed_at", "_source_file", "_source_row")
_ENDING = re.compile(r"\.(csv|tsv|txt|json|jsonl|parquet|xlsx?|xml|zip)(\.gz)?$", re.IGNORECASE)


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


def assign_columns(
    originals: Sequence[str],
    known: Mapping[str, str],
    declared: Collection[str] = (),
    unwritable: Collection[str] = (),
) -> list[str]:
    """Give every column of a file its name in the raw table.

    A name that is declared just so has that column, whatever else the file holds. A name that the table knows
    exactly keeps its column, wherever it stands in the file; only then are names that merely look alike, or
    stand there twice, given ``_2``, ``_3`` and so on. What one file names twice is one column of the next.

    Args:
        originals: The file's column names, in order.
        known: Original name by column name, as earlier files of the table had them.
        declared: Column names that the table is declared to have.
        unwritable: Original names of which no column's name may be made.

    Returns:
        One name per column, all different.
    """
    assigned: dict[int, str] = {}
    taken: set[str] = set(PROVENANCE)
    columns: dict[str, list[str]] = {original: [original] for original in originals if original in declared}
    for column in sorted(known, key=lambda name: (len(name), name)):
        columns.setdefault(known[column], []).append(column)
    for is_declared in (True, False):
        for position, original in enumerate(originals):
            if position in assigned or (is_declared and original not in declared):
                continue
            free = [column for column in columns.get(original, ()) if column not in taken]
            if free:
                assigned[position] = free[0]
                taken.add(free[0])
    for position, original in enumerate(originals):
        if position in assigned:
            continue
        name = "" if original in unwritable else normalise(original)
        # Two unwritable names at one position of two files are two columns, not one.
        without_name = taken | set(known)
        column = first_free(name, taken) if name else first_free(f"column_{position + 1}", without_name)
        assigned[position] = column
        taken.add(column)
    return [assigned[position] for position in range(len(originals))]


def first_free(name: str, taken: Collection[str]) -> str:
    """Give a name that nothing else has.

    Args:
        name: The name wanted.
        taken: Names that are given already.

    Returns:
        The name, with ``_2``, ``_3`` and so on where it is taken.
    """
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    return candidate


def told_name(name: str, place: int | None, given: str) -> str:
    """Write a name so that it may be kept where personal data may not.

    Args:
        name: The name as the source has it.
        place: Its place among its neighbours, 1-based; null if it has none.
        given: What is told of a name that is not personal.

    Returns:
        For example ``<address #3>`` for the third name, if it is one; else ``given``.
    """
    kind = personal_kind(name)
    if kind is None:
        return given
    return f"<{kind}>" if place is None else f"<{kind} #{place}>"


def told_path(path: Path, below: Path) -> str:
    """Write a path so that it may be kept where personal data may not, and still leads to the file.

    Args:
        path: The file or folder.
        below: The landing folder.

    Returns:
        The path below the landing folder. A part of it that holds an address or a telephone number is told
        by its kind, its place in its folder in order of names, and its ending.
    """
    parts: list[str] = []
    folder = below
    for part in path.relative_to(below).parts:
        name, ending = _without_ending(part)
        place = None
        if personal_kind(name) is not None:
            with suppress(OSError):  # whoever takes the folder away meanwhile takes its places with it
                place = sum(each.name <= part for each in folder.iterdir())
        parts.append(told_name(name, place, name) + ending)
        folder /= part
    return "/".join(parts).encode("utf-8", "backslashreplace").decode("utf-8")


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
    # A statement ends at a NUL character, a text does not.
    parts = ["'" + part.replace("'", "''") + "'" for part in text.split("\0")]
    return parts[0] if len(parts) == 1 else f"({' || chr(0) || '.join(parts)})"


def _without_ending(part: str) -> tuple[str, str]:
    """Part a name from its ending: a file that is called by a word, a sign and ``b.csv`` is no address."""
    found = _ENDING.search(part)
    return (part, "") if found is None else (part[: found.start()], found[0])
