"""``explain``, ``status`` and ``report`` as typed on the command line, on a small published release."""

from pathlib import Path

import pytest

from orchestration.cli import main
from orchestration.settings import Settings
from tests.fixtures.release_world import make_settings
from tests.unit.report.report_world import BUILD, PROSPECT, make_release, record_build

pytestmark = pytest.mark.usefixtures("own_stdout")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings = make_settings(tmp_path)
    monkeypatch.setenv("LEADPROOF_WAREHOUSE", str(settings.warehouse))
    monkeypatch.setenv("LEADPROOF_LANDING", str(settings.landing))
    monkeypatch.setenv("LEADPROOF_SOURCE_SYSTEMS", "leadproof")
    return settings


def test_commands_answer_while_another_process_would_hold_the_build_database(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    release = make_release(settings)
    record_build(settings, release_id=release.release_id)
    # No reader may need it: not there, it cannot be read.
    settings.build_db.unlink()
    assert main(["explain", "First@Example.com"]) == 0
    assert main(["status"]) == 0
    assert main(["report"]) == 0
    told = capfd.readouterr().out
    assert f"{PROSPECT} is a prospect" in told
    assert release.release_id in told
    assert str(settings.quality / "builds" / BUILD / "index.html") in told.replace("\n", "")
    assert "\x1b" not in told


def test_nobody_found_is_one_sentence_and_exit_code_one(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    make_release(settings)
    assert main(["explain", "nobody@example.com"]) == 1
    told = capfd.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1 and "knows nobody with this address" in told.err
    assert "nobody@example.com" not in told.err
