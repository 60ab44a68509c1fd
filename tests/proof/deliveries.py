"""Files in the landing folder: written, split, grown, replaced, copied under another name, taken away.

What the rows say does not belong here, nor when they are loaded.
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.proof.events import COLUMNS
from tests.reference.worlds import Row

WAYS_TO_COME_AGAIN = ("under another name", "grown", "replaced", "as at first", "taken away")


@dataclass
class _File:
    table: str
    contents: list[str]

    @property
    def is_csv(self) -> bool:
        return self.contents[0].startswith(COLUMNS[self.table][0])


@dataclass
class Deliveries:
    """A landing folder that fills.

    Args:
        landing: The folder.
    """

    landing: Path
    _files: dict[str, _File] = field(default_factory=dict)
    _written: int = 0

    def __len__(self) -> int:
        return len(self._files)

    def deliver(
        self, table: str, rows: Sequence[Row], *, is_csv: bool, day: str | None, has_broken_line: bool
    ) -> None:
        """Write rows into a file of their own.

        Args:
            table: The rows' table.
            rows: The rows, at least one.
            is_csv: Whether as CSV; else as JSONL.
            day: A date for the path; null for none.
            has_broken_line: Whether a line follows that cannot be parsed.
        """
        self._written += 1
        folder = f"leadproof/{table}/{day}" if day else f"leadproof/{table}"
        path = f"{folder}/{table}_{self._written}.{'csv' if is_csv else 'jsonl'}"
        text = _lines(table, rows, is_csv)
        if has_broken_line:
            text += "broken,line\n" if is_csv else '{"broken": \n'
        self._write(path, _File(table, [_header(table) + text if is_csv else text]))

    def come_again(self, number: int, way: str, waiting: dict[str, list[Row]]) -> None:
        """Let a file come again.

        Args:
            number: Which file, counted from the last.
            way: One of `WAYS_TO_COME_AGAIN`.
            waiting: Rows by table; those with which the file grows, or which replace it, are taken out.
        """
        path = list(self._files)[-1 - number % len(self._files)]
        file = self._files[path]
        if way == "taken away":
            (self.landing / path).unlink()
            del self._files[path]
        elif way == "under another name":
            self._written += 1
            name = Path(path)
            self._write(
                name.with_name(f"{name.stem}_again_{self._written}{name.suffix}").as_posix(),
                _File(file.table, [file.contents[-1]]),
            )
        elif way == "as at first":
            self._write(path, _File(file.table, [*file.contents, file.contents[0]]))
        elif rows := waiting.pop(file.table, []):
            start = file.contents[-1] if way == "grown" else _header(file.table) if file.is_csv else ""
            self._write(
                path, _File(file.table, [*file.contents, start + _lines(file.table, rows, file.is_csv)])
            )

    def _write(self, path: str, file: _File) -> None:
        target = self.landing / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.contents[-1], encoding="utf-8")
        self._files[path] = file


def _header(table: str) -> str:
    return ",".join(COLUMNS[table]) + "\n"


def _lines(table: str, rows: Sequence[Row], is_csv: bool) -> str:
    if not is_csv:
        return "".join(f"{json.dumps({name: row.get(name) for name in COLUMNS[table]})}\n" for row in rows)
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(
        [row.get(name) or "" for name in COLUMNS[table]] for row in rows
    )
    return lines.getvalue()
