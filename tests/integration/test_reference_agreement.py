"""The models and the reference read the same files, and must come to the same rows.

Both were written from the specification, neither from the other.
"""

import shutil
from pathlib import Path

import pytest

from orchestration.landing import load_landing
from orchestration.settings import PROJECT_ROOT, Settings
from tests.integration.compiled_world import CompiledWorld
from tests.integration.harness import begin_build, connect, fetch, load_policy, make_warehouse
from tests.reference.comparison import KEYS, differences_from
from tests.reference.landing import read_landing
from tests.reference.policy import read_policy
from tests.reference.world import World, compute
from tests.reference.worlds import SmallWorld, write_world

pytestmark = pytest.mark.slow
_SHOWN = 40


def run_models(compiled: CompiledWorld, small: SmallWorld, folder: Path) -> Settings:
    """Load a world into a warehouse of its own and build the models on it."""
    settings = make_warehouse(folder, small.landing)
    shutil.copyfile(compiled.settings.build_db, settings.build_db)
    load_landing(settings, now=small.loaded_at)
    load_policy(settings, small.seeds)
    begin_build(settings, small.as_of)
    with connect(settings) as database:
        compiled.run_models(database)
    return settings


def read_world(small: SmallWorld) -> World:
    """What the reference says of a world."""
    return compute(read_landing(small.landing, small.loaded_at), read_policy(small.seeds), small.as_of)


def disagreements(settings: Settings, world: World) -> list[str]:
    """Every row and cell in which the models differ from the reference."""
    return differences_from(world, {table: fetch(settings, f"select * from marts.{table}") for table in KEYS})


def assert_agreement(compiled: CompiledWorld, folder: Path, *, people: int, seed: int) -> None:
    small = write_world(folder / "world", people=people, seed=seed, seeds_from=PROJECT_ROOT / "seeds")
    world = read_world(small)
    assert world.sqls, "a world in which nobody comes far proves little"
    found = disagreements(run_models(compiled, small, folder), world)
    assert not found, f"{len(found)} differences:\n" + "\n".join(found[:_SHOWN])


def test_models_agree_with_the_reference(empty_compiled_world: CompiledWorld, tmp_path: Path) -> None:
    assert_agreement(empty_compiled_world, tmp_path, people=100, seed=1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(101, 151))
def test_models_agree_with_the_reference_on_a_thousand_people(
    empty_compiled_world: CompiledWorld, tmp_path: Path, seed: int
) -> None:
    assert_agreement(empty_compiled_world, tmp_path, people=1_000, seed=seed)
