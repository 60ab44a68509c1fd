"""A copy of the shipped policy tables that a test may spoil."""

import csv
import io
import shutil
from collections.abc import Callable
from pathlib import Path

from orchestration.policy import PolicyProblem, check_policy, read_policy
from orchestration.policy.schema import TABLES
from orchestration.settings import PROJECT_ROOT


class Sandbox:
    """A project root with the shipped seeds, and edits as RevOps would make them."""

    def __init__(self, root: Path) -> None:
        """Copy the seeds below ``root``."""
        self.root = root
        shutil.copytree(PROJECT_ROOT / "seeds", root / "seeds")
        for system in ("leadproof", "zoho", "olist"):
            (root / "models" / "staging" / system).mkdir(parents=True)

    def path(self, table: str) -> Path:
        """Path of a table's file."""
        return self.root / "seeds" / f"{table}.csv"

    def records(self, table: str) -> list[list[str]]:
        """Header and rows of a table."""
        with self.path(table).open(newline="", encoding="utf-8") as file:
            return list(csv.reader(file))

    def write(self, table: str, records: list[list[str]]) -> None:
        """Replace a table."""
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows(records)
        self.path(table).write_text(buffer.getvalue(), encoding="utf-8")

    def spoil(self, table: str, change: Callable[[bytes], bytes]) -> None:
        """Change the bytes of a file."""
        self.path(table).write_bytes(change(self.path(table).read_bytes()))

    def set(self, table: str, where: dict[str, str], **cells: str) -> int:
        """Change the first row that fits ``where``; return its line."""
        records = self.records(table)
        line = self.line(table, where)
        for name, value in cells.items():
            records[line - 1][records[0].index(name)] = value
        self.write(table, records)
        return line

    def line(self, table: str, where: dict[str, str]) -> int:
        """Line of the first row that fits."""
        records = self.records(table)
        for line, record in enumerate(records[1:], start=2):
            cells = dict(zip(records[0], record, strict=True))
            if all(cells[name] == value for name, value in where.items()):
                return line
        raise AssertionError(f"no row of {table} fits {where}")

    def add(self, table: str, like: dict[str, str] | None = None, **cells: str) -> int:
        """Append a row, copied from one that fits ``like`` or blank; return its line."""
        records = self.records(table)
        row = dict.fromkeys(TABLES[table].header, "")
        if like is not None:
            row = dict(zip(records[0], records[self.line(table, like) - 1], strict=True))
        row |= {"comment": "Added by a test."} | cells
        records.append([row[name] for name in TABLES[table].header])
        self.write(table, records)
        return len(records)

    def delete(self, table: str, where: dict[str, str]) -> int:
        """Delete the first row that fits; return the line it had."""
        records = self.records(table)
        line = self.line(table, where)
        del records[line - 1]
        self.write(table, records)
        return line

    def problems(self) -> list[PolicyProblem]:
        """What is wrong with the tables now."""
        return check_policy(read_policy(self.root))
