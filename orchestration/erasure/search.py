"""Looking for a person everywhere, after the work is done: bytes, and values where bytes are compressed.

Nothing here knows what the erasure did; it looks at what lies there.
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from orchestration.erasure.files import files_below, names_any, places
from orchestration.erasure.needles import Needles
from orchestration.release.database import identifier, literal
from orchestration.settings import Settings

_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_DUCKDB_AT, _DUCKDB = 8, b"DUCK"
_BLOCK_BYTES = 1 << 26
_OVERLAP_BYTES = 1 << 10


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
    looked = Looked()
    for folder in places(settings):
        for path in files_below(folder, (settings.landing, settings.erasures)):
            try:
                is_found = _holds(path, needles, looked)
            except FileNotFoundError:
                continue  # others may be tidying up
            looked.files += 1
            if is_found:
                looked.found_in.append(path)
    return looked


def _holds(path: Path, needles: Needles, looked: Looked) -> bool:
    size = path.stat().st_size
    looked.size_bytes += size
    with path.open("rb") as file:
        start = file.read(16)
    if any(needles.replaced(block)[1] for block in _blocks(path)):
        return True
    if start.startswith(_GZIP):
        return _unpacked_holds(path, needles)
    if start.startswith(_PARQUET):
        with duckdb.connect() as connection:
            source = f"read_parquet({literal(path)}, hive_partitioning = false)"
            return _values_hold(connection, source, needles, looked)
    if start[_DUCKDB_AT : _DUCKDB_AT + len(_DUCKDB)] == _DUCKDB:
        return _database_holds(path, needles, looked)
    return False


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        held = b""
        while block := file.read(_BLOCK_BYTES):
            yield held + block
            held = block[-_OVERLAP_BYTES:]


def _unpacked_holds(path: Path, needles: Needles) -> bool:
    try:
        with gzip.open(path, "rb") as file:
            return bool(needles.replaced(file.read())[1])
    except (OSError, EOFError):
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
    named = names_any(columns, needles)
    row = connection.execute(f"select count(*), count(*) filter ({named}) from {source}").fetchone()
    assert row is not None
    looked.values += int(row[0]) * len(columns)
    return bool(row[1])
