"""The site belongs to the release: sealed with it, in its manifest, and the same when it is written again."""

import json
import os
import re
import stat
from functools import partial
from pathlib import Path

import pytest
import yaml

from orchestration.cli import main
from orchestration.release import Release, StagedRelease
from orchestration.release.store import list_releases, verify
from orchestration.report import write_quality_report
from orchestration.report.site import SITE, write_staged_site, writing
from orchestration.settings import Settings
from tests.conventions.tree import below, read
from tests.fixtures.release_world import make_settings, publish_candidate
from tests.unit.report.report_world import (
    BUILD,
    NUMBER,
    POLICY,
    make_candidate,
    record_build,
    result,
    write_world,
)
from tests.unit.report.site_world import rich_world

PAGES = ("index", "outbound", "directions", "velocity", "costs", "constraint", "quality", "definitions")
pytestmark = pytest.mark.usefixtures("own_stdout")
EXPOSURES = "models/marts/reports/_site__exposures.yml"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(writing, "chart_script", lambda: "window.drawn = 0;")
    settings = make_settings(tmp_path)
    monkeypatch.setenv("LEADPROOF_WAREHOUSE", str(settings.warehouse))
    monkeypatch.setenv("LEADPROOF_LANDING", str(settings.landing))
    return settings


def published(settings: Settings) -> Release:
    """Publish the world with figures in every report, as a build does."""
    write_world(settings, **rich_world())
    make_candidate(settings, [result()])
    release = publish_candidate(
        settings, NUMBER, policy_dir=POLICY, write_pages=partial(write_staged_site, settings)
    )
    record_build(settings, release_id=release.release_id)
    return release


def test_site_is_sealed_with_the_release(settings: Settings) -> None:
    release = published(settings)
    files = json.loads((release.path / "manifest.json").read_text())["files"]
    for name in PAGES:
        page = release.path / SITE / f"{name}.html"
        assert f"{SITE}/{name}.html" in files
        assert stat.S_IMODE(page.stat().st_mode) == 0o444
        assert release.release_id in page.read_text(encoding="utf-8")
    verify(release)


def test_report_tells_where_the_site_lies_and_writes_the_same_again(
    settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    release = published(settings)
    assert main(["report"]) == 0
    assert f"{settings.current}/{SITE}/index.html" in capfd.readouterr().out.replace("\n", "")
    assert main(["report", "--out", str(tmp_path / "mine")]) == 0
    for name in PAGES:
        again = (tmp_path / "mine" / f"{name}.html").read_bytes()
        assert again == (release.path / SITE / f"{name}.html").read_bytes(), name
    assert main(["report", "--release", release.release_id]) == 0
    assert str(release.path / SITE) in capfd.readouterr().out.replace("\n", "")


def test_a_release_is_not_written_to(settings: Settings, capfd: pytest.CaptureFixture[str]) -> None:
    release = published(settings)
    assert main(["report", "--out", str(release.path / "site2")]) == 1
    told = capfd.readouterr().err
    assert "lies in the warehouse" in told and told.count("\n") == 1


def test_without_a_release_there_is_one_sentence(
    settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--out", str(tmp_path / "mine")]) == 1
    assert capfd.readouterr().err.startswith("leadproof: Nothing is published yet.")


def test_disk_error_while_writing_pages_publishes_nothing(settings: Settings) -> None:
    write_world(settings, **rich_world())
    make_candidate(settings, [result()])

    def full(staged: StagedRelease) -> None:
        write_staged_site(settings, staged)
        raise OSError(28, "No space left on device")

    with pytest.raises(Exception, match=r"disk that holds .* is full"):
        publish_candidate(settings, NUMBER, policy_dir=POLICY, write_pages=full)
    assert list_releases(settings) == []
    assert not any(settings.releases.glob(".*staged"))


def test_exposure_names_exactly_what_the_pages_read() -> None:
    queries = " ".join(read(path) for path in below("orchestration/report/site", ".py"))
    known = {Path(path).stem for path in below("models/marts", ".sql")}
    asked = set(re.findall(r"\bmarts\.([a-z_]+)", queries)) & known
    # The overview counts each stage's table by a name it puts together.
    asked |= {"suspects", "prospects", "mqls", "sqls"}
    exposures = {each["name"]: each for each in yaml.safe_load(read(EXPOSURES))["exposures"]}
    exposed = exposures["reports_site"]
    named = {re.fullmatch(r"ref\('(\w+)'\)", each)[1] for each in exposed["depends_on"]}  # type: ignore[index]
    assert named == asked


def test_exposures_are_found_from_the_catalogue(settings: Settings) -> None:
    published(settings)
    write_quality_report(settings, BUILD)
    for each in yaml.safe_load(read(EXPOSURES))["exposures"]:
        # As a browser takes the address: by its text, without following links of the file system.
        found = Path(os.path.normpath(settings.current / SITE / each["url"]))
        assert found.is_file(), each["name"]
