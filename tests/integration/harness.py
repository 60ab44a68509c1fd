"""Small warehouses for tests that run the real models: landing, policy, dbt, reading back.

What a test expects does not belong here, nor does anything about publication or Dagster.
"""

import csv
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import yaml

from orchestration.dbt import dbt_executable
from orchestration.increment import write_current_build
from orchestration.settings import PROJECT_ROOT, Settings


def make_warehouse(
    root: Path,
    landing: Path,
    *,
    source_systems: Sequence[str] = ("leadproof",),
    load_modes: dict[str, str] | None = None,
    id_salt: str = "",
) -> Settings:
    """Return the settings of an empty warehouse below ``root`` that reads ``landing``."""
    settings = Settings(
        landing=landing,
        warehouse=root / "warehouse",
        id_salt=id_salt,
        memory_limit="2GB",
        threads=2,
        source_systems=tuple(source_systems),
        load_modes=load_modes or {},
        keep_releases=30,
        dagster_home=root / "dagster",
    )
    settings.build_db.parent.mkdir(parents=True, exist_ok=True)
    return settings


def connect(settings: Settings, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open the build database in UTC."""
    database = duckdb.connect(str(settings.build_db), read_only=read_only)
    # Not in connect's config: the time zone's extension is only there once the database is open.
    database.execute("set global TimeZone = 'UTC'")
    return database


def load_policy(settings: Settings, folder: Path) -> None:
    """Load policy tables into schema ``policy`` as dbt would load them as seeds.

    Args:
        settings: Whose build database is written.
        folder: CSV files named like the seeds; a seed without a file becomes an empty table.
    """
    with connect(settings) as database:
        database.execute("create schema if not exists policy")
        for table in seed_types():
            load_policy_table(database, table, folder)


@cache
def seed_types() -> dict[str, dict[str, str]]:
    """The declared column types of each seed."""
    declared = yaml.safe_load((PROJECT_ROOT / "seeds" / "_seeds.yml").read_text(encoding="utf-8"))
    return {seed["name"]: seed["config"]["column_types"] for seed in declared["seeds"]}


def load_policy_table(database: duckdb.DuckDBPyConnection, table: str, folder: Path) -> None:
    """Load one policy table anew; without a file it becomes empty."""
    types = seed_types()[table]
    columns = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
    database.execute(f'create or replace table policy."{table}" ({columns})')
    path = folder / f"{table}.csv"
    if path.exists():
        _fill(database, table, types, path)


def _fill(database: duckdb.DuckDBPyConnection, table: str, types: dict[str, str], path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    for row in rows:
        assert set(row) == set(types), f"{path.name}: columns differ from seeds/_seeds.yml"
    if rows:
        marks = ", ".join(f"cast(? as {kind})" for kind in types.values())
        database.executemany(
            f'insert into policy."{table}" values ({marks})',
            [[row[name] or None for name in types] for row in rows],
        )


def begin_build(settings: Settings, as_of: datetime, build_id: str = "b20260101T000000000000") -> None:
    """Say which build runs and at which moment it looks (UTC, without zone)."""
    with connect(settings) as database:
        write_current_build(
            database, build_id=build_id, as_of=as_of, started_at=as_of, id_salt=settings.id_salt
        )


def run_dbt(
    settings: Settings, *arguments: str, target: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run dbt on the warehouse and fail with its output if it fails.

    Parsing the project takes dbt most of half a minute, and it parses anew for another connection. So all
    warehouses of a process are reached by one link, and what dbt has parsed is handed on.

    Args:
        settings: Warehouse and source systems.
        arguments: What follows ``dbt``; ``run`` (models only, policy is loaded already) by default.
        target: dbt's target folder; below the warehouse by default.
    """
    variables = json.dumps(
        {"source_systems": list(settings.source_systems), "load_modes": settings.load_modes}
    )
    artifacts = target or settings.warehouse / "target"
    parsed = artifacts / "partial_parse.msgpack"
    own = Path(_own_folder().name)
    handed_on = own / f"{sha256(variables.encode()).hexdigest()}.msgpack"
    link = own / "warehouse"
    link.unlink(missing_ok=True)
    link.symlink_to(settings.warehouse.resolve())
    if handed_on.exists() and not parsed.exists():
        artifacts.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(handed_on, parsed)
    done = subprocess.run(
        [dbt_executable(), "--no-use-colors", *(arguments or ("run",)), "--vars", variables],
        cwd=PROJECT_ROOT,
        env={
            **os.environ,
            "DBT_PROFILES_DIR": str(PROJECT_ROOT / "dbt_project"),
            "DBT_TARGET_PATH": str(artifacts),
            "DBT_LOG_PATH": str(settings.warehouse / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "LEADPROOF_WAREHOUSE": str(link),
            "LEADPROOF_MEMORY_LIMIT": settings.memory_limit,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"dbt failed:\n{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
    shutil.copyfile(parsed, handed_on)
    return done


@cache
def _own_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder of this process, which goes with it."""
    return tempfile.TemporaryDirectory(prefix="leadproof_dbt_")


def fetch(settings: Settings, query: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Run a query on the build database and return its rows by column name."""
    with connect(settings, read_only=True) as database:
        cursor = database.execute(query, list(parameters))
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
