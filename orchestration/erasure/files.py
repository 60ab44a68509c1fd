"""Everything that is neither the build database nor a release: reports, records, logs, histories, caches.

Plain files are changed where they stand, byte for byte, because another process may be appending to them.
Compressed ones are written anew. What only an unpublished build needs is removed.
"""

import contextlib
import gzip
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import duckdb

from orchestration.dbt import target_path
from orchestration.erasure.needles import Needles
from orchestration.errors import LeadproofError
from orchestration.mentions import ERASED
from orchestration.release.database import DATABASE, identifier, literal
from orchestration.release.files import remove_tree, sync
from orchestration.release.shared import sweep_shared
from orchestration.release.store import POLICY
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.text_search import TextSearch

GZIP, PARQUET, SQLITE = b"\x1f\x8b", b"PAR1", b"SQLite format 3\0"
_DUCKDB_AT, _DUCKDB = 8, b"DUCK"
NOT_GZIP = (OSError, EOFError, zlib.error)
_BESIDE = ".erased"
# What SQLite keeps beside a database: an edited byte there would cost others the rows behind it.
_BESIDE_SQLITE = ("-wal", "-shm", "-journal")
# What Dagster makes in its own folder.
_OF_DAGSTER = ("storage", "history", "schedules", "logs")
_BUSY_SECONDS = 30
_BLOCK_BYTES = 4096
# Ids of touches stand beside the person's, but for the keys of rows that an audit complains of.
_KEYS, _BETWEEN_KEYS = "failing_keys", "|"
# Where one column is wrong, a key is told with its name.
_BARE_KEY = "regexp_replace(each, '^[a-z0-9_]+ of ', '')"
_TEXTS = ("VARCHAR", "VARCHAR[]")


def main_places(settings: Settings) -> list[Path]:
    """List the folders in which Leadproof and its tools keep everything that no link has moved elsewhere.

    Args:
        settings: Where they lie.

    Returns:
        Folders that are there, none inside an earlier one.
    """
    return _added([], [settings.warehouse, *_of_tools(settings)])


def places(settings: Settings) -> list[Path]:
    """List the folders in which Leadproof and its tools keep anything.

    One of its own folders may be a link to another disk; what stands there is Leadproof's all the same.

    Args:
        settings: Where they lie.

    Returns:
        Folders that are there, none inside an earlier one.
    """
    main = main_places(settings)
    own = [each for each in _own_folders(settings) if not _lead_back(each.resolve(), main)]
    return _added(main, own)


def _of_tools(settings: Settings) -> list[Path]:
    return [settings.dagster_home, target_path(), PROJECT_ROOT / "logs"]


def _own_folders(settings: Settings) -> list[Path]:
    return [
        settings.build_db.parent,
        settings.state,
        settings.candidates,
        settings.releases,
        settings.shared,
        settings.restricted,
        settings.logs,
        settings.erasures,
        settings.quality,
        *(settings.dagster_home / name for name in _OF_DAGSTER),
    ]


def _added(found: list[Path], wanted: Iterable[Path]) -> list[Path]:
    places = [*found]
    for folder in wanted:
        real = folder.resolve()
        if real.is_dir() and not any(map(real.is_relative_to, places)):
            places.append(real)
    return places


def _lead_back(real: Path, main: list[Path]) -> bool:
    """Whether a link leads to what a place lies in: back, or to the rest of the machine."""
    return any(root.is_relative_to(real) for root in main)


def files_kept(settings: Settings, skipped: tuple[Path, ...] = ()) -> Iterator[Path]:
    """List the files in which Leadproof and its tools keep anything, each once, with what links lead to.

    Args:
        settings: Where they lie.
        skipped: Folders and files that are left out; the landing folder with what links there lead to.

    Yields:
        Each file. What lies outside of ``places`` may be anybody's and must not be changed.

    Raises:
        LeadproofError: If a folder cannot be listed, or belongs to the owner of the landing files as well as
            to Leadproof: nobody could say what stands there.
    """
    main, roots = main_places(settings), places(settings)
    left_out = {path.resolve() for path in skipped}
    own = roots[len(main) :]
    if settings.landing in skipped:
        for each in own:
            if each.is_relative_to(settings.landing.resolve()):
                raise _of_two_owners(each)
        left_out |= _linked_by_landing(settings, main)
    waiting, seen = [*main, *(each for each in own if not _lies_in(each, left_out))], set[Path]()
    while waiting:
        for path in _files_below(waiting.pop(0), seen, left_out):
            if not path.is_symlink():
                yield path
                continue
            real = Path(os.path.realpath(path))
            if _lead_back(real, main) or _lies_in(real, left_out):
                continue
            if real.is_dir():
                waiting.append(real)
            elif real.is_file() and real not in seen and not _lies_in(real, roots):
                seen.add(real)
                yield real


def files_linked(settings: Settings) -> Iterator[Path]:
    """List the files that belong to Leadproof by nothing but a link: nobody may change them but their owner.

    Args:
        settings: Where Leadproof keeps its own.

    Yields:
        Each file.
    """
    roots = places(settings)
    for path in files_kept(settings, _others_work(settings)):
        if not _lies_in(path, roots):
            yield path


def is_only_linked(settings: Settings, path: Path) -> bool:
    """Tell whether a file lies outside of Leadproof's folders.

    Args:
        settings: Where these lie.
        path: A file of ``files_kept``.

    Returns:
        Whether it does.
    """
    return not _lies_in(path, places(settings))


def _lies_in(path: Path, folders: Iterable[Path]) -> bool:
    return any(map(path.is_relative_to, folders))


def _linked_by_landing(settings: Settings, main: list[Path]) -> set[Path]:
    """Files and folders outside of the landing folder that a link there makes landing files."""
    landing = settings.landing.resolve()
    own = [each.resolve() for each in (*_own_folders(settings), *_of_tools(settings))]
    own = [each for each in own if not _lead_back(each, main) or each in main]
    waiting, found = [landing], set[Path]()
    while waiting:
        for place, folders, names in os.walk(waiting.pop()):
            folders[:] = [name for name in folders if Path(place, name) not in main]
            for path in (Path(place, name) for name in (*folders, *names)):
                if not path.is_symlink():
                    continue
                real = Path(os.path.realpath(path))
                if real in found or real.is_relative_to(landing) or not real.exists():
                    continue
                if _lead_back(real, [*main, *own]) or _lies_in(real, own):
                    raise _of_two_owners(real)
                found.add(real)
                waiting.append(real)
    return found


def _of_two_owners(folder: Path) -> LeadproofError:
    return LeadproofError(
        f"{folder} belongs to the landing files, by a link, and to what Leadproof keeps.",
        "Move either elsewhere, or remove the link, and run the same command again.",
    )


def _files_below(folder: Path, seen: set[Path], left_out: set[Path]) -> Iterator[Path]:
    """Files below a folder, and links, which are not followed."""
    for place, folders, names in os.walk(folder, onerror=_refuse_closed):
        parent = Path(place)
        if parent in seen:
            folders.clear()
            continue
        seen.add(parent)
        links = [name for name in folders if (parent / name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in links and parent / name not in left_out)
        for name in sorted([*names, *links]):
            path = parent / name
            if (path.is_file() or path.is_symlink()) and path not in left_out:
                yield path


def _refuse_closed(error: OSError) -> None:
    if isinstance(error, FileNotFoundError):
        return  # others may be tidying up
    raise LeadproofError(
        f"The folder {error.filename} cannot be listed, so nobody can say whether the person stands there.",
        "Give the account that runs this access to it, or move it away, and run the same command again.",
    ) from None


def drop_candidates(settings: Settings) -> None:
    """Remove what was never published: candidates, spilled rows, what a loader left.

    Only for a caller that holds the publication lock.

    Args:
        settings: Where they lie.
    """
    if settings.candidates.is_dir():
        for folder in settings.candidates.iterdir():
            if folder.name.startswith("."):
                remove_tree(folder)
            else:
                (folder / DATABASE).unlink(missing_ok=True)
    spill = settings.build_db.parent / "spill"
    for left in spill.iterdir() if spill.is_dir() else ():
        remove_tree(left)
    sweep_shared(settings)


def redact_files(settings: Settings, needles: Needles) -> int:
    """Take a person out of every file but the build database, the releases, the contacts and the erasures.

    A file that is only linked to stays as it is; the search tells of it.

    Args:
        settings: Where everything lies.
        needles: What must not be found.

    Returns:
        How many files were changed.
    """
    changed = 0
    roots = places(settings)
    for path in files_kept(settings, _others_work(settings)):
        if not _lies_in(path, roots):
            continue
        with contextlib.suppress(FileNotFoundError):  # others may be tidying up
            if path.name.startswith(".") and path.name.endswith(_BESIDE):
                path.unlink()  # half a file: what wrote it was killed
            else:
                changed += _redacted(path, needles)
    return changed


def databases_beside(settings: Settings) -> Iterator[Path]:
    """List DuckDB files that somebody has put where Leadproof keeps its own: a backup, say.

    Args:
        settings: Where everything lies.

    Yields:
        Each file.
    """
    for path in files_kept(settings, (*_others_work(settings), settings.candidates)):
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            if is_duckdb(file.read(16)):
                yield path


def is_duckdb(start: bytes) -> bool:
    """Tell whether a file is a DuckDB database.

    Args:
        start: Its first sixteen bytes.

    Returns:
        Whether it is one.
    """
    return start[_DUCKDB_AT : _DUCKDB_AT + len(_DUCKDB)] == _DUCKDB


def _others_work(settings: Settings) -> tuple[Path, ...]:
    return (settings.build_db, settings.releases, settings.restricted, settings.erasures, settings.landing)


def _redacted(path: Path, needles: Needles) -> bool:
    try:
        return redact_file(path, needles)
    except (sqlite3.Error, duckdb.Error, UnicodeError) as error:
        # The message may quote what stands there.
        raise LeadproofError(
            f"{path} cannot be cleaned: {type(error).__name__}.",
            "Close whatever uses it, repair it or remove it, and run the same command again.",
        ) from None


def redact_file(path: Path, needles: Needles) -> bool:
    """Take a person out of a file.

    Args:
        path: The file.
        needles: What must not be found.

    Returns:
        Whether it held anything. A DuckDB database, of which bytes cannot be changed, is left as it is.
    """
    with path.open("rb") as file:
        start = file.read(16)
    if is_duckdb(start) or path.name.endswith(_BESIDE_SQLITE):
        return False
    if start.startswith(PARQUET) and _is_readable(path):
        return _redact_parquet(path, needles)
    if start.startswith(GZIP):
        return _redact_gzip(path, needles)
    if start.startswith(SQLITE):
        return _redact_sqlite(path, needles)
    return bool(start) and _redact_bytes(path, needles)


def copy_redacted(source: Path, target: Path, needles: Needles) -> None:
    """Copy a file without a person.

    Args:
        source: The file.
        target: The copy.
        needles: What must not be found.
    """
    content = source.read_bytes()
    if source.parent.name == POLICY:
        # A copy may be shorter. The policy lock looks for the mark, of which a short address leaves stars.
        with contextlib.suppress(UnicodeDecodeError):
            content = needles.cleaned(content.decode("utf-8")).encode("utf-8")
    target.write_bytes(content)
    redact_file(target, needles)


def _redact_bytes(path: Path, needles: Needles) -> bool:
    held = path.read_bytes()
    cleaned, count = needles.replaced(held)
    if not count:
        return False
    mode = path.stat().st_mode & 0o777
    path.chmod(mode | 0o200)
    with path.open("r+b") as file:
        for start in range(0, len(cleaned), _BLOCK_BYTES):
            part = cleaned[start : start + _BLOCK_BYTES]
            if part != held[start : start + _BLOCK_BYTES]:
                file.seek(start)
                file.write(part)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(mode)
    return True


def _redact_gzip(path: Path, needles: Needles) -> bool:
    try:
        with gzip.open(path, "rb") as file:
            cleaned, count = needles.replaced(file.read())
    except NOT_GZIP:
        return _redact_bytes(path, needles)
    if count:
        _replace(path, gzip.compress(cleaned))
    return bool(count)


def _is_readable(path: Path) -> bool:
    """Tell whether a Parquet file is whole; of one that was cut nothing but bytes can be looked at."""
    try:
        with duckdb.connect() as connection:
            connection.execute(f"describe from read_parquet({literal(path)}, hive_partitioning = false)")
    except duckdb.Error:
        return False
    return True


def _redact_parquet(path: Path, needles: Needles) -> bool:
    with duckdb.connect() as connection:
        source = f"read_parquet({literal(path)}, hive_partitioning = false)"
        columns = {row[0]: row[1] for row in connection.execute(f"describe from {source}").fetchall()}
        search = needles.in_sql(connection)
        found = connection.execute(
            f"select count(*) from {source} where {names_any(columns, needles, search)}"
        ).fetchone()
        if not found or not found[0]:
            return False
        selected = ", ".join(
            f"{cleaned_value(name, kind, needles, search)} as {identifier(name)}"
            for name, kind in columns.items()
        )
        beside = path.with_name(f".{path.name}{_BESIDE}")
        beside.unlink(missing_ok=True)
        os.close(os.open(beside, os.O_WRONLY | os.O_CREAT, path.stat().st_mode & 0o777))
        connection.execute(
            f"copy (select {selected} from {source}) to {literal(beside)}"
            " (format parquet, compression zstd, use_tmp_file false)"
        )
    beside.chmod(path.stat().st_mode & 0o777)
    sync(beside)
    beside.replace(path)
    sync(path.parent)
    return True


def names_any(columns: Mapping[str, str], needles: Needles, search: TextSearch) -> str:
    """Write the condition that some column of a row holds what must not be found.

    Args:
        columns: DuckDB types by column.
        needles: What must not be found.
        search: What the connection can ask of it.

    Returns:
        SQL, never null.
    """
    named = search.any_condition({identifier(name): kind for name, kind in columns.items()})
    if needles.touch_ids and columns.get(_KEYS) in _TEXTS:
        listed = f"list_transform({_listed_keys(columns[_KEYS])}, lambda each: {_BARE_KEY})"
        return f"({named} or coalesce(list_has_any({listed}, {_touches(needles)}), false))"
    return named


def cleaned_value(column: str, data_type: str, needles: Needles, search: TextSearch) -> str:
    """Write a column's value without what must not be found.

    Args:
        column: The column.
        data_type: Its DuckDB type.
        needles: What must not be found.
        search: What the connection can ask of it.

    Returns:
        SQL; a type that holds no words is left as it is.
    """
    expression = identifier(column)
    if column == _KEYS and needles.touch_ids and data_type in _TEXTS:
        # As whole words: the id of somebody else's touch may begin like one of the person's.
        known = f"list_contains({_touches(needles)}, {_BARE_KEY})"
        key = f"case when {known} then '{ERASED}' else each end"
        expression = f"list_transform({_listed_keys(data_type)}, lambda each: {key})"
        if data_type == "VARCHAR":
            expression = f"array_to_string({expression}, '{_BETWEEN_KEYS}')"
    return search.without(expression, data_type)


def _listed_keys(data_type: str) -> str:
    return _KEYS if data_type == "VARCHAR[]" else f"string_split({_KEYS}, '{_BETWEEN_KEYS}')"


def _touches(needles: Needles) -> str:
    return f"[{', '.join(literal(name) for name in sorted(needles.touch_ids))}]"


def _redact_sqlite(path: Path, needles: Needles) -> bool:
    """Clean every text of a database that other processes may have open, and the pages it no longer uses."""
    # Rows that were deleted long ago leave their bytes where no statement reaches them.
    log = path.with_name(f"{path.name}-wal")
    changed = any(needles.replaced(each.read_bytes())[1] for each in (path, log) if each.exists())
    with contextlib.closing(sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
        connection.execute("pragma secure_delete = on")
        # What is no UTF-8 stays as it is, and no error quotes it.
        connection.text_factory = lambda held: held.decode("utf-8", "surrogateescape")
        tables = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            changed |= _redact_sqlite_table(connection, table, needles)
        if changed:
            # Somebody may be reading: the search after this says so.
            with contextlib.suppress(sqlite3.OperationalError):
                connection.execute("vacuum")
            with contextlib.suppress(sqlite3.OperationalError):
                connection.execute("pragma wal_checkpoint(truncate)")
    return changed


def _redact_sqlite_table(connection: sqlite3.Connection, table: str, needles: Needles) -> bool:
    described = connection.execute(f"pragma table_info({identifier(table)})").fetchall()
    columns = [row[1] for row in described]
    keys, rows = ["rowid"], []
    try:
        rows = connection.execute(
            f"select rowid, {', '.join(map(identifier, columns))} from {identifier(table)}"
        ).fetchall()
    except sqlite3.OperationalError:
        keys = [identifier(row[1]) for row in described if row[5]]  # a table without row ids
        if keys:
            rows = connection.execute(
                f"select {', '.join([*keys, *map(identifier, columns)])} from {identifier(table)}"
            ).fetchall()
    changed = False
    for row in rows:
        # Texts are bound as bytes, because some are no UTF-8.
        bound = [_sqlite_bytes(value) for value in row[: len(keys)]]
        where = " and ".join(
            f"{key} is {'cast(? as text)' if isinstance(value, str) else '?'}"
            for key, value in zip(keys, row, strict=False)
        )
        edits: dict[str, bytes] = {}
        for column, value in zip(columns, row[len(keys) :], strict=True):
            held = _sqlite_bytes(value)
            if not isinstance(held, bytes):
                continue
            cleaned, count = needles.replaced(held)
            if count:
                written = "cast(? as text)" if isinstance(value, str) else "?"
                edits[f"{identifier(column)} = {written}"] = cleaned
        if edits:
            changed = True
            try:
                connection.execute(
                    f"update {identifier(table)} set {', '.join(edits)} where {where}",
                    [*edits.values(), *bound],
                )
            except sqlite3.IntegrityError:
                # Two values that differed in nothing but a person are one now, where only one may be.
                connection.execute(f"delete from {identifier(table)} where {where}", bound)
    return changed


def _sqlite_bytes(value: object) -> object:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}{_BESIDE}")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, path.stat().st_mode & 0o777)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync(path.parent)
