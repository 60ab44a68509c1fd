"""A small landing folder to drop files into, and the raw tables that come of them."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.landing import DeclaredTable, LoadReport, load_landing
from orchestration.settings import Settings

NOW = datetime(2026, 3, 1, 8, 30)


@dataclass
class World:
    """One landing folder, one warehouse, and what dbt would declare."""

    settings: Settings
    root: Path
    declared: dict[tuple[str, str], DeclaredTable] = field(default_factory=dict)
    now: datetime = NOW

    def drop(self, relative: str, content: str | bytes) -> Path:
        path = self.settings.landing / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def load(self, **overrides: Any) -> LoadReport:
        arguments: dict[str, Any] = {"now": self.now, "declared": self.declared, "root": self.root}
        return load_landing(self.settings, **{**arguments, **overrides})

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.settings.build_db), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def columns(self, table: str = "raw_crm.leads") -> dict[str, str]:
        schema, name = table.split(".")
        found = self.query(
            "select column_name, data_type from duckdb_columns()"
            f" where schema_name = '{schema}' and table_name = '{name}'"
            " and not starts_with(column_name, '_')"
        )
        return dict(found)

    def rejects(self) -> list[tuple[int, str, str]]:
        return self.query("select source_row, error, raw_text from landing.rejects order by source_row")

    def entries(self) -> list[tuple[str, str]]:
        return self.query("select path, status from landing.files order by file_id")

    def drift(self) -> list[tuple[str, str]]:
        return self.query("select kind, detail from landing.drift order by rowid")


def settings_in(folder: Path, *systems: str) -> Settings:
    """Settings of an empty warehouse and landing folder, with these source systems on."""
    landing = folder / "landing"
    landing.mkdir()
    return Settings(
        landing=landing,
        warehouse=folder / "warehouse",
        id_salt="",
        memory_limit="1GB",
        threads=2,
        source_systems=systems,
        load_modes={},
        keep_releases=3,
        dagster_home=folder / "dagster",
    )


def refuse_listing(monkeypatch: pytest.MonkeyPatch, closed: Path) -> None:
    """Let a folder be one that may not be listed, also for an account that may list every folder."""
    listed: Callable[..., Any] = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)


@pytest.fixture
def world(tmp_path: Path) -> World:
    root = tmp_path / "project"
    for system in ("crm", "shop"):
        (root / "models" / "staging" / system).mkdir(parents=True)
    return World(settings_in(tmp_path, "crm"), root)


@pytest.fixture
def lead_world(world: World) -> World:
    """The same with a declared table ``crm.leads``."""
    world.declared[("crm", "leads")] = DeclaredTable(columns=("id", "name"), feeds=("contacts",))
    return world


@pytest.fixture
def with_systems(world: World) -> Callable[..., World]:
    def switch(*systems: str) -> World:
        world.settings = replace(world.settings, source_systems=systems)
        return world

    return switch
