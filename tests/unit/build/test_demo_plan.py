from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestration.commands.demo import MARKER, DemoPlan, plan_demo
from orchestration.errors import LeadproofError
from orchestration.release.files import write_json
from orchestration.settings import Settings, load_settings

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
WANTED = {"people": 10, "days": 20, "seed": 7}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(load_settings(), landing=tmp_path / "landing", warehouse=tmp_path / "warehouse")


def _earlier_demo(
    settings: Settings, age: timedelta, files: tuple[str, ...] = ("leadproof/touches/a.csv",)
) -> None:
    for name in files:
        path = settings.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a\n")
    settings.landing.mkdir(exist_ok=True)
    settings.warehouse.mkdir()
    note = {"written_at": (NOW - age).isoformat(), "wanted": WANTED, "files": list(files)}
    write_json(settings.landing / MARKER, note)
    write_json(settings.warehouse / MARKER, note)


def test_first_demo_simulates(settings: Settings) -> None:
    assert plan_demo(settings, WANTED, NOW) == DemoPlan(is_reused=False, is_wiped=False)


def test_fresh_demo_is_reused(settings: Settings) -> None:
    _earlier_demo(settings, timedelta(hours=47))
    assert plan_demo(settings, WANTED, NOW) == DemoPlan(is_reused=True, is_wiped=False)


@pytest.mark.parametrize("change", ["age", "parameters"])
def test_old_or_other_demo_is_started_over(settings: Settings, change: str) -> None:
    _earlier_demo(settings, timedelta(days=2) if change == "age" else timedelta(0))
    wanted = WANTED if change == "age" else {**WANTED, "seed": 8}
    assert plan_demo(settings, wanted, NOW) == DemoPlan(is_reused=False, is_wiped=True)


def test_interrupted_demo_is_started_over(settings: Settings) -> None:
    _earlier_demo(settings, timedelta(0), files=())
    (settings.landing / "leadproof").mkdir()
    (settings.landing / "leadproof" / "half.csv").write_text("a\n")
    assert plan_demo(settings, WANTED, NOW) == DemoPlan(is_reused=False, is_wiped=True)


def test_foreign_landing_file_is_never_wiped(settings: Settings) -> None:
    _earlier_demo(settings, timedelta(days=5))
    own = settings.landing / "olist" / "closed_deals" / "export.csv"
    own.parent.mkdir(parents=True)
    own.write_text("a\n")
    with pytest.raises(LeadproofError, match=r"export\.csv was not written by the demo"):
        plan_demo(settings, WANTED, NOW)


def test_landing_without_a_marker_is_foreign(settings: Settings) -> None:
    settings.landing.mkdir()
    (settings.landing / "notes.txt").write_text("mine")
    with pytest.raises(LeadproofError, match="was not written by the demo"):
        plan_demo(settings, WANTED, NOW)


def test_warehouse_of_another_build_is_refused(settings: Settings) -> None:
    (settings.warehouse / "releases").mkdir(parents=True)
    with pytest.raises(LeadproofError, match="was not built by the demo"):
        plan_demo(settings, WANTED, NOW)


def test_empty_folders_that_set_up_made_are_no_obstacle(settings: Settings) -> None:
    (settings.warehouse / "build").mkdir(parents=True)
    settings.landing.mkdir()
    assert plan_demo(settings, WANTED, NOW) == DemoPlan(is_reused=False, is_wiped=False)
