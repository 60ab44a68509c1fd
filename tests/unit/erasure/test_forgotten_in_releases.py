"""Somebody whom a release names outside its tables, in its policy or manifest; and releases with damage."""

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from orchestration import erasure
from orchestration.commands import forget as command
from orchestration.erasure import run
from orchestration.erasure.journal import Journal, write_journal
from orchestration.policy import ReleasedPolicy, check_lock
from orchestration.policy.reading import read_tables
from orchestration.release import Release, build_lock, damaged_file, list_releases
from orchestration.settings import Settings
from tests.fixtures.release_world import make_candidate, make_settings, publish_candidate

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


def publish(settings: Settings, number: int = 1, exclusions: str = "", **changes: str) -> Release:
    """Publish a release. Its build database goes afterwards: nobody is looked for there."""
    make_candidate(settings, number, people=5, touches=5)
    policy = write_policy(settings.warehouse / "policy_kept", exclusions)
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


def rewrite_manifest(release: Release, **facts: object) -> None:
    """Write a manifest as an earlier version did; nobody may write there today."""
    path = release.path / "manifest.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    for folder, mode in ((release.path, 0o755), (path, 0o644)):
        folder.chmod(mode)
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
