"""Read-only access to a release, closed in so that a query can reach nothing but the release."""

import threading
from collections.abc import Sequence
from pathlib import Path

import duckdb

from orchestration.errors import LeadproofError
from orchestration.release.database import literal
from orchestration.release.files import explained
from orchestration.release.store import current_release, find_release, shared_files
from orchestration.settings import Settings

# Connections to one file share an instance within a process, and an instance is locked only once.
_OPENING = threading.Lock()


def open_release(settings: Settings, release_id: str | None = None) -> duckdb.DuckDBPyConnection:
    """Open a release for reading.

    The connection stays with the release it was opened on, whatever is published meanwhile. It cannot write,
    read other files than the release's, load extensions, or lift these restrictions.

    Args:
        settings: Where the warehouse lies and how much of the machine may be used.
        release_id: The release; by default the current one.

    Returns:
        The connection; tables are in schema ``marts``.

    Raises:
        LeadproofError: If there is no such release, nothing is published yet, or it cannot be opened.
    """
    release = find_release(settings, release_id) if release_id else current_release(settings)
    if release is None:
        raise LeadproofError("Nothing is published yet.", "Run leadproof build, or make demo for an example.")
    with explained(f"Opening release {release.release_id}", release.path):
        return open_database(settings, release.database, shared_files(release))


def open_database(settings: Settings, database: Path, shared: Sequence[Path]) -> duckdb.DuckDBPyConnection:
    """Open a release's database by its path, closed in as ``open_release`` does it.

    Args:
        settings: How much of the machine may be used.
        database: The file.
        shared: Files outside it that its views open.

    Returns:
        The connection; tables are in schema ``marts``.
    """
    with _OPENING:
        connection = duckdb.connect(database, read_only=True)
        try:
            _close_in(connection, settings, shared)
        except BaseException:
            connection.close()
            raise
    return connection


def _close_in(connection: duckdb.DuckDBPyConnection, settings: Settings, shared: Sequence[Path]) -> None:
    locked = connection.execute("select current_setting('lock_configuration')").fetchone()
    if locked and locked[0]:
        return
    connection.execute(f"set memory_limit = {literal(settings.memory_limit)}")
    connection.execute(f"set threads = {int(settings.threads)}")
    connection.execute(f"set temp_directory = {literal(settings.build_db.parent / 'spill')}")
    connection.execute("set global TimeZone = 'UTC'")
    connection.execute("set autoinstall_known_extensions = false")
    connection.execute("set autoload_known_extensions = false")
    connection.execute("set allow_community_extensions = false")
    # File by file: a folder that is allowed may also be written into.
    connection.execute(f"set allowed_paths = [{', '.join(literal(path) for path in shared)}]")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
