"""The rows of policy tables that name a person: they belong to whoever keeps them, and are only listed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestration.erasure.needles import Needles
from orchestration.policy.reading import FOLDER, file_of
from orchestration.policy.schema import TABLES


@dataclass(frozen=True)
class SeedRow:
    """A row of a policy table.

    Args:
        path: Path of the file, from the project's root.
        row: Line in the file, the header being line 1.
    """

    path: str
    row: int


def rows_naming(root: Path, needles: Needles) -> Iterator[SeedRow]:
    """Find the policy rows that name a person.

    Args:
        root: The project's root folder.
        needles: What tells the person.

    Yields:
        Each row, by file. A file that is not there has none.
    """
    for table in sorted(TABLES):
        path = root / FOLDER / f"{table}.csv"
        if path.is_file():
            for row, line in enumerate(path.read_bytes().splitlines(), start=1):
                if needles.names_in_bytes(line):
                    yield SeedRow(file_of(table), row)
