"""Short sequences through the real job, killed and on canaries, and that they find what is wrong."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.integration.compiled_world import CompiledWorld
from tests.proof.canaries import PERSONAL
from tests.proof.job import JobWarehouse
from tests.proof.job_kills import prove_job_kills
from tests.proof.personal import drive_personal
from tests.proof.profiles import drive_job
from tests.proof.shop import Shop, opened_shop

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with opened_shop(tmp_path_factory.mktemp("job")) as opened:
        yield opened


@pytest.mark.long
def test_nothing_personal_leaves_the_closed_folders(shop: Shop, tmp_path: Path) -> None:
    tally = drive_personal(shop, tmp_path, 1, is_short=True)
    assert tally["canaries"] > sum(map(len, PERSONAL.values()))
    assert tally["builds"] == tally["people forgotten"] == 1
    assert tally["files searched for canaries"] and tally["files searched for the forgotten"]


@pytest.mark.long
def test_sequence_of_killed_builds_agrees_with_a_rebuild_and_the_reference(
    empty_compiled_world: CompiledWorld, shop: Shop
) -> None:
    tally = drive_job(empty_compiled_world, shop, 3, steps=5)
    assert tally["sequences"] == 1
    assert tally["kills"]
    assert tally["builds"] > 1
    assert tally["looks at what readers see"]


# The kills of seed 133: as policy is checked, and as dbt begins, which is left to itself while the next build
# starts.
@pytest.mark.parametrize(("seed", "kills"), [(133, 2), pytest.param(1, 3, marks=pytest.mark.long)])
def test_killed_builds_are_caught_up_by_the_next(
    empty_compiled_world: CompiledWorld, shop: Shop, tmp_path: Path, seed: int, kills: int
) -> None:
    tally = prove_job_kills(empty_compiled_world, shop, tmp_path, seed, kills)
    assert tally["kills tried"] == kills
    assert tally["kills"]
    assert 0 < tally["builds"] <= tally["builds of the job that ended as published"]


@pytest.mark.long
def test_sequence_finds_a_release_that_is_not_what_it_was(
    empty_compiled_world: CompiledWorld, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = JobWarehouse.differences_for_readers

    def spoil_and_look(warehouse: JobWarehouse) -> list[str]:
        place = warehouse.settings.current.resolve() / "leadproof.duckdb"
        if place.exists():
            place.chmod(0o600)
            with duckdb.connect(place) as release:
                release.execute("delete from marts.touches")
        return look(warehouse)

    monkeypatch.setattr(JobWarehouse, "differences_for_readers", spoil_and_look)
    with pytest.raises(AssertionError, match="through the job") as told:
        drive_job(empty_compiled_world, shop, 2, steps=1)
    assert "differences from what was published" in str(told.value.__cause__)
