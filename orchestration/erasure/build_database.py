"""The build database without a person: what is kept is copied into a new file that takes the old one's place.

A deleted row leaves its bytes in a DuckDB file, so nothing is deleted: a file that never held the row
replaces the one that did. What the models made goes altogether; the next build makes it anew, from rows in
which the person is not.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import duckdb

from orchestration.erasure.journal import RawRow
from orchestration.erasure.needles import Needles
from orchestration.erasure.scope import HUBS, IDENTITIES, HeldTable, has_table, held_tables, listed
from orchestration.landing.declarations import DeclaredTable, TableKey
from orchestration.landing.erased_names import without_forgotten
from orchestration.landing.identities import kept_value, names_record, possible_keys
from orchestration.landing.names import PROVENANCE, first_free, literal, quoted
from orchestration.landing.tables import TEXT, as_type
from orchestration.release.database import writer
from orchestration.release.files import sync
from orchestration.settings import Settings
from orchestration.suppression import Suppression, read_suppression
from orchestration.text_search import TextSearch, has_named_parts, is_indivisible

# What a build compares itself with, or goes on from, names people; it is written anew by each build.
_OF_MODELS = {
    "completed_build",
    "compared_release",
    "released_entries",
    "released_restatements",
    "month_sums",
    "months_changed",
}
_OF_FILE = "_source_file"
_LEDGER, _COLUMNS, _REJECTS = ("landing", "files"), ("landing", "columns"), ("landing", "rejects")
_LOG = ("ops", "quarantine_log")
_ROW_KINDS = {
    "source_system": "VARCHAR",
    "source_table": "VARCHAR",
    "source_file": "VARCHAR",
    "source_row": "BIGINT",
    "loaded_at": "TIMESTAMP",
}


@dataclass
class Found:
    """What the build database holds of a person.

    Args:
        rows: Where the rows came from, unreadable lines among them.
        raw_rows: Rows by source table.
        raw_lines: Unreadable lines by source table.
        cleaned_values: Texts of other rows that name an address or an id of the person.
        landing_files: Rows and lines by landing file, those among them that name the person in others' texts.
    """

    rows: list[RawRow] = field(default_factory=list)
    raw_rows: dict[str, int] = field(default_factory=dict)
    raw_lines: dict[str, int] = field(default_factory=dict)
    cleaned_values: int = 0
    landing_files: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _RawEdit:
    """What happens to the rows of a raw table: which go, its columns of text, and how these are kept."""

    table: HeldTable
    removed: str
    texts: Mapping[str, str]
    cleaned: Mapping[str, str]


def find_rows(
    connection: duckdb.DuckDBPyConnection,
    tables: Collection[HeldTable],
    keys: Collection[str],
    needles: Needles,
    declared: Mapping[TableKey, DeclaredTable],
) -> Found:
    """Find what the build database holds of a person.

    Args:
        connection: Connection with the build database attached as ``held``.
        tables: Its raw tables.
        keys: The person's identity keys.
        needles: The person's addresses, and ids of releases.
        declared: What dbt declares of the raw tables.

    Returns:
        What was found.
    """
    found, search = Found(), needles.in_sql(connection)
    for edit in (_edit(table, keys, search) for table in tables):
        rows = connection.execute(
            "select _source_file, _source_row, cast(_loaded_at as varchar)"
            f" from {edit.table.relation} where {edit.removed}"
        ).fetchall()
        _note(found, found.raw_rows, edit.table.source_system, edit.table.source_table, rows)
        mentions: dict[str, int] = {}
        for text in edit.texts.values():
            named = search.condition(text, TEXT)
            for file, count in connection.execute(
                f"select _source_file, count(*) from {edit.table.relation}"
                f" where {named} and not {edit.removed} group by all"
            ).fetchall():
                found.cleaned_values += int(count)
                mentions[file] = max(mentions.get(file, 0), int(count))
        for file, count in mentions.items():
            found.landing_files[file] = found.landing_files.get(file, 0) + count
    for system, table, lines in _rejected(connection, keys, needles, declared):
        _note(found, found.raw_lines, system, table, [line[:3] for line in lines])
    found.landing_files |= _copies(connection, found)
    return found


def rewrite_build_database(
    settings: Settings,
    tables_declared: Mapping[TableKey, DeclaredTable],
    keys: Collection[str],
    needles: Needles,
) -> None:
    """Put a build database without a person in the place of the one that holds them.

    Args:
        settings: Where it lies and how much of the machine may be used; the person is on the list already.
        tables_declared: What dbt declares of the raw tables.
        keys: The person's identity keys.
        needles: The person's addresses, and ids of releases.
    """
    database = settings.build_db
    writing = database.with_name(f".{database.name}.erased")
    for leftover in (writing, _log_of(writing)):
        leftover.unlink(missing_ok=True)
    _empty_log(settings)
    with writer(settings, [database.parent]) as connection:
        attach_held(connection, database)
        connection.execute(f"attach {literal(str(writing))} as kept")
        connection.execute("begin")
        _copy(connection, tables_declared, keys, needles, read_suppression(settings))
        connection.execute("commit")
        connection.execute("checkpoint kept")
        connection.execute("detach kept")
        connection.execute("detach held")
    writing.chmod(database.stat().st_mode & 0o777)
    sync(writing)
    writing.replace(database)
    _log_of(database).unlink(missing_ok=True)
    sync(database.parent)


def attach_held(connection: duckdb.DuckDBPyConnection, database: Path) -> None:
    """Attach a build database for reading.

    Args:
        connection: A connection that may read it.
        database: The file.
    """
    connection.execute(f"attach {literal(str(database))} as held (read_only)")


def _empty_log(settings: Settings) -> None:
    """Bring what a killed process left in the write-ahead log into the file; it can be read only with it."""
    if not _log_of(settings.build_db).exists():
        return
    with duckdb.connect(str(settings.build_db)) as connection:
        connection.execute("checkpoint")


def _log_of(database: Path) -> Path:
    return database.with_name(f"{database.name}.wal")


def _copy(
    connection: duckdb.DuckDBPyConnection,
    declared: Mapping[TableKey, DeclaredTable],
    keys: Collection[str],
    needles: Needles,
    suppression: Suppression,
) -> None:
    present = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'held' order by 1, 2"
    ).fetchall()
    raw = {table.relation: table for table in held_tables(connection, declared)}
    lost = _lost_by_file(connection, raw.values(), declared, keys, needles)
    columns = _columns_named_after(connection, raw.values(), suppression)
    for schema, name in present:
        place = f"{quoted(schema)}.{quoted(name)}"
        kept = _kept_rows(connection, schema, name, raw, declared, keys, needles)
        if kept is None:
            continue
        if f"held.{place}" in raw and (names_kept := columns.get(f"held.{place}")):
            told = ", ".join(f"{quoted(old)} as {quoted(new)}" for old, new in names_kept.items())
            kept = f"select * rename ({told}) from ({kept})"
        if (schema, name) == _COLUMNS:
            kept = _with_columns_renamed(kept, raw.values(), columns)
        connection.execute(f"create schema if not exists kept.{quoted(schema)}")
        names = [_OF_FILE] if f"held.{place}" in raw else _texts_of(connection, schema, name)
        renamed = _renamed(connection, f"held.{place}", names, suppression, needles)
        connection.execute(f"create table kept.{place} as select *{renamed} from ({kept})")
    if ("landing", "files") in present:
        _lower_counts(connection, lost, suppression)


def _columns_named_after(
    connection: duckdb.DuckDBPyConnection, raw: Collection[HeldTable], suppression: Suppression
) -> dict[str, dict[str, str]]:
    """Find columns whose name was made of a forgotten address: by raw table, the new name by the old."""
    if not has_table(connection, *_COLUMNS):
        return {}
    rows = connection.execute(
        "select source_system, source_table, column_name, original_name from held.landing.columns"
    ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for table in raw:
        taken, declared = set(table.types), table.declared.columns if table.declared else ()
        for system, name, column, original in rows:
            if (system, name) != (table.source_system, table.source_table) or column in declared:
                continue
            if column in table.types and without_forgotten(original, suppression) != original:
                new = first_free(f"column_{list(table.types).index(column) + 1}", taken)
                taken.add(new)
                found.setdefault(table.relation, {})[column] = new
    return found


def _with_columns_renamed(
    kept: str, raw: Collection[HeldTable], columns: Mapping[str, Mapping[str, str]]
) -> str:
    """Write the list of columns with the names that the raw tables have from now on."""
    cases = [
        f"when source_system = {literal(table.source_system)}"
        f" and source_table = {literal(table.source_table)}"
        f" and column_name = {literal(old)} then {literal(new)}"
        for table in raw
        for old, new in columns.get(table.relation, {}).items()
    ]
    if not cases:
        return kept
    return f"select * replace (case {' '.join(cases)} else column_name end as column_name) from ({kept})"


def _texts_of(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> list[str]:
    """Text columns of a table, but for lines that go or stay as a whole."""
    rows = connection.execute(
        "select column_name from duckdb_columns() where database_name = 'held' and schema_name = ?"
        " and table_name = ? and data_type = ? and column_name <> 'raw_text' order by column_index",
        [schema, name, TEXT],
    ).fetchall()
    return [row[0] for row in rows]


def _renamed(
    connection: duckdb.DuckDBPyConnection,
    place: str,
    columns: Collection[str],
    suppression: Suppression,
    needles: Needles,
) -> str:
    """Write the part of a selection that gives files and columns names in which nobody forgotten stands.

    Not as an update: what is written first leaves its bytes behind.
    """
    replaced, search = [], needles.in_sql(connection)
    for column in columns:
        values = connection.execute(
            f"select distinct {quoted(column)} from {place} where {search.may_hold(quoted(column))}"
        ).fetchall()
        cleaned = {value: needles.cleaned(without_forgotten(value, suppression)) for (value,) in values}
        cases = [
            f"when {literal(value)} then {literal(name)}" for value, name in cleaned.items() if name != value
        ]
        if cases:
            replaced.append(
                f"case {quoted(column)} {' '.join(cases)} else {quoted(column)} end as {quoted(column)}"
            )
    return f" replace ({', '.join(replaced)})" if replaced else ""


def _kept_rows(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    name: str,
    raw: Mapping[str, HeldTable],
    declared: Mapping[TableKey, DeclaredTable],
    keys: Collection[str],
    needles: Needles,
) -> str | None:
    """Select what is kept of a table; None where nothing of it is."""
    place = f"held.{quoted(schema)}.{quoted(name)}"
    if place in raw:
        edit = _edit(raw[place], keys, needles.in_sql(connection))
        columns = ", ".join(
            f"{edit.cleaned.get(column, quoted(column))} as {quoted(column)}" for column in raw[place].types
        )
        return f"select {columns} from {place} where not {edit.removed}"
    if (schema, name) == _REJECTS:
        lines = [line[3] for _, _, found in _rejected(connection, keys, needles, declared) for line in found]
        gone = ", ".join(str(row) for row in lines) or "-1"
        return f"select * from {place} where rowid not in ({gone})"
    if (schema, name) == _LOG:
        gone_rows = find_rows(connection, raw.values(), keys, needles, declared).rows
        return f"select * from {place} where not {rows_listed(gone_rows, 'first_seen_at')}"
    if schema == "intermediate" and name in (IDENTITIES, HUBS):
        # Who is who among all others: whoever is forgotten next, before a build, is found by it.
        return f"select * from {place} where identity_key not in {listed(keys)}" if keys else f"from {place}"
    if (schema, name) == _COLUMNS:
        return f"select * replace ({_kept_types(connection, place)} as data_type) from {place}"
    if schema == "landing" or (schema == "ops" and name not in _OF_MODELS):
        return f"select * from {place}"
    return None


def _kept_types(connection: duckdb.DuckDBPyConnection, place: str) -> str:
    """Write the types of columns as their copies have them."""
    rows = connection.execute(f"select distinct data_type from {place}").fetchall()
    kinds = [literal(kind) for (kind,) in rows if has_named_parts(kind)]
    return f"if(data_type in ({', '.join(kinds)}), '{TEXT}', data_type)" if kinds else "data_type"


def _edit(table: HeldTable, keys: Collection[str], search: TextSearch) -> _RawEdit:
    held = table.keys
    conditions = [held.matches(keys)] if held else []
    conditions += [
        search.condition(quoted(column), kind)
        for column, kind in table.types.items()
        if is_indivisible(kind) and not has_named_parts(kind)
    ]
    # The names within a type may be the person's, and no row that goes would take them along.
    texts = {
        column: as_type(quoted(column), kind, TEXT)
        for column, kind in table.types.items()
        if column not in PROVENANCE and (kind == TEXT or has_named_parts(kind))
    }
    return _RawEdit(
        table,
        f"({' or '.join(conditions) or 'false'})",
        texts,
        {
            column: kept_value(table.declared, column, search.without(text, TEXT))
            for column, text in texts.items()
        },
    )


def _rejected(
    connection: duckdb.DuckDBPyConnection,
    keys: Collection[str],
    needles: Needles,
    declared: Mapping[TableKey, DeclaredTable],
) -> list[tuple[str, str, list[tuple[str, int, str, int]]]]:
    """Unreadable lines that may be about the person, by table: file, line, when loaded, row id."""
    if not has_table(connection, *_REJECTS):
        return []
    prefixes = {each.prefix for table in declared.values() for each in table.identities}
    last_parts = {key.split(":")[-1] for key in keys}
    # A file writes an id without what staging puts before it.
    texts = {part.removeprefix(prefix) for part in last_parts for prefix in prefixes} | last_parts
    rows = connection.execute(
        "select source_system, source_table, source_file, source_row, cast(loaded_at as varchar), rowid,"
        f" raw_text from held.landing.rejects where {_contains_any('raw_text', texts)}"
        f" or {needles.in_sql(connection).condition('raw_text', TEXT)}"
    ).fetchall()
    found: dict[TableKey, list[tuple[str, int, str, int]]] = {}
    for system, table, file, number, loaded_at, row_id, text in rows:
        of_table = declared.get((system, table))
        if (
            needles.names(text)
            or set(keys) & possible_keys(system, of_table, text)
            or names_record(system, of_table, keys, text)
        ):
            found.setdefault((system, table), []).append((file, number, loaded_at, row_id))
    return [(*key, lines) for key, lines in found.items()]


def _contains_any(expression: str, texts: Collection[str]) -> str:
    parts = [f"contains(lower({expression}), lower({literal(text)}))" for text in sorted(texts)]
    return f"({' or '.join(parts)})"


def rows_listed(rows: Collection[RawRow], loaded_at: str) -> str:
    """Write the condition that a quarantined row is one of some rows.

    Args:
        rows: The rows.
        loaded_at: Column that says when a row was loaded.

    Returns:
        SQL, never null.
    """
    if not rows:
        return "false"
    # One text, because tens of thousands of literals take longer to be read than the rows to be found.
    told = json.dumps([asdict(row) for row in rows])
    columns = ", ".join(f"listed.{name}" for name in _ROW_KINDS)
    return (
        f"coalesce((source_system, source_table, source_file, source_row, {loaded_at}) in (select {columns}"
        f" from (select unnest(from_json({literal(told)}, {literal(json.dumps([_ROW_KINDS]))})) as listed)),"
        " false)"
    )


def _lost_by_file(
    connection: duckdb.DuckDBPyConnection,
    raw: Collection[HeldTable],
    declared: Mapping[TableKey, DeclaredTable],
    keys: Collection[str],
    needles: Needles,
) -> list[tuple[str, str, str, int, int, int]]:
    """Rows and lines that go, by system, table, path and load."""
    lost: dict[tuple[str, str, str, int], list[int]] = {}
    for table in raw:
        edit = _edit(table, keys, needles.in_sql(connection))
        for file, load_id, count in connection.execute(
            f"select _source_file, _load_id, count(*) from {table.relation} where {edit.removed} group by all"
        ).fetchall():
            lost.setdefault((table.source_system, table.source_table, file, load_id), [0, 0])[0] += count
    for system, table_name, lines in _rejected(connection, keys, needles, declared):
        ids = ", ".join(str(line[3]) for line in lines)
        for file, load_id, count in connection.execute(
            "select source_file, load_id, count(*) from held.landing.rejects"
            f" where rowid in ({ids}) group by all"
        ).fetchall():
            lost.setdefault((system, table_name, file, load_id), [0, 0])[1] += count
    return [(*key, rows, lines) for key, (rows, lines) in lost.items()]


def _lower_counts(
    connection: duckdb.DuckDBPyConnection,
    lost: list[tuple[str, str, str, int, int, int]],
    suppression: Suppression,
) -> None:
    """Say in the ledger that the rows are no longer kept, so that what is kept adds up to what it says."""
    connection.execute("alter table kept.landing.files add column if not exists erased_count bigint")
    for system, table, path, load_id, rows, lines in lost:
        kept_path = without_forgotten(path, suppression)
        connection.execute(
            f"update kept.landing.files set row_count = row_count - {rows},"
            f" reject_count = reject_count - {lines},"
            f" erased_count = coalesce(erased_count, 0) + {rows + lines}"
            f" where source_system = {literal(system)} and source_table = {literal(table)}"
            f" and path = {literal(kept_path)} and load_id = {load_id} and status = 'loaded'"
        )


def _note(
    found: Found,
    counts: dict[str, int],
    system: str,
    table: str,
    rows: Collection[tuple[str, int, str]],
) -> None:
    if not rows:
        return
    counts[f"{system}.{table}"] = counts.get(f"{system}.{table}", 0) + len(rows)
    for file, number, loaded_at in rows:
        found.rows.append(RawRow(system, table, file, int(number), loaded_at))
        found.landing_files[file] = found.landing_files.get(file, 0) + 1


def _copies(connection: duckdb.DuckDBPyConnection, found: Found) -> dict[str, int]:
    """Other files of the same content, which loaded nothing and hold the person all the same."""
    if not found.landing_files or not has_table(connection, *_LEDGER):
        return {}
    rows = connection.execute(
        "select distinct copies.path, loaded.path from held.landing.files as copies"
        " inner join held.landing.files as loaded on copies.content_hash = loaded.content_hash"
        " and copies.source_system = loaded.source_system and copies.source_table = loaded.source_table"
        " where copies.status = 'duplicate' and loaded.status = 'loaded'"
        f" and loaded.path in {listed(found.landing_files)}"
    ).fetchall()
    return {copy: found.landing_files[path] for copy, path in rows if copy not in found.landing_files}
