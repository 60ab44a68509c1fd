"""The files of ``seeds/`` as rows with their line numbers, and what a spreadsheet program did to them.

Reading never fails: a file that cannot be read leaves no rows and says why. What the cells may hold is
checked elsewhere.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestration.policy.schema import TABLES, Table

FOLDER = "seeds"


@dataclass(frozen=True)
class PolicyProblem:
    """Something that makes a policy table unusable.

    Args:
        file: Path of the file, from the project's root.
        row: Line in the file, the header being line 1; None when the file as a whole is meant.
        rule: Short name of the rule that is broken.
        message: What is wrong and how to put it right, one sentence.
    """

    file: str
    row: int | None
    rule: str
    message: str

    def __str__(self) -> str:
        """File, row and reason in one line."""
        place = self.file if self.row is None else f"{self.file}, row {self.row}"
        return f"{place}: {self.message}"


@dataclass(frozen=True)
class Row:
    """A row of a policy table.

    Args:
        table: Name of the table.
        line: Line in the file, the header being line 1.
        cells: Text of each cell by column; blank is the empty text.
    """

    table: str
    line: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        """The text of a cell; blank is the empty text."""
        return self.cells[column]


@dataclass(frozen=True)
class Policy:
    """All policy tables as they lie in a folder.

    Args:
        folder: Where the files lie.
        tables: The rows of each table, in the order of the file.
        unreadable: What kept files or lines from being read.
        source_systems: Source systems that have staging models; None when that is not known.
    """

    folder: Path
    tables: Mapping[str, tuple[Row, ...]]
    unreadable: tuple[PolicyProblem, ...] = ()
    source_systems: frozenset[str] | None = None
    unread_tables: frozenset[str] = field(default_factory=frozenset)

    def rows(self, table: str) -> tuple[Row, ...]:
        """The rows of a table."""
        return self.tables.get(table, ())


def read_policy(root: Path) -> Policy:
    """Read every policy table of a project.

    Args:
        root: The project's root folder.

    Returns:
        The tables; what could not be read is told in ``unreadable``.
    """
    staging = root / "models" / "staging"
    systems = (
        frozenset(path.name for path in staging.iterdir() if path.is_dir()) if staging.is_dir() else None
    )
    return read_tables(root / FOLDER, source_systems=systems)


def read_tables(folder: Path, source_systems: frozenset[str] | None = None) -> Policy:
    """Read every policy table that lies in a folder.

    Args:
        folder: Folder with the CSV files.
        source_systems: Source systems that may be named.

    Returns:
        The tables.
    """
    tables: dict[str, tuple[Row, ...]] = {}
    problems: list[PolicyProblem] = []
    unread: set[str] = set()
    for table in TABLES.values():
        rows, found = _read_table(folder / f"{table.name}.csv", table)
        tables[table.name] = tuple(rows)
        problems.extend(found)
        if found:
            unread.add(table.name)
    return Policy(folder, tables, tuple(problems), source_systems, frozenset(unread))


def file_of(table: str) -> str:
    """The path of a table's file as it is told to people."""
    return f"{FOLDER}/{table}.csv"


def _read_table(path: Path, table: Table) -> tuple[list[Row], list[PolicyProblem]]:
    file = file_of(table.name)

    def problem(row: int | None, rule: str, message: str) -> PolicyProblem:
        return PolicyProblem(file, row, rule, message)

    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], [problem(None, "missing_file", "The file is missing; restore it from version control.")]
    except OSError as error:
        return [], [problem(None, "unreadable", f"The file cannot be read: {error.strerror}.")]
    if not content.strip():
        empty = "The file is empty, even its header is gone; restore it from version control."
        return [], [problem(None, "empty_file", empty)]
    damage = _damage(content)
    if damage:
        return [], [problem(None, "spreadsheet_damage", damage)]
    rows: list[Row] = []
    problems: list[PolicyProblem] = []
    try:
        records = _records(content.decode("utf-8"))
        header = next(records, (1, []))[1]
        wrong = _wrong_header(header, table.header)
        if wrong:
            return [], [problem(1, "header", wrong)]
        for line, cells in records:
            told = _wrong_shape(cells, table.header)
            if told:
                problems.append(problem(line, "shape", told))
            else:
                rows.append(Row(table.name, line, dict(zip(table.header, cells, strict=True))))
    except csv.Error as error:
        problems.append(
            problem(None, "unreadable", f"The file is no valid CSV ({error}); check its quotation marks.")
        )
    return rows, problems


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    for cells in reader:
        yield line, cells
        line = reader.line_num + 1


def _damage(content: bytes) -> str | None:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "The file is UTF-16, as a spreadsheet program saves it; save it as CSV in UTF-8."
    if content.startswith(b"\xef\xbb\xbf"):
        return "The file begins with a byte-order mark, as spreadsheet programs write it; save it without."
    if b"\x00" in content:
        return "The file holds NUL bytes and is damaged; restore it from version control."
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return f"The file is not UTF-8 (line {line}); save it as CSV in UTF-8."
    header = content.split(b"\n", 1)[0]
    for delimiter, name in ((b";", "semicolons"), (b"\t", "tabs")):
        if delimiter in header and b"," not in header:
            return (
                f"The cells are separated by {name}, as a spreadsheet program saves them; save with commas."
            )
    return None


def _wrong_header(header: list[str], expected: tuple[str, ...]) -> str | None:
    if tuple(header) == expected:
        return None
    missing = [name for name in expected if name not in header]
    unknown = [name for name in header if name not in expected]
    parts = []
    if missing:
        parts.append(f"lacks {', '.join(missing)}")
    if unknown:
        parts.append("has the unknown " + ", ".join(f"'{name}'" for name in unknown))
    if not parts:
        parts.append("has its columns in another order or twice")
    return f"The header {' and '.join(parts)}; it must be {','.join(expected)}."


def _wrong_shape(cells: list[str], header: tuple[str, ...]) -> str | None:
    if not any(cell.strip() for cell in cells):
        return "The row is empty; delete it."
    if len(cells) != len(header):
        return (
            f"The row has {len(cells)} cells instead of {len(header)}; "
            "a cell that holds a comma needs quotation marks."
        )
    for name, cell in zip(header, cells, strict=True):
        if "\n" in cell or "\r" in cell:
            return f"The cell {name} holds a line break; write it in one line."
        if cell != cell.strip():
            return f"The cell {name} begins or ends with a blank; take it away."
    return None
