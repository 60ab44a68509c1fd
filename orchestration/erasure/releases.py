"""A person in the kept releases: their ids there, their rows, their contacts."""

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from orchestration.dbt import manifest_path, month_columns
from orchestration.erasure.build_database import rows_listed
from orchestration.erasure.files import cleaned_value, copy_redacted, names_any
from orchestration.erasure.journal import Journal
from orchestration.erasure.needles import Needles
from orchestration.errors import LeadproofError
from orchestration.private_files import close_to_others
from orchestration.release.database import MARTS, Columns, identifier, literal, relations_of, writer
from orchestration.release.files import out_of_resources, read_json, sync
from orchestration.release.rewriting import Rewriting, TableEdit, rewrite_release
from orchestration.release.store import (
    ERASURES,
    Release,
    damaged_releases,
    differing_file,
    list_releases,
    pointed_id,
    shared_files,
)
from orchestration.settings import Settings
from orchestration.text_search import holds_texts

_PERSON_COLUMNS = ("person_id", "alias_id")
_QUARANTINE = "quarantine"
# What DuckDB raises where bytes are not what they should be.
_BROKEN = (
    duckdb.IOException,
    duckdb.SerializationException,
    duckdb.InvalidInputException,
    duckdb.InternalException,
    duckdb.FatalException,
)
_AGAIN = "run the same command again"


def require_whole(settings: Settings) -> None:
    """Stop where a release has damage, before anything of an erasure is begun or gone on with.

    Args:
        settings: Where the warehouse lies.

    Raises:
        LeadproofError: Names the release, the file, and what to do.
    """
    for name, file in sorted(damaged_releases(settings).items()):
        raise _damaged(settings, name, file)


def ids_by_address(settings: Settings, releases: Iterable[Release], addresses: Collection[str]) -> set[str]:
    """Find under which ids releases know the person, by the contacts files that belong to them.

    Args:
        settings: How much of the machine may be used.
        releases: The kept releases.
        addresses: The person's addresses.

    Returns:
        Person ids. An address that a release gives to several people names none of them.
    """
    found: set[str] = set()
    if not addresses:
        return found
    listed = ", ".join(literal(address) for address in sorted(addresses))
    for release in releases:
        if not release.contacts.is_file():
            continue
        with _legible_contacts(release), writer(settings, [release.contacts.parent]) as connection:
            rows = connection.execute(
                f"select min(person_id) from read_parquet({literal(release.contacts)})"
                f" where lower(trim(email)) in ({listed}) group by lower(trim(email))"
                " having count(distinct person_id) = 1"
            ).fetchall()
        found |= {row[0] for row in rows}
    return found


def touches_of(settings: Settings, releases: Iterable[Release], person_ids: Collection[str]) -> set[str]:
    """List the ids of the person's touches in releases.

    Args:
        settings: How much of the machine may be used.
        releases: The kept releases.
        person_ids: Ids of the person.

    Returns:
        Touch ids.
    """
    found: set[str] = set()
    for release in releases:
        with _opened(settings, release) as connection:
            if "touches" in relations_of(connection, "held", MARTS):
                rows = connection.execute(
                    f"select touch_id from held.{MARTS}.touches where person_id in {_listed(person_ids)}"
                ).fetchall()
                found |= {row[0] for row in rows}
    return found


def forget_in_release(
    settings: Settings, release: Release, journal: Journal, needles: Needles
) -> dict[str, int] | None:
    """Rewrite a release without a person.

    Args:
        settings: Where the warehouse lies.
        release: The release.
        journal: The erasure.
        needles: What must not be found.

    Returns:
        Rows removed by table; None if nothing of the person is in the release, which then stays as it is.
    """
    path = release.path / "manifest.json"
    done = [
        entry["rows_removed"]
        for entry in (read_json(path) or {}).get(ERASURES, [])
        if entry.get("erasure_id") == journal.erasure_id
    ]
    # An earlier version left manifests as they were, whatever text of somebody's stood there.
    if done and not needles.replaced(path.read_bytes())[1]:
        return dict(done[0])
    editor = _Editor(journal, needles)
    if not _is_affected(settings, release, editor, needles):
        return None
    note = {"erasure_id": journal.erasure_id, "requested_at": journal.requested_at}
    rewriting = Rewriting(
        note={} if done else note,
        edit_table=editor.edit,
        copy_file=lambda source, target: copy_redacted(source, target, needles),
        clean_text=lambda text: _without(needles, text),
        month_columns=month_columns() if manifest_path().exists() else {},
    )
    removed = rewrite_release(settings, release, rewriting)
    return dict(done[0]) if done else removed


def forget_contacts(
    settings: Settings, release: Release, person_ids: Collection[str], needles: Needles
) -> int:
    """Write a contacts file without a person, with its mode kept from the first byte on.

    Args:
        settings: How much of the machine may be used.
        release: The release that it belongs to.
        person_ids: Ids of the person.
        needles: What must not be found, in texts of others either.

    Returns:
        Rows removed.
    """
    if not release.contacts.is_file():
        return 0
    beside = release.contacts.with_name(f".{release.contacts.name}.erased")
    beside.unlink(missing_ok=True)
    source = f"read_parquet({literal(release.contacts)})"
    listed = ", ".join(literal(address) for address in sorted(needles.addresses)) or "null"
    gone = (
        f"coalesce(person_id in {_listed(person_ids)}, false)"
        f" or coalesce(lower(trim(email)) in ({listed}), false)"
    )
    close_to_others(release.contacts.parent)
    with _legible_contacts(release), writer(settings, [release.contacts.parent]) as connection:
        columns = {row[0]: row[1] for row in connection.execute(f"describe from {source}").fetchall()}
        search = needles.in_sql(connection)
        named = names_any(columns, needles, search)
        row = connection.execute(
            f"select count(*) filter ({gone}), count(*) filter ({named}) from {source}"
        ).fetchone()
        count, naming = row or (0, 0)
        if not count and not naming:
            return 0
        kept = ", ".join(
            f"{cleaned_value(name, kind, needles, search)} as {identifier(name)}"
            for name, kind in columns.items()
        )
        os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        connection.execute(
            f"copy (select {kept} from {source} where not ({gone})) to {literal(beside)}"
            " (format parquet, compression zstd, use_tmp_file false)"
        )
    sync(beside)
    beside.replace(release.contacts)
    sync(release.contacts.parent)
    return int(count)


class _Editor:
    """Decides what is taken out of each table of a release."""

    def __init__(self, journal: Journal, needles: Needles) -> None:
        self._journal = journal
        self._needles = needles
        self._people = _listed(journal.person_ids)

    def edit(
        self, connection: duckdb.DuckDBPyConnection, table: str, columns: Columns, source: str
    ) -> TableEdit:
        names = {name for name, *_ in columns}
        conditions = [f"{identifier(name)} in {self._people}" for name in _PERSON_COLUMNS if name in names]
        if table == _QUARANTINE:
            conditions.append(rows_listed(self._journal.rows, "first_seen_at"))
        removed = " or ".join(f"coalesce({condition}, false)" for condition in conditions) or "false"
        if removed != "false" and not _any(connection, source, removed):
            removed = "false"
        texts = {name: kind for name, kind, *_ in columns if holds_texts(kind)}
        kept = f"(from {source} where not coalesce({removed}, false))"
        search = self._needles.in_sql(connection)
        if not _any(connection, kept, names_any(texts, self._needles, search)):
            return TableEdit(removed)
        named = {
            name: kind
            for name, kind in texts.items()
            if _any(connection, kept, names_any({name: kind}, self._needles, search))
        }
        return TableEdit(
            removed, {name: cleaned_value(name, kind, self._needles, search) for name, kind in named.items()}
        )


def _is_affected(settings: Settings, release: Release, editor: _Editor, needles: Needles) -> bool:
    with _opened(settings, release) as connection:
        for table in relations_of(connection, "held", MARTS):
            columns = connection.execute(
                "select column_name, data_type, is_nullable, comment from duckdb_columns()"
                f" where database_name = 'held' and schema_name = '{MARTS}' and table_name = {literal(table)}"
                " order by column_index"
            ).fetchall()
            if not editor.edit(connection, table, columns, f"held.{MARTS}.{identifier(table)}").is_idle:
                return True
    return any(
        needles.replaced(path.read_bytes())[1]
        for path in release.path.rglob("*")
        if path.is_file() and path.suffix not in (".duckdb", ".parquet")
    )


def _without(needles: Needles, text: str) -> str:
    """A text without the person, whose touches only bytes are searched for."""
    return needles.replaced(needles.cleaned(text).encode("utf-8", "surrogatepass"))[0].decode(
        "utf-8", "surrogatepass"
    )


def _any(connection: duckdb.DuckDBPyConnection, source: str, condition: str) -> bool:
    return connection.execute(f"select 1 from {source} where {condition} limit 1").fetchone() is not None


@contextmanager
def _opened(settings: Settings, release: Release) -> Iterator[duckdb.DuckDBPyConnection]:
    folders = [release.path, *{path.parent for path in shared_files(release)}]
    with writer(settings, folders) as connection, _legible(settings, release):
        connection.execute(f"attach {literal(release.database)} as held (read_only)")
        yield connection


@contextmanager
def _legible(settings: Settings, release: Release) -> Iterator[None]:
    """Tell which release has damage that its sizes do not show."""
    try:
        yield
    except _BROKEN as error:
        # DuckDB raises the same where one of our own functions fails, and then nothing has to be restored.
        file = None if _is_elsewhere(error, release.path) else differing_file(release)
        if file is None:
            raise
        raise _damaged(settings, release.release_id, file) from None


@contextmanager
def _legible_contacts(release: Release) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        if _is_elsewhere(error, release.contacts.parent) or _is_readable(release.contacts):
            raise
        raise LeadproofError(
            f"The contacts of release {release.release_id}, {release.contacts}, cannot be read.",
            f"Restore the file from a backup or remove it, and {_AGAIN}.",
        ) from None


def _is_readable(contacts: Path) -> bool:
    """Whether every value of a contacts file can be read. Its manifest may not know its latest bytes yet."""
    try:
        with duckdb.connect() as connection:
            connection.execute(f"select bit_xor(hash(held)) from read_parquet({literal(contacts)}) as held")
    except _BROKEN:
        return False
    return True


def _is_elsewhere(error: duckdb.Error, place: Path) -> bool:
    """Whether the file is sound, and the disk, the memory or another process is the matter."""
    text = str(error).lower()
    is_held = any(part in text for part in ("set lock", "conflicting lock", "permission denied"))
    return is_held or out_of_resources(text, "", place) is not None


def _damaged(settings: Settings, name: str, file: str) -> LeadproofError:
    step = f"Restore {settings.releases / name} from a backup or remove it, and {_AGAIN}."
    if name == pointed_id(settings):
        damaged = damaged_releases(settings)
        others = [
            each.release_id for each in list_releases(settings) if each.release_id not in {*damaged, name}
        ]
        if others:
            step = f"Run leadproof rollback {others[0]}, as readers see this one. {step}"
    return LeadproofError(
        f"Release {name} is damaged: {file} is not the file that was published, so nobody can be erased.",
        step,
    )


def _listed(person_ids: Collection[str]) -> str:
    return f"({', '.join(literal(name) for name in sorted(person_ids)) or 'null'})"
