"""The contacts file of a release: personal data, for the owner's account only, apart from the marts."""

import os
from pathlib import Path

import duckdb

from orchestration.errors import LeadproofError
from orchestration.private_files import close_to_others
from orchestration.release.database import RowSums, columns_of, digest_from, identifier, literal, row_sums
from orchestration.release.files import sync
from orchestration.settings import Settings

_SCHEMA, _TABLE = "restricted", "contacts"


def contacts_digest(connection: duckdb.DuckDBPyConnection, database: str) -> str | None:
    """Digest ``restricted.contacts``, whatever the order of its rows.

    Args:
        connection: Connection with the build database attached.
        database: Its alias.

    Returns:
        The hex digest; None if there is no such table.
    """
    columns = columns_of(connection, database, _SCHEMA, _TABLE)
    if not columns:
        return None
    sums = row_sums(connection, f"{identifier(database)}.{_SCHEMA}.{_TABLE}", columns)
    return digest_from(columns, sums.get(0, RowSums(0, 0, 0)))


def write_contacts(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    build_id: str,
    expected_digest: str | None,
    target: Path,
) -> None:
    """Export ``restricted.contacts`` of the build database.

    The file is created for its owner only before a byte is written into it, in a folder created likewise, so
    the mode is never wider, whatever the umask.

    Args:
        connection: Connection that may read the build database and write the target's folder.
        settings: Where the warehouse lies.
        build_id: Build that is published; the build database must still hold it.
        expected_digest: Their digest when the candidate was written.
        target: The Parquet file; its folder is created.

    Raises:
        LeadproofError: If the build database has no such table, has another by now, or holds another build.
    """
    if not settings.build_db.is_file():
        raise LeadproofError(
            f"There is no build database at {settings.build_db}.", "Run leadproof build again."
        )
    connection.execute(f"attach {literal(settings.build_db)} as build (read_only)")
    try:
        _check_build(connection, build_id)
        if contacts_digest(connection, "build") != expected_digest:
            raise LeadproofError(
                f"Build {build_id} is not published: contacts have changed since its candidate was written.",
                "Run leadproof build again; the release that readers see is unchanged.",
            )
        for folder in (settings.restricted, target.parent):
            close_to_others(folder)
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        # A temporary file would be created with the umask's mode.
        connection.execute(
            f"copy build.restricted.contacts to {literal(target)} "
            "(format parquet, compression zstd, use_tmp_file false)"
        )
    finally:
        connection.execute("detach build")
    for path in (target, target.parent, settings.restricted):
        sync(path)


def _check_build(connection: duckdb.DuckDBPyConnection, build_id: str) -> None:
    present = {
        (schema, table)
        for schema, table in connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'build' "
            "union all select schema_name, view_name from duckdb_views() where database_name = 'build'"
        ).fetchall()
    }
    if ("restricted", "contacts") not in present:
        raise LeadproofError(
            f"Build {build_id} is not published: the build database has no table restricted.contacts.",
            "Run leadproof build again; the release that readers see is unchanged.",
        )
    if ("ops", "current_build") not in present:
        return
    held = connection.execute("select build_id from build.ops.current_build").fetchall()
    if held and held != [(build_id,)]:
        raise LeadproofError(
            f"Build {build_id} is not published: the build database holds build {held[0][0]} by now.",
            "Publish that build, or run leadproof build again.",
        )
