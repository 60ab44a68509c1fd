"""A kept release without some of its rows, in the place of the one that holds them: in one step for readers.

Who has to go is decided in ``erasure``. What is written here was never audited, and the manifest says so: the
audit that the release was published on is kept as the audit of what it was, beside what has been taken out
since.
"""

import ctypes
import errno
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from orchestration.digests import sha256_of
from orchestration.errors import LeadproofError
from orchestration.release.candidate import assert_closed
from orchestration.release.database import (
    DATABASE,
    MARTS,
    Columns,
    add_comments,
    columns_of,
    digest_of,
    identifier,
    literal,
    relations_of,
    writer,
)
from orchestration.release.files import explained, read_json, remove_tree, seal, sync, write_json
from orchestration.release.locks import publication_lock
from orchestration.release.months import create_month_view, view_text
from orchestration.release.shared import (
    MonthFile,
    files_as_viewed,
    link_months,
    months_noted,
    open_to_readers,
    prepare_shared,
    settle_months,
    sweep_shared,
)
from orchestration.release.store import ERASURES, Release, check_shared
from orchestration.settings import Settings

_EXCHANGE = 2
_HERE = -100
AUDIT_BEFORE = "audit_before_erasure"
# Where the months of all releases lie: a folder that is there, whatever it is called.
_PLACE = "shared"


@dataclass(frozen=True)
class TableEdit:
    """What is taken out of a table.

    Args:
        removed: SQL condition of the rows that go; null counts as false.
        replaced: SQL expression by column whose values change.
    """

    removed: str = "false"
    replaced: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_idle(self) -> bool:
        """Whether nothing changes."""
        return self.removed == "false" and not self.replaced


@dataclass(frozen=True)
class Rewriting:
    """How releases are rewritten.

    Args:
        note: What the manifest shall say of it, without the counts; empty where it says so already.
        edit_table: Decides what is taken out of a table or view, given its name, its columns and SQL that
            reads it.
        copy_file: Writes what is kept of a file that is no table (source, target).
        clean_text: Takes out of a text of the manifest what must not be found.
        month_columns: By mart whose rows belong to months, the column (UTC moment or date) that tells.
    """

    note: Mapping[str, Any]
    edit_table: Callable[[duckdb.DuckDBPyConnection, str, Columns, str], TableEdit]
    copy_file: Callable[[Path, Path], None]
    clean_text: Callable[[str], str]
    month_columns: Mapping[str, str]


def rewrite_release(settings: Settings, release: Release, rewriting: Rewriting) -> dict[str, int]:
    """Put a release without some rows in the place of the one that holds them.

    Readers see the one or the other, whole; an open connection stays with what it opened.

    Args:
        settings: Where the warehouse lies and how much of the machine may be used.
        release: The release.
        rewriting: What is taken out.

    Returns:
        Rows removed by table.

    Raises:
        LeadproofError: If the release is damaged, another publication is running, or the disk fails; the
            release is then as it was.
    """
    with (
        explained(f"Rewriting release {release.release_id}", release.path),
        publication_lock(settings, f"rewriting of release {release.release_id}"),
    ):
        staged = settings.releases / f".{release.release_id}.rewritten"
        remove_tree(staged)
        try:
            removed = _stage(settings, release, rewriting, staged)
            exchange(staged, release.path)
        except BaseException:
            remove_tree(staged)
            raise
        # By now it is what was there before.
        remove_tree(staged)
        sync(settings.releases)
        sweep_shared(settings)
        return removed


def exchange(one: Path, other: Path) -> None:
    """Let two paths change their meaning in one step.

    Args:
        one: A file or folder.
        other: Another one, on the same file system.

    Raises:
        LeadproofError: If the system cannot do that.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    call = getattr(libc, "renameat2", None)
    code = errno.ENOSYS
    if call is not None:
        if call(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
            sync(other.parent)
            return
        code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        raise LeadproofError(
            f"The file system of {other.parent} cannot exchange two folders in one step.",
            "Put the warehouse on a local disk with ext4, XFS or Btrfs.",
        )
    raise OSError(code, os.strerror(code), str(other))


def _stage(settings: Settings, release: Release, rewriting: Rewriting, staged: Path) -> dict[str, int]:
    manifest = read_json(release.path / "manifest.json") or {}
    if not isinstance(manifest.get("tables"), dict):
        raise LeadproofError(
            f"Release {release.release_id} has no readable manifest.",
            "Restore it from a backup, or remove the folder.",
        )
    (staged / MARTS).mkdir(parents=True)
    for path in sorted(release.path.rglob("*")):
        inside = path.relative_to(release.path)
        if path.is_file() and inside.parts[0] != MARTS and inside.name not in (DATABASE, "manifest.json"):
            (staged / inside).parent.mkdir(parents=True, exist_ok=True)
            rewriting.copy_file(path, staged / inside)
    months = months_noted(manifest["tables"])
    if months:
        check_shared(release, [f"{MARTS}/{month.name}" for files in months.values() for month in files])
    folders = [staged, release.path, settings.shared, settings.shared_as_read]
    with writer(settings, folders) as connection:
        connection.execute(f"attach {literal(release.database)} as held (read_only)")
        edits = {
            name: rewriting.edit_table(
                connection,
                name,
                columns_of(connection, "held", MARTS, name),
                f"held.{MARTS}.{identifier(name)}",
            )
            for name in relations_of(connection, "held", MARTS)
        }
        kept_months = _keep_months(connection, settings, rewriting, months, edits)
        tables, removed = _copy_tables(connection, settings, staged / DATABASE, edits, kept_months)
    linked = link_months(settings, [month for files in kept_months.values() for month in files], staged)
    for files in kept_months.values():
        open_to_readers(settings, files)
    if release.contacts.is_file():
        contacts = release.contacts
        manifest["contacts"] = {"size_bytes": contacts.stat().st_size, "sha256": sha256_of(contacts)}
    _write_manifest(staged, manifest, rewriting, tables, removed, linked)
    seal(staged)
    return removed


def _keep_months(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    rewriting: Rewriting,
    months: Mapping[str, tuple[MonthFile, ...]],
    edits: Mapping[str, TableEdit],
) -> dict[str, tuple[MonthFile, ...]]:
    """Write the months that change anew; the others stay the files that releases share."""
    kept = {table: months[table] for table in months if edits[table].is_idle}
    changed = [table for table in months if table not in kept]
    if not changed:
        return kept
    writing = prepare_shared(settings, changed)
    try:
        for table in changed:
            columns = columns_of(connection, "held", MARTS, table)
            folder = writing / table
            folder.mkdir()
            column = rewriting.month_columns.get(table)
            if [month.month for month in months[table]] == ["all"]:
                column = None
            _, files, _ = settle_months(
                connection,
                settings,
                table,
                f"({_kept_rows(table, columns, edits[table])})",
                columns,
                column,
                folder,
                {},
            )
            # A view names a file or more. A mart of which no row is left has none: it is a table then.
            if files:
                kept[table] = files
    finally:
        remove_tree(writing)
    return kept


def _copy_tables(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    database: Path,
    edits: Mapping[str, TableEdit],
    months: Mapping[str, Sequence[MonthFile]],
) -> tuple[dict[str, dict[str, Any]], dict[str, int]]:
    comments = relations_of(connection, "held", MARTS)
    removed = {name: _count(connection, name, edits[name].removed) for name in comments}
    connection.execute(f"attach {literal(database)} as kept")
    connection.execute("begin")
    connection.execute(f"create schema kept.{MARTS}")
    for name, comment in comments.items():
        columns = columns_of(connection, "held", MARTS, name)
        if name in months:
            files = files_as_viewed(settings, months[name])
            create_month_view(connection, "kept", name, columns, comment, files)
            continue
        place = f"kept.{MARTS}.{identifier(name)}"
        definitions = ", ".join(
            f"{identifier(column)} {kind}{'' if nullable else ' not null'}"
            for column, kind, nullable, _ in columns
        )
        connection.execute(f"create table {place} ({definitions})")
        connection.execute(f"insert into {place} {_kept_rows(name, columns, edits[name])}")
        add_comments(connection, "table", place, columns, comment)
    connection.execute("commit")
    connection.execute("checkpoint kept")
    connection.execute("detach kept")
    assert_closed(database)
    connection.execute(f"attach {literal(database)} as kept (read_only)")
    tables: dict[str, dict[str, Any]] = {}
    for name in comments:
        if name in months:
            assert view_text(connection, "kept", name) is not None
            noted = [month.note() for month in months[name]]
            tables[name] = {"rows": sum(month.rows for month in months[name]), "months": noted}
            continue
        content = digest_of(connection, "kept", name)
        tables[name] = {"rows": content.rows, "digest": content.digest}
        connection.execute(
            f"copy kept.{MARTS}.{identifier(name)} to {literal(database.parent / MARTS / f'{name}.parquet')}"
            " (format parquet, compression zstd)"
        )
    return tables, {name: count for name, count in removed.items() if count}


def _kept_rows(table: str, columns: Columns, edit: TableEdit) -> str:
    selected = ", ".join(
        f"{edit.replaced[name]} as {identifier(name)}" if name in edit.replaced else identifier(name)
        for name, *_ in columns
    )
    return (
        f"select {selected} from held.{MARTS}.{identifier(table)} where not coalesce({edit.removed}, false)"
    )


def _count(connection: duckdb.DuckDBPyConnection, table: str, condition: str) -> int:
    if condition == "false":
        return 0
    row = connection.execute(
        f"select count(*) from held.{MARTS}.{identifier(table)} where {condition}"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _write_manifest(
    staged: Path,
    manifest: dict[str, Any],
    rewriting: Rewriting,
    tables: Mapping[str, Any],
    removed: Mapping[str, int],
    linked: Mapping[str, Any],
) -> None:
    files = sorted(path for path in staged.rglob("*") if path.is_file())
    names = {path.relative_to(staged).as_posix(): path for path in files}
    # Who reads the audit of a release finds none: these bytes had none.
    audit = manifest.pop("audit", None)
    write_json(
        staged / "manifest.json",
        {
            **{
                name: part if name == _PLACE else _cleaned(part, rewriting.clean_text)
                for name, part in manifest.items()
            },
            AUDIT_BEFORE: manifest.get(AUDIT_BEFORE) or audit,
            ERASURES: [
                *manifest.get(ERASURES, []),
                *([{**rewriting.note, "rows_removed": dict(removed)}] if rewriting.note else []),
            ],
            "tables": dict(tables),
            "files": {
                name: linked.get(name) or {"size_bytes": path.stat().st_size, "sha256": sha256_of(path)}
                for name, path in names.items()
            },
        },
    )


def _cleaned(content: Any, clean: Callable[[str], str]) -> Any:
    """Clean every text of a part of a manifest, and leave its shape."""
    if isinstance(content, dict):
        return {name: _cleaned(part, clean) for name, part in content.items()}
    if isinstance(content, list):
        return [_cleaned(part, clean) for part in content]
    return clean(content) if isinstance(content, str) else content
