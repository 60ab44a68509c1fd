"""Whose files an erasure leaves, where the administrator of the machine runs it."""

import os
from pathlib import Path

import pytest

from orchestration import erasure
from orchestration.erasure.account import left_to_who_builds
from orchestration.landing.declarations import read_declarations
from orchestration.settings import PROJECT_ROOT
from tests.unit.landing.conftest import World, settings_in

NOBODY = 65_534
ANNA = "anna@acme.example"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root leaves files that others cannot use")


def _owners(settings_folder: Path) -> set[int]:
    return {path.lstat().st_uid for path in settings_folder.rglob("*")}


def test_what_root_leaves_belongs_to_who_builds(tmp_path: Path) -> None:
    world = World(settings_in(tmp_path, "leadproof"), tmp_path, {**read_declarations(PROJECT_ROOT)})
    world.drop(
        "leadproof/contacts/a.csv",
        f"source_contact_id,email,full_name,created_at\n1,{ANNA},Anna,2026-01-01\n",
    )
    world.load()
    (world.settings.warehouse / "logs").mkdir()
    (world.settings.warehouse / "logs" / "a.jsonl").write_text(ANNA)
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    erasure.preview(world.settings, erasure.email_key(ANNA))
    certificate = erasure.forget(world.settings, erasure.email_key(ANNA))
    assert certificate.content["raw_rows"] == {"leadproof.contacts": 1}
    assert _owners(tmp_path) == {NOBODY}


def test_warehouse_of_root_stays_its_own(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, "leadproof")
    settings.build_db.parent.mkdir(parents=True)
    settings.build_db.touch()
    os.chown(settings.warehouse, NOBODY, NOBODY)  # as a container finds a folder of its host
    with left_to_who_builds(settings):
        written = settings.warehouse / "written"
        written.touch()
    assert written.stat().st_uid == 0


def test_what_was_there_before_keeps_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_in(tmp_path, "leadproof")
    settings.warehouse.mkdir()
    (settings.warehouse / "kept").touch()
    os.chown(settings.warehouse, NOBODY, NOBODY)
    monkeypatch.setattr("orchestration.erasure.account._CLOCK_SECONDS", -1)
    with left_to_who_builds(settings):
        pass
    assert (settings.warehouse / "kept").stat().st_uid == 0


def test_what_links_lead_to_keeps_its_owner(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, "leadproof")
    settings.warehouse.mkdir(parents=True)
    os.chown(settings.warehouse, NOBODY, NOBODY)
    elsewhere, disk = tmp_path / "elsewhere", tmp_path / "disk"
    for folder in (elsewhere, disk):
        folder.mkdir()
    os.chown(disk, NOBODY, NOBODY)
    (settings.warehouse / "archive").symlink_to(elsewhere)
    (settings.warehouse / "logs").symlink_to(elsewhere)
    (settings.warehouse / "quality").symlink_to(disk)
    with left_to_who_builds(settings):
        for folder in (elsewhere, disk):
            (folder / "written").touch()
    assert (elsewhere / "written").stat().st_uid == elsewhere.stat().st_uid == 0
    assert (disk / "written").stat().st_uid == NOBODY
