"""How a CSV file separates its values, and what its header says.

The file is UTF-8 already; encodings belong to ``inspection``, records to ``records``.
"""

import codecs
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from orchestration.landing.failures import RefusedFileError
from orchestration.landing.inspection import TextFile
from orchestration.landing.names import normalise
from orchestration.landing.records import MAX_RECORD_BYTES, Outcome, RecordReader

DELIMITERS = (b",", b";", b"\t", b"|")
MAX_COLUMNS = 2_000
_SAMPLE_BYTES = 1 << 18
_SAMPLE_RECORDS = 200
_EXCEL_HINT = re.compile(rb"sep=(.)\r?\n", re.IGNORECASE)
_LONE_RETURN = re.compile(rb"\r(?!\n|\Z)")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written.

    Args:
        delimiter: The byte between two values.
        terminator: What ends the header line.
        header: Column names, trimmed.
        body_offset: Where the first record begins, in bytes.
        first_line: 1-based line on which the first record begins.
        has_plain_header: Whether the header is the file's first line and nothing else.
    """

    delimiter: bytes
    terminator: bytes
    header: tuple[str, ...]
    body_offset: int
    first_line: int
    has_plain_header: bool


@dataclass(frozen=True)
class _Reading:
    """What a file would be with one delimiter."""

    delimiter: bytes
    header: tuple[str, ...]
    has_stray_return: bool
    body_offset: int
    expected_names: int
    consistency: float

    @property
    def score(self) -> tuple[int, bool, float, int]:
        return (self.expected_names, len(self.header) > 1, self.consistency, len(self.header))


def recognise(text: TextFile, expected: Collection[str]) -> Dialect:
    """Recognise the delimiter and read the header.

    Args:
        text: The file.
        expected: Normalised column names that the table is known or declared to have.

    Returns:
        The dialect. Of delimiters that fit, the one whose header holds most expected names wins, then the
        one by which most records have as many values as the header.

    Raises:
        RefusedFileError: If there is no header line that could be one.
    """
    sample = _read_sample(text.path)
    start = len(codecs.BOM_UTF8) if text.has_bom else 0
    start, hinted = _skip_preamble(sample, start)
    candidates = (hinted,) if hinted else DELIMITERS
    readings = [
        reading for delimiter in candidates if (reading := _read_with(sample, start, delimiter, expected))
    ]
    if not readings:
        raise RefusedFileError("The file has no readable header line; export it again as CSV.")
    best = max(readings, key=lambda reading: reading.score)
    if best.has_stray_return:
        # Other lines may end with it, too, and then the first rows would be taken for names.
        raise RefusedFileError(
            "The header line holds a carriage return that ends no line; export the file with line feeds."
        )
    _check_header(best.header)
    header_bytes = sample[start : best.body_offset]
    return Dialect(
        delimiter=best.delimiter,
        terminator=b"\r\n" if header_bytes.endswith(b"\r\n") else b"\n",
        header=best.header,
        body_offset=min(best.body_offset, text.path.stat().st_size),
        first_line=sample.count(b"\n", 0, best.body_offset) + 1,
        has_plain_header=sample.count(b"\n", 0, best.body_offset) == 1,
    )


def _read_sample(path: Path) -> bytes:
    with path.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES)
        if b"\n" not in sample:
            sample += file.read(MAX_RECORD_BYTES)
        is_whole = not file.read(1)
    return sample + b"\n" if is_whole and not sample.endswith(b"\n") else sample


def _skip_preamble(sample: bytes, start: int) -> tuple[int, bytes | None]:
    """Skip blank lines and Excel's ``sep=;`` line; return the header's offset and the hinted delimiter."""
    hinted: bytes | None = None
    while True:
        if match := _EXCEL_HINT.match(sample, start):
            hinted = match[1]
            start = match.end()
        elif sample.startswith((b"\n", b"\r\n"), start):
            start = sample.index(b"\n", start) + 1
        else:
            return start, hinted


def _read_with(sample: bytes, start: int, delimiter: bytes, expected: Collection[str]) -> _Reading | None:
    reader = RecordReader(delimiter)
    header = reader.read(sample, start)
    if header.outcome is not Outcome.WHOLE:
        return None
    names = tuple(value.decode("utf-8", "replace").strip() for value in header.values)
    position, fitting, seen = header.end, 0, 0
    while position < len(sample) and seen < _SAMPLE_RECORDS:
        record = reader.read(sample, position)
        if record.outcome is Outcome.CUT:
            break
        seen += 1
        if record.outcome is Outcome.WHOLE:
            fitting += len(record.values) == len(names)
            position = record.end
        else:
            position = sample.find(b"\n", position) + 1
    return _Reading(
        delimiter=delimiter,
        header=names,
        has_stray_return=bool(_LONE_RETURN.search(delimiter.join(header.values))),
        body_offset=header.end,
        expected_names=len({normalise(name) for name in names} & set(expected)),
        consistency=round(fitting / seen, 2) if seen else 1.0,
    )


def _check_header(header: tuple[str, ...]) -> None:
    if not any(header):
        raise RefusedFileError("The first line holds no column names; add a header line.")
    is_cut_quote = len(header) == 1 and '"' in header[0]
    if is_cut_quote or any("\0" in name or "\ufffd" in name for name in header):
        raise RefusedFileError("The header line is damaged; export the file again.")
    if any(_ADDRESS.fullmatch(name) for name in header):
        raise RefusedFileError("The first line looks like data, not like column names; add a header line.")
    if len(header) > MAX_COLUMNS:
        raise RefusedFileError(f"The header names more than {MAX_COLUMNS:,} columns; is this the right file?")
