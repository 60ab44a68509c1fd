"""What lies in the landing folder, and which rows of it a build has loaded (section 2, ADR 0015).

Reads CSV and JSONL, plain or gzipped, with the standard library alone. What a row means does not belong here.
Only tables that are appended to (`load_mode: append`) are understood; snapshots are not.
"""

import csv
import gzip
import hashlib
import io
import json
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from tests.reference.values import by_bytes

_READ = (".csv", ".jsonl", ".csv.gz", ".jsonl.gz")
_DATE = re.compile(r"(?<!\d)((?:19|20)\d{2})-?(\d{2})-?(\d{2})(?!\d)")


@dataclass(frozen=True)
class LandedFile:
    """An entry of the ledger.

    Args:
        source_file: Path relative to the landing folder, with slashes.
        version: Which content of that path it is, from 1.
    """

    source_system: str
    source_table: str
    source_file: str
    version: int
    content_hash: str
    load_id: int
    loaded_at: datetime
    observed_at: datetime
    rows: int
    rejects: int


@dataclass(frozen=True)
class LandedRow:
    """One row as it was landed: untyped text by column name.

    Args:
        source_row: Line in the file (CSV) or number of the record (JSONL), from 1; a CSV header is line 1.
        values: Text by column; null where the format has a null. A line that could not be parsed has none.
        error: Why the line could not be parsed; null for a row.
    """

    source_system: str
    source_table: str
    source_file: str
    source_row: int
    file_version: int
    load_id: int
    loaded_at: datetime
    observed_at: datetime
    values: Mapping[str, str | None]
    error: str | None = None

    @property
    def load_order(self) -> tuple[int, bytes, int]:
        """Section 2: load id, then path, then row."""
        return self.load_id, by_bytes(self.source_file), self.source_row


@dataclass(frozen=True)
class Landing:
    """Everything loaded so far."""

    files: tuple[LandedFile, ...] = ()
    rows: tuple[LandedRow, ...] = ()
    tables: frozenset[tuple[str, str]] = field(default_factory=frozenset)


def read_landing(
    folder: Path,
    loaded_at: datetime,
    *,
    earlier: Landing | None = None,
    only: Container[str] | None = None,
) -> Landing:
    """Section 2: load what lies in a landing folder and was not loaded before.

    The same content again, under any name within the same system and table, loads nothing; a known path with
    new content is loaded as a further version. Files are taken in the order of their paths.

    Args:
        folder: The landing folder.
        loaded_at: Time of this load.
        earlier: What earlier loads brought; null for the first load.
        only: Paths, relative to the folder, at which this load got before it was killed; null for all.

    Returns:
        All rows of all loads.
    """
    before = earlier or Landing()
    load_id = max((file.load_id for file in before.files), default=0) + 1
    files, rows = list(before.files), list(before.rows)
    for path in _paths(folder):
        source_file = path.relative_to(folder).as_posix()
        if only is not None and source_file not in only:
            continue
        system, table = PurePosixPath(source_file).parts[:2]
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        content_hash = hashlib.sha256(content).hexdigest()
        if any(
            (file.source_system, file.source_table, file.content_hash) == (system, table, content_hash)
            for file in files
        ):
            continue
        version = sum(file.source_file == source_file for file in files) + 1
        observed_at = _observed_at(source_file) or loaded_at
        is_csv = ".csv" in path.suffixes[-2:]
        read = [
            LandedRow(
                system, table, source_file, number, version, load_id, loaded_at, observed_at, values, error
            )
            for number, values, error in (_csv_rows if is_csv else _json_rows)(content.decode("utf-8-sig"))
        ]
        rejects = sum(row.error is not None for row in read)
        files.append(
            LandedFile(
                system,
                table,
                source_file,
                version,
                content_hash,
                load_id,
                loaded_at,
                observed_at,
                len(read) - rejects,
                rejects,
            )
        )
        rows.extend(read)
    return Landing(
        tuple(files), tuple(rows), frozenset((file.source_system, file.source_table) for file in files)
    )


def landing_of(
    tables: Mapping[str, Sequence[Mapping[str, str | None]]],
    loaded_at: datetime,
    *,
    source_system: str = "leadproof",
) -> Landing:
    """Make a landing of hand-made rows: one file per table, rows from line 2 on."""
    files: list[LandedFile] = []
    rows: list[LandedRow] = []
    for table, of_table in tables.items():
        path = f"{source_system}/{table}/{table}.csv"
        files.append(
            LandedFile(source_system, table, path, 1, path, 1, loaded_at, loaded_at, len(of_table), 0)
        )
        rows.extend(
            LandedRow(source_system, table, path, number, 1, 1, loaded_at, loaded_at, dict(values))
            for number, values in enumerate(of_table, start=2)
        )
    return Landing(
        tuple(files), tuple(rows), frozenset((file.source_system, file.source_table) for file in files)
    )


def _paths(folder: Path) -> list[Path]:
    """Section 2: the files that are read; no name on their way may begin with ``.`` or ``_``."""
    found = []
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if not path.is_file() or len(parts) < 3 or any(part[0] in "._" for part in parts):
            continue
        if path.name.endswith((".tmp", ".part", ".crdownload")):
            continue
        if path.name.endswith((".parquet", ".parquet.gz")):
            raise ValueError(f"{path}: the reference reads no Parquet")
        if path.name.endswith(_READ):
            found.append(path)
    return sorted(found, key=lambda path: by_bytes(path.relative_to(folder).as_posix()))


def _observed_at(source_file: str) -> datetime | None:
    """ADR 0015: the last date of the deepest part of the path that has one."""
    for part in reversed(PurePosixPath(source_file).parts[2:]):
        for year, month, day in reversed(_DATE.findall(part)):
            try:
                return datetime(int(year), int(month), int(day))
            except ValueError:
                continue
    return None


Parsed = tuple[int, Mapping[str, str | None], str | None]


def _csv_rows(text: str) -> Iterator[Parsed]:
    """Section 2: lines that cannot be parsed structurally are kept with their number and error."""
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    header = [_column_name(name) for name in next(lines, [])]
    while True:
        begins = lines.line_num + 1
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            yield begins, {}, str(error)
            continue
        if not cells:
            continue
        if len(cells) != len(header):
            yield begins, {}, f"{len(cells)} fields instead of {len(header)}"
            continue
        yield begins, {name: cell or None for name, cell in zip(header, cells, strict=True)}, None


def _json_rows(text: str) -> Iterator[Parsed]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            yield number, {}, str(error)
            continue
        if not isinstance(record, dict):
            yield number, {}, "not an object"
            continue
        yield number, {_column_name(name): _json_text(value) for name, value in record.items()}, None


def _json_text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def _column_name(name: str) -> str:
    """ADR 0007: names of raw columns are lower snake case."""
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")
