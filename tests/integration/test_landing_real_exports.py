"""The loader on exports that nobody here wrote: every record of every file, counted by another reader."""

import csv
import shutil
from pathlib import Path

import duckdb
import pytest

from orchestration.landing import load_landing
from orchestration.settings import PROJECT_ROOT, Settings

EXPORTS = PROJECT_ROOT.parent / "shared" / "data"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not EXPORTS.is_dir(), reason="the real exports are not beside the project"),
]


def test_every_record_of_the_real_exports_is_loaded(tmp_path):
    expected = {}
    for path in sorted(EXPORTS.glob("*/*.csv")):
        system, table = path.parent.name, path.stem.lower()
        folder = tmp_path / "landing" / system / table
        folder.mkdir(parents=True)
        shutil.copy(path, folder)
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            expected[system, table] = sum(1 for row in csv.reader(file) if row) - 1
    settings = Settings(
        landing=tmp_path / "landing",
        warehouse=tmp_path / "warehouse",
        id_salt="",
        memory_limit="1GB",
        threads=2,
        source_systems=(),
        load_modes={},
        keep_releases=3,
        dagster_home=tmp_path,
    )
    report = load_landing(settings)
    assert {(table.source_system, table.source_table): table.rows for table in report.tables} == expected
    assert sum(table.rejects for table in report.tables) == 0
    assert load_landing(settings).rows == 0
    with duckdb.connect(str(settings.build_db), read_only=True) as connection:
        for system, table in expected:
            lines = connection.execute(
                f"select count(distinct _source_row), min(_source_row) from raw_{system}.{table}"
            ).fetchone()
            assert lines == (expected[system, table], 2)
