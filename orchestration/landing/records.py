"""Where each record of a text file begins, which records are whole, and which must be set aside.

This is the independent count that DuckDB's reader is held against, and what keeps an unterminated quote
from swallowing the lines after it. Regular stretches of a file are judged with array operations, a block
at a time; only around an irregularity are records taken one by one. Values are DuckDB's business.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 1 << 20
MAX_RECORD_BYTES = 2_000_000  # DuckDB's own default for max_line_size
_RECORDS_AFTER_IRREGULARITY = 20
_WINDOW_AFTER_IRREGULARITY = 1 << 14
_LF, _CR, _QUOTE = 10, 13, 34

Positions = NDArray[np.int64]
RejectSink = Callable[[int, str, bytes], None]


@dataclass(frozen=True)
class Layout:
    r"""How the records of a file are written.

    Args:
        delimiter: The byte between two values; None if each line is one value (JSONL).
        columns: Values that a record must have.
        terminator: What ends the header line, and so every record: ``\n`` or ``\r\n``.
        has_bad_text: Whether some bytes of the file are no UTF-8.
    """

    delimiter: bytes | None
    columns: int
    terminator: bytes = b"\n"
    has_bad_text: bool = False


class LineMap:
    """On which physical line each record begins, kept as the few places where the distance changes."""

    def __init__(self) -> None:
        self.records = 0
        self._last_distance: int | None = None
        self._starts: list[Positions] = []
        self._distances: list[Positions] = []

    def append(self, lines: Positions) -> None:
        """Add the next records.

        Args:
            lines: The 1-based line on which each begins.
        """
        if not lines.size:
            return
        distances = lines - np.arange(self.records, self.records + lines.size)
        is_change = np.empty(lines.size, dtype=bool)
        is_change[0] = self._last_distance is None or distances[0] != self._last_distance
        is_change[1:] = distances[1:] != distances[:-1]
        changes = np.flatnonzero(is_change)
        self._starts.append(changes + self.records)
        self._distances.append(distances[changes])
        self._last_distance = int(distances[-1])
        self.records += int(lines.size)

    @property
    def constant_distance(self) -> int | None:
        """Line minus 0-based record number if it is the same for all records, else None."""
        distances = np.concatenate(self._distances) if self._distances else np.zeros(1, dtype=np.int64)
        return int(distances[0]) if distances.size == 1 else None

    def lines(self) -> Positions:
        """Return the line of every record, in order."""
        if not self._starts:
            return np.zeros(0, dtype=np.int64)
        starts, distances = np.concatenate(self._starts), np.concatenate(self._distances)
        lengths = np.diff(np.append(starts, self.records))
        return np.repeat(distances, lengths) + np.arange(self.records)


class CleanCopy:
    """A copy of the accepted records, begun only when something has to be left out.

    Args:
        source: The file being scanned.
        target: Where the copy goes.
        body_offset: Where in the source the records begin, in bytes.
        header: A header line with its terminator, from which DuckDB learns how lines end before it meets a
            quoted line break of another kind; empty for lines of one value.
    """

    def __init__(self, source: Path, target: Path, body_offset: int, header: bytes) -> None:
        self._source = source
        self._target = target
        self._body_offset = body_offset
        self._header = header
        self._file: BinaryIO | None = None

    @property
    def path(self) -> Path | None:
        """The copy; None if the source can be read as it is."""
        return self._target if self._file is not None else None

    @property
    def is_active(self) -> bool:
        """Whether accepted records have to be written."""
        return self._file is not None

    def start(self, upto: int) -> None:
        """Begin the copy with everything accepted so far; does nothing if it is under way.

        Args:
            upto: Offset in the source before which every record was accepted as it stands, in bytes.
        """
        if self._file is not None:
            return
        self._file = self._target.open("wb")
        self._file.write(self._header)
        with self._source.open("rb") as source:
            source.seek(self._body_offset)
            remaining = upto - self._body_offset
            while remaining > 0 and (block := source.read(min(BLOCK_BYTES, remaining))):
                self._file.write(block)
                remaining -= len(block)

    def write(self, data: bytes | memoryview) -> None:
        """Write accepted bytes.

        Args:
            data: Whole records with their terminators.
        """
        assert self._file is not None
        self._file.write(data)

    def close(self) -> None:
        """Finish the copy."""
        if self._file is not None:
            self._file.close()


class Outcome(Enum):
    """What became of an attempt to read one record."""

    WHOLE = auto()
    CUT = auto()
    BROKEN = auto()


@dataclass(frozen=True)
class Record:
    """One attempt to read a record.

    Args:
        outcome: Whether it is whole, cut off by the end of the data, or broken.
        end: Offset behind the record's terminator; only of a whole record.
        values: Its values, unquoted; only of a whole record.
        error: What is wrong; only of a broken one.
    """

    outcome: Outcome
    end: int = 0
    values: tuple[bytes, ...] = ()
    error: str = ""


class RecordReader:
    """Reads one record at a time by RFC 4180, forgiving blanks around quotes and quotes inside plain values.

    Args:
        delimiter: The byte between two values; None if each line is one value.
    """

    def __init__(self, delimiter: bytes | None) -> None:
        self._delimiter = delimiter
        not_delimiter = rb"[^\n]" if delimiter is None else rb"[^\n" + re.escape(delimiter) + rb"]"
        self._plain = re.compile(not_delimiter + rb"*+")
        self._quoted = re.compile(rb' *+"([^"]*+(?:""[^"]*+)*+)" *+')
        self._opening = re.compile(rb' *+"')

    def read(self, data: bytes, start: int) -> Record:
        """Read the record that begins at an offset.

        Args:
            data: Bytes; the last record counts as cut unless it ends in a newline.
            start: Offset of the record's first byte.

        Returns:
            The record, or why there is none.
        """
        values: list[bytes] = []
        position, size = start, len(data)
        while True:
            is_quoted = False
            if self._delimiter is not None and self._opening.match(data, position):
                match = self._quoted.match(data, position)
                if match is None:
                    return Record(Outcome.CUT)
                is_quoted = True
                values.append(match[1].replace(b'""', b'"'))
            else:
                match = self._plain.match(data, position)
                assert match is not None  # it matches nothing, too
                values.append(match[0])
            position = match.end()
            if position >= size:
                return Record(Outcome.CUT)
            byte = data[position : position + 1]
            if byte == self._delimiter:
                position += 1
                continue
            if byte == b"\n":
                if not is_quoted:
                    values[-1] = values[-1].removesuffix(b"\r")
                return Record(Outcome.WHOLE, position + 1, tuple(values))
            if byte == b"\r" and data[position + 1 : position + 2] == b"\n":
                return Record(Outcome.WHOLE, position + 2, tuple(values))
            if byte == b"\r" and position + 1 == size:
                return Record(Outcome.CUT)
            spans_lines = b"\n" in data[start:position]
            return Record(
                Outcome.BROKEN,
                error="a quoted value is not closed" if spans_lines else "text follows a closing quote",
            )


class RecordScan:
    """Goes through the records of one file.

    Args:
        layout: How its records are written.
        first_line: 1-based line on which the first record begins.
        copy: Receives the accepted records once the file cannot be read as it is.
        on_reject: Called with line, error and raw bytes of everything set aside.
        rewrites_all: Whether every record is written anew with all its values quoted.
    """

    def __init__(
        self,
        layout: Layout,
        first_line: int,
        copy: CleanCopy,
        on_reject: RejectSink,
        rewrites_all: bool = False,
    ) -> None:
        self.layout = layout
        self.lines = LineMap()
        self.rejects = 0
        self._copy = copy
        self._on_reject = on_reject
        self._rewrites_all = rewrites_all
        self._line = first_line
        self._offset = 0
        self._reader = RecordReader(layout.delimiter)
        # Irregularities come in crowds: after one, less is judged ahead that the next would make void.
        self._window = BLOCK_BYTES + MAX_RECORD_BYTES
        self._is_overlong = False

    def run(self, source: Path, body_offset: int) -> None:
        """Scan the file to its end.

        Args:
            source: A UTF-8 file whose lines end in LF or CRLF.
            body_offset: Where the records begin, in bytes.
        """
        self._offset = body_offset
        if self._rewrites_all:
            self._copy.start(body_offset)
        with source.open("rb") as file:
            file.seek(body_offset)
            buffer, is_end = b"", False
            while not is_end:
                block = file.read(BLOCK_BYTES)
                is_end = not block
                buffer += block
                if is_end:
                    buffer = self._with_last_terminator(buffer)
                while buffer and (used := self._consume(buffer, is_end)):
                    buffer = buffer[used:]
                    self._offset += used
        self._copy.close()

    def _with_last_terminator(self, buffer: bytes) -> bytes:
        if not buffer or buffer.endswith(b"\n"):
            return buffer
        if buffer.endswith(b"\r"):
            # Cut between CR and LF: DuckDB must not see the half terminator.
            self._copy.start(self._offset)
            return buffer + b"\n"
        return buffer + self.layout.terminator

    def _consume(self, buffer: bytes, is_end: bool) -> int:
        if self._is_overlong:
            return self._skip_overlong(buffer)
        used = 0 if self._rewrites_all else self._consume_regular(buffer[: self._window])
        if used:
            self._window = min(2 * self._window, BLOCK_BYTES + MAX_RECORD_BYTES)
            return used
        used = self._consume_one_by_one(buffer, is_end)
        if used:
            self._window = _WINDOW_AFTER_IRREGULARITY
        return used

    # -- regular stretches ----------------------------------------------------------------------

    def _consume_regular(self, buffer: bytes) -> int:
        data = np.frombuffer(buffer, dtype=np.uint8)
        newlines = np.flatnonzero(data == _LF)
        has_quotes = self.layout.delimiter is not None and b'"' in buffer
        quotes = np.flatnonzero(data == _QUOTE) if has_quotes else np.zeros(0, dtype=np.int64)
        ends = _outside(newlines, quotes)
        limit = self._first_irregularity(buffer, data, ends, quotes)
        ends = ends[: np.searchsorted(ends, limit)]
        if not ends.size:
            return 0
        starts = np.concatenate((np.zeros(1, dtype=np.int64), ends[:-1] + 1))
        values = self._count_values(data, ends, quotes)
        is_blank = ends - starts == len(self.layout.terminator) - 1
        is_wrong = (values != self.layout.columns) & ~is_blank
        lines = self._line + np.searchsorted(newlines, starts)
        next_line = self._line + int(np.searchsorted(newlines, ends[-1])) + 1
        if is_wrong.any():
            # A wrong number of values over several lines smells of an open quote: taken line by line.
            spans_lines = np.diff(np.append(lines, next_line)) > 1
            suspects = np.flatnonzero(is_wrong & spans_lines)
            if suspects.size:
                first = int(suspects[0])
                if first == 0:
                    return 0
                next_line = int(lines[first])
                ends, starts, values, lines = ends[:first], starts[:first], values[:first], lines[:first]
                is_blank, is_wrong = is_blank[:first], is_wrong[:first]
        self._settle(buffer, starts, ends, lines, values, is_blank, is_wrong)
        self._line = next_line
        return int(ends[-1]) + 1

    def _settle(
        self,
        buffer: bytes,
        starts: Positions,
        ends: Positions,
        lines: Positions,
        values: Positions,
        is_blank: NDArray[np.bool_],
        is_wrong: NDArray[np.bool_],
    ) -> None:
        is_left_out = is_wrong | is_blank
        # DuckDB skips a blank line, except where a record has one value: there it would be a row.
        if is_wrong.any() or (self.layout.columns == 1 and is_blank.any()):
            self._copy.start(self._offset)
        for index in np.flatnonzero(is_wrong):
            raw = buffer[int(starts[index]) : int(ends[index])].removesuffix(b"\r")
            self._reject(int(lines[index]), self._wrong_count(int(values[index])), raw)
        if self._copy.is_active:
            view, position = memoryview(buffer), 0
            for index in np.flatnonzero(is_left_out):
                self._copy.write(view[position : int(starts[index])])
                position = int(ends[index]) + 1
            self._copy.write(view[position : int(ends[-1]) + 1])
        self.lines.append(lines[~is_left_out] if is_left_out.any() else lines)

    def _count_values(self, data: NDArray[np.uint8], ends: Positions, quotes: Positions) -> Positions:
        if self.layout.delimiter is None:
            return np.ones(ends.size, dtype=np.int64)
        delimiters = _outside(np.flatnonzero(data == self.layout.delimiter[0]), quotes)
        return np.diff(np.searchsorted(delimiters, ends), prepend=0) + 1

    def _first_irregularity(
        self, buffer: bytes, data: NDArray[np.uint8], ends: Positions, quotes: Positions
    ) -> int:
        """Return the offset before which the plain reading of quotes, newlines and text holds."""
        limit = len(buffer)
        nul = buffer.find(b"\0")
        if nul >= 0:
            limit = min(limit, nul)
        if self.layout.has_bad_text:
            try:
                buffer.decode("utf-8")
            except UnicodeDecodeError as error:
                limit = min(limit, error.start)
        if quotes.size:
            limit = min(limit, self._first_stray_quote(data, quotes))
        limit = min(limit, self._first_odd_return(buffer, data, ends, quotes))
        return min(limit, _first_overlong(ends))

    def _first_stray_quote(self, data: NDArray[np.uint8], quotes: Positions) -> int:
        assert self.layout.delimiter is not None
        size = data.size
        opening, closing = quotes[0::2], quotes[1::2]
        before = data[np.maximum(opening - 1, 0)]
        after = data[np.minimum(closing + 1, size - 1)]
        delimiter = self.layout.delimiter[0]
        opens_well = (opening == 0) | (before == delimiter) | (before == _LF) | (before == _QUOTE)
        closes_well = (after == delimiter) | (after == _LF) | (after == _QUOTE) | (after == _CR)
        closes_well |= closing + 1 >= size  # decided with the next block
        stray = np.concatenate((opening[~opens_well], closing[~closes_well]))
        return int(stray.min()) if stray.size else size

    def _first_odd_return(
        self, buffer: bytes, data: NDArray[np.uint8], ends: Positions, quotes: Positions
    ) -> int:
        odd = len(buffer)
        if b"\r" in buffer:
            returns = _outside(np.flatnonzero(data == _CR), quotes)
            if self.layout.terminator == b"\n":
                return int(returns[0]) if returns.size else odd
            following = data[np.minimum(returns + 1, data.size - 1)]
            lone = returns[(following != _LF) & (returns + 1 < data.size)]
            odd = int(lone[0]) if lone.size else odd
        if self.layout.terminator == b"\r\n" and ends.size:
            bare = ends[(ends == 0) | (data[np.maximum(ends - 1, 0)] != _CR)]
            odd = min(odd, int(bare[0])) if bare.size else odd
        return odd

    # -- around an irregularity -----------------------------------------------------------------

    def _consume_one_by_one(self, buffer: bytes, is_end: bool) -> int:
        position, regular = 0, 0
        lines: list[int] = []
        accepted: list[bytes] = []
        while position < len(buffer) and (self._rewrites_all or regular < _RECORDS_AFTER_IRREGULARITY):
            record = self._reader.read(buffer, position)
            line_end = buffer.find(b"\n", position) + 1
            is_unfinished = record.outcome is Outcome.CUT or not line_end
            if is_unfinished and not is_end and len(buffer) - position <= MAX_RECORD_BYTES:
                break
            self._copy.start(self._offset)
            if not line_end:
                self._is_overlong = True
                self._reject(self._line, self._too_long(), buffer[position:])
                position = len(buffer)
                break
            error = self._judge(buffer, position, record)
            end = line_end if error else record.end
            if error:
                self._reject(self._line, error, buffer[position : end - 1].removesuffix(b"\r"))
            elif not _is_blank(buffer[position:end]):
                lines.append(self._line)
                accepted.append(self._rewrite(record.values))
            regular = 0 if error else regular + 1
            self._line += buffer.count(b"\n", position, end)
            position = end
        if accepted:
            self._copy.write(b"".join(accepted))
        self.lines.append(np.array(lines, dtype=np.int64))
        return position

    def _judge(self, buffer: bytes, start: int, record: Record) -> str | None:
        """Say what is wrong with a record; None if it is accepted."""
        if record.outcome is Outcome.BROKEN:
            return record.error
        if record.outcome is Outcome.CUT:
            return "a quoted value is not closed"
        raw = buffer[start : record.end]
        if len(raw) > MAX_RECORD_BYTES:
            return self._too_long()
        if b"\0" in raw:
            return "a NUL byte stands in it"
        if self.layout.has_bad_text and not _is_utf8(raw):
            return "it is no valid UTF-8"
        if _is_blank(raw):
            return None
        if len(record.values) != self.layout.columns:
            if b"\n" in raw[:-1]:
                return "a quoted value is not closed, or the number of values is wrong"
            return self._wrong_count(len(record.values))
        if b"\r" in raw.removesuffix(b"\n").removesuffix(b"\r") and self._has_bare_return(raw):
            return "a carriage return stands outside quotes"
        return None

    def _has_bare_return(self, raw: bytes) -> bool:
        if self.layout.delimiter is None:
            return True
        data = np.frombuffer(raw.removesuffix(b"\n").removesuffix(b"\r"), dtype=np.uint8)
        return bool(_outside(np.flatnonzero(data == _CR), np.flatnonzero(data == _QUOTE)).size)

    def _rewrite(self, values: tuple[bytes, ...]) -> bytes:
        if self.layout.delimiter is None:
            return values[0] + self.layout.terminator
        parts = [b'"' + value.replace(b'"', b'""') + b'"' for value in values]
        return self.layout.delimiter.join(parts) + self.layout.terminator

    def _skip_overlong(self, buffer: bytes) -> int:
        end = buffer.find(b"\n") + 1
        if end:
            self._is_overlong = False
            self._line += 1
        return end or len(buffer)

    def _reject(self, line: int, error: str, raw: bytes) -> None:
        self.rejects += 1
        self._on_reject(line, error, raw)

    def _wrong_count(self, values: int) -> str:
        return f"{self.layout.columns} values were expected, {values} were found"

    def _too_long(self) -> str:
        return f"it is longer than {MAX_RECORD_BYTES:,} bytes"


def _outside(positions: Positions, quotes: Positions) -> Positions:
    """Keep the positions that have an even number of quotes before them."""
    if not quotes.size or not positions.size:
        return positions
    is_outside: NDArray[np.bool_] = np.searchsorted(quotes, positions) % 2 == 0
    return positions[is_outside]


def _is_blank(raw: bytes) -> bool:
    return raw in (b"\n", b"\r\n")


def _first_overlong(ends: Positions) -> int:
    if not ends.size:
        return 0
    lengths = np.diff(ends, prepend=-1)
    overlong = np.flatnonzero(lengths > MAX_RECORD_BYTES)
    return int(ends[overlong[0]]) if overlong.size else int(ends[-1]) + 1


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
