"""What a file is before anyone reads it: its content hash, its compression, its encoding.

Files that are not plain UTF-8 are written out as such, a block at a time, so that one reader serves all.
How values are separated belongs to ``dialect``.
"""

import codecs
import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from orchestration.landing.failures import RefusedFileError

BLOCK_BYTES = 1 << 20
_SAMPLE_BYTES = 1 << 16
_WINDOWS_1252, _UTF_8 = "cp1252", "utf-8"
_FOREIGN = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "gzip-compressed without .gz at the end of its name"),
    (b"SQLite format 3", "an SQLite database"),
)
_PAGES = (b"<!doctype html", b"<html", b"<?xml")
_UTF_16_BOMS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_UTF_32_BOMS = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")
_LARGEST_SHARE_OF_CONTROLS = 0.1
# In Western text an accented letter stands among plain ones; in other alphabets high bytes come in runs.
_LARGEST_SHARE_OF_RUNS = 0.3


@dataclass(frozen=True)
class TextFile:
    """A text file that can be read as UTF-8 with LF or CRLF at the end of its lines.

    Args:
        path: The file or its rewritten copy.
        has_bad_text: Whether it is UTF-8 with some bytes that are not.
        has_bom: Whether it begins with a byte-order mark.
    """

    path: Path
    has_bad_text: bool
    has_bom: bool


def unpack(path: Path, target: Path) -> str:
    """Decompress a gzip file and hash what was in it.

    Args:
        path: The compressed file.
        target: Where the content goes.

    Returns:
        SHA-256 of the content, so that a file and its compressed twin are the same.

    Raises:
        RefusedFileError: If the file is cut short, damaged or no gzip.
    """
    digest = hashlib.sha256()
    try:
        with gzip.open(path, "rb") as source, target.open("wb") as unpacked:
            while block := source.read(BLOCK_BYTES):
                digest.update(block)
                unpacked.write(block)
    except EOFError:
        raise RefusedFileError(
            "The gzip file is cut short, perhaps still being copied; drop it again when it is complete."
        ) from None
    except (gzip.BadGzipFile, zlib.error):
        raise RefusedFileError("The file is no gzip file or is damaged; export it again.") from None
    return digest.hexdigest()


def as_utf8(path: Path, folder: Path) -> TextFile:
    """Recognise a text file's encoding and make it readable as UTF-8.

    Args:
        path: The file, not compressed.
        folder: Where rewritten copies go if any are needed.

    Returns:
        The file to read.

    Raises:
        RefusedFileError: If the file is empty, no text, or in an encoding that cannot be told.
    """
    with path.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES)
    if not sample:
        raise RefusedFileError("The file is empty; drop it again with a header line, or remove it.")
    wide = _wide_encoding(sample)
    if wide is None:
        _refuse_foreign(sample)
    else:
        path = _rewrite(path, folder / "widened.txt", wide, replaces_returns=False)
    census = _take_census(path)
    encoding = _narrow_encoding(census)
    if encoding != _UTF_8 or census.needs_line_feeds:
        path = _rewrite(path, folder / "plain.txt", encoding, census.needs_line_feeds)
    has_bad_text = encoding == _UTF_8 and census.invalid_bytes > 0
    with path.open("rb") as file:
        return TextFile(path, has_bad_text, file.read(3) == codecs.BOM_UTF8)


@dataclass
class _Census:
    """Counts over a whole file that tell its encoding.

    Args:
        invalid_bytes: Sequences that are no UTF-8.
        multibyte: Bytes by which valid UTF-8 sequences are longer than one.
        high_bytes: Bytes above 127, in blocks with invalid ones.
        high_pairs: High bytes that follow a high byte, in the same blocks.
        returns: Carriage returns.
        line_feeds: Line feeds.
    """

    invalid_bytes: int = 0
    multibyte: int = 0
    high_bytes: int = 0
    high_pairs: int = 0
    returns: int = 0
    line_feeds: int = 0

    @property
    def needs_line_feeds(self) -> bool:
        """Whether lines end in carriage returns alone."""
        return self.returns > 0 and self.line_feeds == 0


def _take_census(path: Path) -> _Census:
    census = _Census()
    decoder = codecs.getincrementaldecoder(_UTF_8)("replace")
    with path.open("rb") as file:
        while True:
            block = file.read(BLOCK_BYTES)
            census.returns += block.count(b"\r")
            census.line_feeds += block.count(b"\n")
            waiting = len(decoder.getstate()[0])
            if not (block.isascii() and block and not waiting):
                text = decoder.decode(block, final=not block)
                replaced = text.count("\ufffd") - block.count("\ufffd".encode())
                census.invalid_bytes += max(replaced, 0)
                taken = len(block) + waiting - len(decoder.getstate()[0])
                census.multibyte += max(taken - len(text), 0)
                if replaced > 0:
                    is_high = np.frombuffer(block, dtype=np.uint8) >= 0x80
                    census.high_bytes += int(is_high.sum())
                    census.high_pairs += int((is_high[1:] & is_high[:-1]).sum())
            if not block:
                return census


def _narrow_encoding(census: _Census) -> str:
    if not census.invalid_bytes or census.multibyte > census.invalid_bytes:
        return _UTF_8
    if census.high_pairs > _LARGEST_SHARE_OF_RUNS * census.high_bytes:
        raise _unknown_encoding()
    return _WINDOWS_1252


def _wide_encoding(sample: bytes) -> str | None:
    if sample.startswith(_UTF_32_BOMS):
        raise RefusedFileError("The file is encoded as UTF-32; save it as UTF-8.")
    for mark, encoding in _UTF_16_BOMS:
        if sample.startswith(mark):
            return encoding
    pairs = len(sample) // 2
    if pairs < 2:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > 0.7 * pairs and not even:
        return "utf-16-le"
    if even > 0.7 * pairs and not odd:
        return "utf-16-be"
    return None


def _refuse_foreign(sample: bytes) -> None:
    for mark, what in _FOREIGN:
        if sample.startswith(mark):
            raise RefusedFileError(f"The file is {what}, not text; export it as CSV, JSONL or Parquet.")
    if sample.lstrip(codecs.BOM_UTF8 + b" \t\r\n").lower().startswith(_PAGES):
        raise RefusedFileError("The file is a web page or XML; export it as CSV, JSONL or Parquet.")
    controls = sum(sample.count(bytes([code])) for code in (*range(9), *range(14, 27), *range(28, 32)))
    if controls > _LARGEST_SHARE_OF_CONTROLS * len(sample):
        raise RefusedFileError("The file is binary, not text; export it as CSV, JSONL or Parquet.")


def _rewrite(path: Path, target: Path, encoding: str, replaces_returns: bool) -> Path:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        with path.open("rb") as source, target.open("wb") as copy:
            while True:
                block = source.read(BLOCK_BYTES)
                # Bytes that are no UTF-8 go through as they are: their records are set aside later.
                plain = block if encoding == _UTF_8 else decoder.decode(block, final=not block).encode(_UTF_8)
                copy.write(plain.replace(b"\r", b"\n") if replaces_returns else plain)
                if not block:
                    return target
    except UnicodeError:
        if encoding == _WINDOWS_1252:
            raise _unknown_encoding() from None
        raise RefusedFileError("The file is damaged UTF-16; save it as UTF-8.") from None


def _unknown_encoding() -> RefusedFileError:
    return RefusedFileError("The file's encoding is neither UTF-8, UTF-16 nor Western; save it as UTF-8.")
