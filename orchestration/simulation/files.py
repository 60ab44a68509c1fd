"""Canonical files of the landing folder, written piece by piece.

One file per table and period, the export's date in its name. What the rows say does not belong here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from orchestration.simulation.clock import month_starts, to_datetime

SYSTEM = "leadproof"


@dataclass(frozen=True)
class Period:
    """A part of the world's time and the day on which it is exported.

    Args:
        start: First second.
        end: First second after it.
        exported_on: Date in the file names, ``YYYY-MM-DD``.
    """

    start: int
    end: int
    exported_on: str


def periods(start: int, end: int, *, months: int = 1, first_list: int = 0) -> list[Period]:
    """Cut the world into months, or into groups of them.

    Args:
        start: First second of the world.
        end: Last second of the world.
        months: Calendar months per period.
        first_list: Seconds after which a first list is exported before the months; 0 for no such list.

    Returns:
        Periods whose export dates differ; together they cover everything up to and including ``end``.
    """
    begins = start + first_list
    opens = [start, *([begins] if first_list else [])]
    opens.extend(
        moment for moment in month_starts(start, end)[months::months] if moment > begins + first_list
    )
    # A period that has only just begun would be exported on the same day as the one before it.
    if len(opens) > 1 and to_datetime(opens[-1]).date() == to_datetime(end).date():
        opens.pop()
    closes = [*opens[1:], end + 1]
    days = [to_datetime(min(close, end)).strftime("%Y-%m-%d") for close in closes]
    return [Period(*period) for period in zip(opens, closes, days, strict=True)]


def as_text(table: pa.Table) -> pa.Table:
    """Turn every column into text, as a CSV file holds it.

    Args:
        table: Rows.

    Returns:
        The same rows, all columns text, times as ``YYYY-MM-DD HH:MM:SS``.
    """
    columns = []
    for column in table.columns:
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("s"))
        columns.append(column.cast(pa.string()))
    return pa.table(columns, names=table.column_names)


class TableWriter:
    """Writes one table's files; pieces of several periods may come in any order.

    Args:
        folder: The landing folder.
        table: Name of the source table.
        file_format: ``csv`` or ``parquet``.
    """

    def __init__(self, folder: Path, table: str, file_format: str) -> None:
        self.folder = folder / SYSTEM / table
        self.table = table
        self.file_format = file_format
        self.paths: list[Path] = []
        self._open: dict[Path, tuple[Any, IO[bytes]]] = {}

    def __enter__(self) -> "TableWriter":
        """Open nothing yet; files open with their first piece."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all files."""
        for writer, handle in self._open.values():
            writer.close()
            handle.close()
        self._open.clear()

    def write(self, subfolder: str, exported_on: str, pieces: Sequence[pa.Table | bytes]) -> Path:
        """Append pieces to one file.

        Args:
            subfolder: Folder below the table's, may be empty.
            exported_on: Date in the file name, ``YYYY-MM-DD``.
            pieces: Rows, or raw lines that are no rows (CSV only).

        Returns:
            Path of the file.
        """
        path = self.folder / subfolder / f"{self.table}_{exported_on}.{self.file_format}"
        for piece in pieces:
            if isinstance(piece, bytes):
                self._opened(path, None)[1].write(piece)
            elif len(piece):
                self._opened(path, piece)[0].write_table(piece)
        return path

    def _opened(self, path: Path, piece: pa.Table | None) -> tuple[Any, IO[bytes]]:
        if path in self._open:
            return self._open[path]
        if piece is None:
            raise ValueError("a file must begin with rows, its header comes from them")
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("wb")
        if self.file_format == "csv":
            writer: Any = pa_csv.CSVWriter(handle, piece.schema)
        else:
            coded = [field.name for field in piece.schema if pa.types.is_dictionary(field.type)]
            writer = pa_parquet.ParquetWriter(
                handle, piece.schema, compression="zstd", use_dictionary=coded, write_statistics=True
            )
        self.paths.append(path)
        self._open[path] = (writer, handle)
        return writer, handle
