"""Where a forgetting looks: also behind links, and nowhere that it cannot look into without saying so."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestration import erasure
from orchestration.erasure.files import files_kept
from orchestration.errors import LeadproofError
from tests.unit.landing.conftest import World, settings_in

FORGOTTEN = "anna@acme.example"


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(settings_in(tmp_path, "crm"), tmp_path)
    made.settings.warehouse.mkdir()
    return made


def _write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"told {FORGOTTEN} of it\n")
    return path


def test_what_a_link_leads_to_is_cleaned_and_searched_once(world: World, tmp_path: Path) -> None:
    warehouse, disk = world.settings.warehouse, tmp_path / "disk"
    page = _write(disk / "quality" / "builds" / "page.html")
    log = _write(tmp_path / "elsewhere.log")
    for name, target in {
        "quality": disk / "quality",
        "again": disk / "quality" / "builds",
        "back": warehouse,
        "above": tmp_path,
        "landed": world.settings.landing,
        "nowhere": tmp_path / "nowhere",
        "loop": warehouse / "loop",
        "run.log": log,
    }.items():
        (warehouse / name).symlink_to(target)
    others, landed = _write(tmp_path / "others.log"), _write(world.settings.landing / "crm" / "x" / "a.csv")
    kept = [*files_kept(world.settings, (world.settings.landing,))]
    assert kept.count(page) == kept.count(log) == 1 and others not in kept and landed not in kept
    certificate = erasure.forget(world.settings, f"email:{FORGOTTEN}")
    assert certificate.content["redacted_files"] == 2
    assert [FORGOTTEN in path.read_text() for path in (page, log, others, landed)] == [False] * 2 + [True] * 2


def test_folder_that_cannot_be_listed_is_told_and_nothing_is_certified(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = _write(world.settings.dagster_home / "storage" / "closed" / "run.log").parent
    listed: Callable[..., Any] = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(LeadproofError) as raised:
        erasure.forget(world.settings, f"email:{FORGOTTEN}")
    assert f"{closed} cannot be listed" in raised.value.message and "access" in str(raised.value.hint)
    assert not erasure.is_unfinished(world.settings)
    assert not (world.settings.erasures / "certificates").exists()
    monkeypatch.setattr(os, "scandir", listed)
    assert erasure.forget(world.settings, f"email:{FORGOTTEN}").content["redacted_files"] == 1
