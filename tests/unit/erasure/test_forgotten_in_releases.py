"""Somebody whom a release names outside its tables, in its policy or manifest; and releases with damage."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from orchestration import erasure
from orchestration.commands import forget as command
from orchestration.erasure import run
from orchestration.erasure.journal import Journal, write_journal
from orchestration.erasure.needles import Needles
from orchestration.errors import LeadproofError
from orchestration.policy import ReleasedPolicy, check_lock
from orchestration.policy.reading import read_tables
from orchestration.release import Release, build_lock, damaged_file, list_releases
from orchestration.release.files import remove_tree
from orchestration.release.store import differing_file
from orchestration.settings import Settings
from tests.fixtures.release_world import (
    CLOSED_TOUCHES,
    MONTH_COLUMNS,
    make_candidate,
    make_settings,
    publish_candidate,
)

FORGOTTEN = "person3@example.com"
TABLES = {
    "exclusions": "kind,pattern,reason,comment\n",
    "stage_policy": "key,value,effective_from,effective_to,comment\n",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path)


def write_policy(folder: Path, exclusions: str) -> Path:
    """Write the two policy tables that these tests need."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, header in TABLES.items():
        rows = exclusions if table == "exclusions" else ""
        (folder / f"{table}.csv").write_text(header + rows, encoding="utf-8")
    return folder


def publish(
    settings: Settings, number: int = 1, exclusions: str = "", people: int = 5, **changes: str
) -> Release:
    """Publish a release. Its build database goes afterwards: nobody is looked for there."""
    policy = write_policy(settings.warehouse / "policy_kept", exclusions)
    make_candidate(settings, number, policy, people=people, touches=5)
    published = publish_candidate(settings, number, policy_dir=policy, **changes)
    settings.build_db.unlink()
    return published


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's root with policy tables of its own."""
    root = tmp_path / "project"
    monkeypatch.setattr(run, "PROJECT_ROOT", root)
    return root


@pytest.mark.parametrize("address", [FORGOTTEN, "a@b"])
def test_forgetting_whom_an_exclusion_names_stops_no_build(
    settings: Settings, project: Path, address: str
) -> None:
    others = "job_title,intern,job seeker,\n"
    rows = f"{others}email,{address},staff,Our own.\n"
    release = publish(settings, exclusions=rows)
    seeds = write_policy(project / "seeds", rows)
    certificate = erasure.forget(settings, f"email:{address}")
    assert certificate.content["policy_rows_to_delete"] == [{"path": "seeds/exclusions.csv", "row": 3}]
    assert address.encode() not in b"".join(path.read_bytes() for path in release.policy.iterdir())
    released = ReleasedPolicy(release.policy_used_until, release.policy)
    for kept, breaches in ((rows, []), (others, []), ("", ["removed"])):
        write_policy(seeds, kept)
        assert [each.kind for each in check_lock(read_tables(seeds), released)] == breaches


def test_policy_rows_that_name_the_forgotten_are_told(
    settings: Settings, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_policy(project / "seeds", f"email,{FORGOTTEN},staff,\nemail,a{FORGOTTEN},staff,\n")
    printed = Console(file=StringIO())
    monkeypatch.setattr(command, "out", printed)
    command._tell(erasure.preview(settings, f"email:{FORGOTTEN}"), "would be removed")
    told = printed.file.getvalue()  # type: ignore[attr-defined]
    assert "seeds/exclusions.csv, row 2" in told and "row 3" not in told
    assert FORGOTTEN not in told


def open_to_damage(path: Path) -> Path:
    """Let a file of a release be written, which nobody may today."""
    path.parent.chmod(0o755)
    path.chmod(0o644)
    return path


def rewrite_manifest(release: Release, **facts: object) -> None:
    """Write a manifest as an earlier version did."""
    path = open_to_damage(release.path / "manifest.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    content["release"]["restatement_reason"] = f"{FORGOTTEN} asked for it"
    path.write_text(json.dumps({**content, **facts}), encoding="utf-8")


def test_reason_of_a_restatement_that_names_somebody_is_taken_out(settings: Settings, project: Path) -> None:
    release = publish(settings)
    rewrite_manifest(release)
    certificate = erasure.forget(settings, f"email:{FORGOTTEN}")
    assert certificate.content["search"]["occurrences"] == 0
    manifest = json.loads((release.path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["release"]["restatement_reason"] == "(erased) asked for it"
    assert damaged_file(release) is None and list_releases(settings)[0].erasures == 1


def test_erasure_that_an_earlier_version_could_not_end_is_ended(settings: Settings, project: Path) -> None:
    release = publish(settings)
    counts = {"people": 1}
    note = {"erasure_id": "e20260101T000000_abcdef", "requested_at": "2026-01-01", "rows_removed": counts}
    rewrite_manifest(release, erasures=[note])
    journal = Journal(note["erasure_id"], "2026-01-01", "", [f"email:{FORGOTTEN}"])
    write_journal(settings, journal)
    with build_lock(settings, "test"):
        certificate = erasure.finish_unfinished(settings)
    assert certificate is not None and certificate.content["search"]["occurrences"] == 0
    assert certificate.content["releases"] == {release.release_id: counts}
    assert json.loads((release.path / "manifest.json").read_text(encoding="utf-8"))["erasures"] == [note]


def test_release_whose_long_mart_loses_all_its_rows_stays_readable(
    settings: Settings, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.erasure.releases.month_columns", lambda: MONTH_COLUMNS)
    settings = replace(settings, shared_from_rows=1)
    release = publish(settings, people=1)
    assert list((release.path / "marts" / "touches").iterdir())
    certificate = erasure.forget(settings, "email:person0@example.com")
    assert certificate.content["releases"][release.release_id]["touches"] == 5 + CLOSED_TOUCHES
    with duckdb.connect(release.database, read_only=True) as database:
        assert database.execute("select count(*) from marts.touches").fetchone() == (0,)
        assert database.execute("select count(*) from marts.people").fetchone() == (0,)
    assert damaged_file(release) is None and differing_file(release) is None
    assert not list(settings.shared.glob("touches/*"))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:4096])


def scramble(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


def empty(path: Path) -> None:
    path.write_bytes(b"{}")


DAMAGES = {
    "cut": ("leadproof.duckdb", cut),
    "scrambled": ("leadproof.duckdb", scramble),
    "without_manifest": ("manifest.json", empty),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_release_is_named_before_anything_is_begun(
    settings: Settings, project: Path, damage: str
) -> None:
    release, newest = publish(settings, 1), publish(settings, 2)
    name, spoil = DAMAGES[damage]
    spoil(open_to_damage(release.path / name))
    for call in (erasure.preview, erasure.forget):
        with pytest.raises(LeadproofError) as told:
            call(settings, f"email:{FORGOTTEN}")
        assert f"Release {release.release_id} is damaged: {name}" in str(told.value)
        assert str(release.path) in told.value.hint and "rollback" not in told.value.hint
        assert not erasure.is_unfinished(settings)
    remove_tree(release.path)
    assert set(erasure.forget(settings, f"email:{FORGOTTEN}").content["releases"]) == {newest.release_id}


def test_damaged_release_is_named_while_an_erasure_is_pending(settings: Settings, project: Path) -> None:
    other, release = publish(settings, 1), publish(settings, 2)
    write_journal(settings, Journal("e20260101T000000_abcdef", "", "", [f"email:{FORGOTTEN}"], ["p_3"]))
    cut(open_to_damage(release.database))
    with build_lock(settings, "test"), pytest.raises(LeadproofError) as told:
        erasure.finish_unfinished(settings)
    assert f"Release {release.release_id} is damaged: leadproof.duckdb" in str(told.value)
    assert f"leadproof rollback {other.release_id}" in told.value.hint  # readers see the damaged one
    assert erasure.is_unfinished(settings)
    remove_tree(release.path)
    with build_lock(settings, "test"):
        assert erasure.finish_unfinished(settings) is not None
    assert not erasure.is_unfinished(settings)


def test_contacts_that_cannot_be_read_are_named(settings: Settings, project: Path) -> None:
    release = publish(settings)
    scramble(release.contacts)
    with pytest.raises(LeadproofError) as told:
        erasure.forget(settings, f"email:{FORGOTTEN}")
    assert str(release.contacts) in str(told.value) and FORGOTTEN not in str(told.value)
    assert not erasure.is_unfinished(settings)


def test_failing_search_is_not_taken_for_damage(
    settings: Settings, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody removes a sound release, or its contacts, because a function of Leadproof's own has failed."""
    publish(settings)

    def fail(self: Needles, text: str) -> bool:
        raise ValueError(text)

    monkeypatch.setattr(Needles, "names", fail)
    monkeypatch.setattr(Needles, "cleaned", fail)
    for _ in range(2):
        with pytest.raises(LeadproofError) as told:
            erasure.forget(settings, f"email:{FORGOTTEN}")
        assert not any(word in str(told.value) for word in ("damaged", "cannot be read", FORGOTTEN))
        assert told.value.hint and "emove" not in told.value.hint
        remove_tree(settings.restricted)
    assert erasure.is_unfinished(settings)


def test_damage_that_sizes_do_not_show_is_told_where_a_search_fails(
    settings: Settings, project: Path
) -> None:
    release = publish(settings)
    assert differing_file(release) is None
    scramble(open_to_damage(release.database))
    assert differing_file(release) == "leadproof.duckdb"
    open_to_damage(release.database).unlink()
    assert differing_file(release) == "leadproof.duckdb"
