"""A few publications of the many that ``make prove`` makes."""

import shutil
from pathlib import Path

import duckdb
import pytest

from orchestration.release import Release
from orchestration.settings import Settings
from tests.proof import publications

pytestmark = pytest.mark.slow


def test_killed_publishers_leave_whole_releases(tmp_path: Path) -> None:
    tally = publications.prove_kills(tmp_path, 8, seed=3)
    assert tally["kills"] + tally["kills that came too late"] == 8
    assert tally["kills"] >= 4


def test_many_readers_see_one_release_in_each_session(tmp_path: Path) -> None:
    tally = publications.prove_readers(tmp_path, readers=4, publications=6, seed=30)
    assert (tally["publications"], tally["rollbacks"]) == (4, 2)
    assert tally["sessions"] > 4
    assert tally["fewest releases that one reader saw"] >= 2


def test_readers_would_notice_a_mixed_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = publications.make_release

    def mixed(settings: Settings, number: int) -> Release:
        release = made(settings, number)
        if number == 2:
            copied = tmp_path / "mixed.duckdb"
            shutil.copyfile(release.database, copied)
            with duckdb.connect(str(copied)) as database:
                database.execute("update marts.people set generation = 1 where person_id = 'p_7'")
            release.path.chmod(0o755)
            copied.replace(release.database)
        return release

    monkeypatch.setattr(publications, "make_release", mixed)
    with pytest.raises(AssertionError, match="mixed"):
        publications.prove_readers(tmp_path, readers=2, publications=5, seed=5)


def test_each_kept_release_comes_back_byte_by_byte(tmp_path: Path) -> None:
    assert publications.prove_rollbacks(tmp_path, 3)["rollbacks"] == 6
