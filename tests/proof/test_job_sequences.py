"""Short sequences through the real job, and that they find what is wrong."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.integration.compiled_world import CompiledWorld
from tests.proof.job import JobWarehouse
from tests.proof.job_kills import prove_job_kills
from tests.proof.profiles import drive_job
from tests.proof.shop import Shop, opened_shop

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with opened_shop(tmp_path_factory.mktemp("job")) as opened:
        yield opened


def test_sequence_of_killed_builds_agrees_with_a_rebuild_and_the_reference(
    empty_compiled_world: CompiledWorld, shop: Shop
) -> None:
    tally = drive_job(empty_compiled_world, shop, 3, steps=5)
    assert tally["sequences"] == 1
    assert tally["kills"]
    assert tally["builds"] > 1
    assert tally["looks at what readers see"]


def test_killed_builds_are_caught_up_by_the_next(
    empty_compiled_world: CompiledWorld, shop: Shop, tmp_path: Path
) -> None:
    tally = prove_job_kills(empty_compiled_world, shop, tmp_path, seed=1, kills=3)
    assert tally["kills tried"] == 3
    assert 0 < tally["builds"] <= tally["builds of the job that ended as published"]


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
