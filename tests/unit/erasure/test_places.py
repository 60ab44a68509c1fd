"""Where a forgetting looks: also behind links, and nowhere that it cannot look into without saying so."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from orchestration import erasure
from orchestration.erasure.files import files_kept
from orchestration.erasure.journal import Journal, write_journal
from orchestration.errors import LeadproofError
from orchestration.release import build_lock
from tests.unit.landing.conftest import World, refuse_listing, settings_in

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


def test_own_folder_on_another_disk_is_cleaned_and_searched_once(world: World, tmp_path: Path) -> None:
    warehouse, disk = world.settings.warehouse, tmp_path / "disk"
    page = _write(disk / "quality" / "builds" / "page.html")
    for name, target in {
        "quality": disk / "quality",
        "again": disk / "quality" / "builds",
        "back": warehouse,
        "above": tmp_path,
        "landed": world.settings.landing,
        "nowhere": tmp_path / "nowhere",
        "loop": warehouse / "loop",
    }.items():
        (warehouse / name).symlink_to(target)
    others, landed = _write(tmp_path / "others.log"), _write(world.settings.landing / "crm" / "x" / "a.csv")
    kept = [*files_kept(world.settings, (world.settings.landing,))]
    assert kept.count(page) == 1 and others not in kept and landed not in kept
    certificate = erasure.forget(world.settings, f"email:{FORGOTTEN}")
    assert certificate.content["redacted_files"] == 1
    assert [FORGOTTEN in path.read_text() for path in (page, others, landed)] == [False, True, True]


def test_file_that_is_only_linked_to_is_told_and_never_changed(world: World, tmp_path: Path) -> None:
    log, deep = _write(tmp_path / "elsewhere.log"), _write(tmp_path / "mount" / "deep" / "run.log")
    left = _write(tmp_path / "mount" / ".half.erased")
    held = {path: path.read_bytes() for path in (log, deep, left)}
    for link, target in {"run.log": log, "archive": tmp_path / "mount"}.items():
        (world.settings.warehouse / link).symlink_to(target)
        for command in (erasure.forget, erasure.preview):
            with pytest.raises(LeadproofError) as told:
                command(world.settings, f"email:{FORGOTTEN}")
        assert str(target) in told.value.message and "remove the link" in str(told.value.hint)
        assert not erasure.is_unfinished(world.settings)
        (world.settings.warehouse / link).unlink()
        assert {path: path.read_bytes() for path in held} == held
    # Where a link appears while an erasure is pending, its end is refused in the same words.
    (world.settings.warehouse / "run.log").symlink_to(log)
    write_journal(world.settings, Journal("e20260101T000000_abcdef", "", "", [f"email:{FORGOTTEN}"]))
    with build_lock(world.settings, "test"), pytest.raises(LeadproofError, match=r"elsewhere\.log") as told:
        erasure.finish_unfinished(world.settings)
    assert "remove the link" in str(told.value.hint)
    assert erasure.is_unfinished(world.settings) and log.read_bytes() == held[log]
    assert not (world.settings.erasures / "certificates").exists()


@pytest.mark.parametrize("place", ["behind a link", "beside the build database"])
def test_database_into_which_somebody_writes_is_told(world: World, tmp_path: Path, place: str) -> None:
    name = (
        tmp_path / "notes.duckdb" if place == "behind a link" else world.settings.warehouse / "notes.duckdb"
    )
    if place == "behind a link":
        (world.settings.warehouse / "notes").symlink_to(name)
    code = (
        f"import duckdb; c = duckdb.connect({str(name)!r}); c.execute('create table t as select 1');"
        " c.execute('checkpoint'); print(flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writing:
        assert writing.stdout is not None and writing.stdout.readline()
        with pytest.raises(LeadproofError, match=r"notes\.duckdb cannot be searched") as told:
            erasure.forget(world.settings, f"email:{FORGOTTEN}")
        assert "Close whatever uses it" in str(told.value.hint) and not erasure.is_unfinished(world.settings)
        writing.communicate(b"\n")
    erasure.forget(world.settings, f"email:{FORGOTTEN}")


def test_a_log_of_somebody_elses_sqlite_database_is_left_to_them(world: World, tmp_path: Path) -> None:
    name = tmp_path / "notes.db"
    with closing(sqlite3.connect(name)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("create table notes as select 1 as one")
        connection.commit()
        kept = {path: path.read_bytes() for path in (name, Path(f"{name}-wal"))}
    # As a writer leaves it who is killed.
    for path, content in kept.items():
        path.write_bytes(content)
    (world.settings.warehouse / "notes").symlink_to(name)
    erasure.forget(world.settings, f"email:{FORGOTTEN}")
    assert {path: path.read_bytes() for path in kept} == kept


def test_what_landing_links_to_is_landing_under_every_name(world: World, tmp_path: Path) -> None:
    landed = _write(tmp_path / "mount" / "exports" / "a.csv")
    (world.settings.landing / "crm").mkdir(parents=True, exist_ok=True)
    (world.settings.landing / "crm" / "contacts").symlink_to(landed.parent)
    (world.settings.warehouse / "archive").symlink_to(tmp_path / "mount")
    certificate = erasure.forget(world.settings, f"email:{FORGOTTEN}")
    assert FORGOTTEN in landed.read_text() and certificate.content["redacted_files"] == 0
    assert [each["path"] for each in certificate.content["landing_files_to_delete"]]


@pytest.mark.parametrize("link", ["landing", "quality"])
def test_folder_of_two_owners_is_told(world: World, tmp_path: Path, link: str) -> None:
    page = _write(tmp_path / "mount" / "page.html")
    world.settings.landing.mkdir(parents=True, exist_ok=True)
    (world.settings.warehouse / "quality").symlink_to(page.parent)
    if link == "landing":
        (world.settings.landing / "crm").symlink_to(page.parent)
    else:
        page.parent.rename(world.settings.landing / "mount")
        (world.settings.warehouse / "quality").unlink()
        (world.settings.warehouse / "quality").symlink_to(world.settings.landing / "mount")
    with pytest.raises(LeadproofError, match="belongs to the landing files") as told:
        erasure.forget(world.settings, f"email:{FORGOTTEN}")
    assert told.value.hint and not erasure.is_unfinished(world.settings)


def test_folder_that_cannot_be_listed_is_told_and_nothing_is_certified(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = _write(world.settings.dagster_home / "storage" / "closed" / "run.log").parent
    with monkeypatch.context() as refusing, pytest.raises(LeadproofError) as raised:
        refuse_listing(refusing, closed)
        erasure.forget(world.settings, f"email:{FORGOTTEN}")
    assert f"{closed} cannot be listed" in raised.value.message and "access" in str(raised.value.hint)
    assert not erasure.is_unfinished(world.settings)
    assert not (world.settings.erasures / "certificates").exists()
    assert erasure.forget(world.settings, f"email:{FORGOTTEN}").content["redacted_files"] == 1
