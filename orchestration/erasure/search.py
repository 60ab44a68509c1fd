"""Looking for a person everywhere, after the work is done: bytes, and values where bytes are compressed.

Nothing here knows what the erasure did; it looks at what lies there.
"""

import contextlib
import gzip
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import duckdb

from orchestration.erasure.files import (
    GZIP,
    NOT_GZIP,
    PARQUET,
    SQLITE,
    databases_beside,
    files_kept,
    files_linked,
    is_duckdb,
    names_any,
    places,
)
from orchestration.erasure.needles import Needles
from orchestration.errors import LeadproofError
from orchestration.release.database import identifier, literal
from orchestration.settings import Settings

_BUSY_SECONDS = 30
# What DuckDB says of a file that another process has opened to write.
_LOCKED = "onflicting lock"
_BLOCK_BYTES, _MOST_BLOCKS = 1 << 26, 4
# Bytes at which whatever is looked for ends. A file may be read in pieces that end there.
_ENDS = (b" ", b"\n", b"\t", b"\r", b'"', b"<", b">")
# In packed bytes any few may stand by chance, and DuckDB keeps of other values the first eight. What is no
# longer is looked for in the values alone.
_BY_CHANCE_BYTES = 8


@dataclass
class Looked:
    """What a search has looked at, and where it found anything.

    Args:
        files: Files looked at.
        size_bytes: Their bytes.
        values: Values read back from databases and Parquet files.
        found_in: Files in which something was found.
    """

    files: int = 0
    size_bytes: int = 0
    values: int = 0
    found_in: list[Path] = field(default_factory=list)


def search_everywhere(settings: Settings, needles: Needles) -> Looked:
    """Look for a person in everything that Leadproof keeps.

    Args:
        settings: Where it lies; landing files belong to their owner and are not looked at.
        needles: What must not be found.

    Returns:
        What was looked at, and where something was found.
    """
    looked, own = Looked(), places(settings)
    for path in files_kept(settings, (settings.landing, settings.erasures)):
        is_foreign = not any(map(path.is_relative_to, own))
        try:
            with _told_which(path):
                is_found = _holds(path, needles, looked, is_foreign=is_foreign)
        except FileNotFoundError:
            continue  # others may be tidying up
        except duckdb.Error:
            if path == settings.build_db.resolve() or path.is_relative_to(settings.releases.resolve()):
                raise
            is_found = False  # no database that opens; its bytes hold nothing
        looked.files += 1
        if is_found:
            looked.found_in.append(path)
    return looked


@contextlib.contextmanager
def _told_which(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, duckdb.IOException) as error:
        if isinstance(error, duckdb.Error) and _LOCKED not in str(error):
            raise
        # The message may quote what stands there.
        raise LeadproofError(
            f"{path} cannot be searched: {type(error).__name__}.",
            "Close whatever uses it, repair it or remove it, and run the same command again.",
        ) from None


def links_holding(settings: Settings, needles: Needles) -> list[Path]:
    """List files that are only linked to and hold a person: nobody may change them but their owner.

    Args:
        settings: Where Leadproof keeps its own.
        needles: What must not be found.

    Returns:
        The files.

    Raises:
        LeadproofError: If one cannot be searched.
    """
    return _holding(files_linked(settings), needles)


def copies_holding(settings: Settings, needles: Needles) -> list[Path]:
    """List databases that are none of Leadproof's and hold a person: nobody may change them but their owner.

    Args:
        settings: Where Leadproof keeps its own.
        needles: What must not be found.

    Returns:
        The files.

    Raises:
        LeadproofError: If another process writes into one.
    """
    return _holding(databases_beside(settings), needles)


def _holding(foreign: Iterable[Path], needles: Needles) -> list[Path]:
    found: list[Path] = []
    for path in foreign:
        # Others may be tidying up, and what is no database that opens holds nothing but its bytes.
        with contextlib.suppress(FileNotFoundError, duckdb.Error), _told_which(path):
            if _holds(path, needles, Looked(), is_foreign=True):
                found.append(path)
    return found


def search_landing(settings: Settings, needles: Needles) -> tuple[list[Path], list[Path]]:
    """Look for a person in the landing files, whether they are loaded, refused or never read.

    Args:
        settings: Where they lie; they belong to their owner, who is told.
        needles: What is looked for.

    Returns:
        Files that hold it, and files and folders that cannot be read.
    """
    found: list[Path] = []
    closed: list[Path] = []
    seen: set[str] = set()

    def note(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            closed.append(Path(os.fsdecode(error.filename)))

    for place, folders, names in os.walk(settings.landing, onerror=note, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        for path in (Path(place, name) for name in sorted(names)):
            try:
                if path.is_file() and _holds(path, needles, Looked(), is_foreign=True):
                    found.append(path)
            except FileNotFoundError:
                continue  # its owner is tidying up
            except (OSError, sqlite3.Error, duckdb.Error):
                closed.append(path)
    return found, closed


def _holds(path: Path, needles: Needles, looked: Looked, *, is_foreign: bool = False) -> bool:
    size = path.stat().st_size
    looked.size_bytes += size
    with path.open("rb") as file:
        start = file.read(16)
    is_database = is_duckdb(start)
    is_packed = is_database or start.startswith((GZIP, PARQUET))
    in_bytes = needles.in_packed(_BY_CHANCE_BYTES) if is_packed else needles
    with path.open("rb") as file:
        if any(in_bytes.replaced(block)[1] for block in _blocks(file)):
            return True
    if start.startswith(GZIP):
        return _unpacked_holds(path, needles)
    if start.startswith(PARQUET):
        with duckdb.connect() as connection:
            source = f"read_parquet({literal(path)}, hive_partitioning = false)"
            with contextlib.suppress(duckdb.Error):  # it was cut; its bytes hold nothing
                return _values_hold(connection, source, needles, looked)
            return False
    if start.startswith(SQLITE):
        return _sqlite_holds(path, needles, looked, is_foreign=is_foreign)
    return is_database and _database_holds(path, needles, looked)


def _blocks(file: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    """The bytes of a file in pieces, none of which ends within a word."""
    held = b""
    while block := file.read(_BLOCK_BYTES):
        held += block
        end = max(held.rfind(each) for each in _ENDS) + 1
        if not end and len(held) >= _MOST_BLOCKS * _BLOCK_BYTES:
            end = len(held)  # no file has such words; memory has an end, too
        if end:
            yield held[:end]
            held = held[end:]
    if held:
        yield held


def _unpacked_holds(path: Path, needles: Needles) -> bool:
    try:
        with gzip.open(path, "rb") as file:
            return any(needles.replaced(block)[1] for block in _blocks(file))
    except NOT_GZIP:
        with path.open("rb") as file:  # no packed file, whatever it begins with
            return any(needles.replaced(block)[1] for block in _blocks(file))


def _sqlite_holds(path: Path, needles: Needles, looked: Looked, *, is_foreign: bool) -> bool:
    """Values one by one: in a page they stand side by side without anything between them."""
    # Whoever closes the last connection that may write moves a log's pages into the file.
    source = f"{path.absolute().as_uri()}?mode={'ro' if is_foreign else 'rw'}"
    with contextlib.closing(sqlite3.connect(source, uri=True, timeout=_BUSY_SECONDS)) as connection:
        connection.text_factory = bytes
        tables = [
            row[0].decode()
            for row in connection.execute("select name from sqlite_master where type = 'table'")
        ]
        for table in tables:
            for row in connection.execute(f"select * from {identifier(table)}"):
                looked.values += len(row)
                if any(isinstance(value, bytes) and needles.replaced(value)[1] for value in row):
                    return True
    return False


def _database_holds(path: Path, needles: Needles, looked: Looked) -> bool:
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(path)} as held (read_only)")
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'held'"
        ).fetchall()
        return any(
            [
                _values_hold(connection, f"held.{identifier(schema)}.{identifier(table)}", needles, looked)
                for schema, table in tables
            ]
        )


def _values_hold(
    connection: duckdb.DuckDBPyConnection, source: str, needles: Needles, looked: Looked
) -> bool:
    columns = {row[0]: row[1] for row in connection.execute(f"describe from {source}").fetchall()}
    named = names_any(columns, needles, needles.in_sql(connection))
    row = connection.execute(f"select count(*), count(*) filter ({named}) from {source}").fetchone()
    assert row is not None
    looked.values += int(row[0]) * len(columns)
    return bool(row[1])
