"""Small worlds and the landing reader: what holds of any world."""

import shutil
from datetime import datetime
from pathlib import Path

import pytest

from tests.reference.comparison import KEYS, differences
from tests.reference.landing import Landing, read_landing
from tests.reference.policy import read_policy
from tests.reference.world import World, compute
from tests.reference.worlds import AS_OF, DELIVERIES, SmallWorld, deliver, write_world

SEEDS = Path(__file__).parents[3] / "seeds"


def of(small: SmallWorld) -> World:
    landing = read_landing(small.landing, small.loaded_at)
    return compute(landing, read_policy(small.seeds), small.as_of)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallWorld:
    folder = tmp_path_factory.mktemp("world")
    return write_world(folder, people=60, seed=3, seeds_from=SEEDS)


@pytest.fixture(scope="module")
def world(small: SmallWorld) -> World:
    return of(small)


def test_world_is_the_same_for_the_same_seed(small: SmallWorld, tmp_path: Path) -> None:
    again = write_world(tmp_path, people=60, seed=3, seeds_from=SEEDS)
    texts = [
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (small.landing, again.landing)
    ]
    assert texts[0] == texts[1]


def test_world_reaches_every_stage_and_every_verdict(world: World) -> None:
    assert {row["to_stage"] for row in world.stage_transitions} == {
        "suspect", "prospect", "mql", "sql", "recycled", "disqualified",
    }  # fmt: skip
    assert {row["verdict"] for row in world.verdicts} == {"accepted", "superseded", "pending", "quarantined"}
    assert {row["context_source"] for row in world.touches} == {"own", "answered", "window", "none"}


def test_transitions_are_told_once_and_in_order(world: World) -> None:
    ids = [row["transition_id"] for row in world.stage_transitions]
    assert len(ids) == len(set(ids))
    for row in world.sqls:
        moments = [row[f"became_{stage}_at"] for stage in ("suspect", "prospect", "mql", "sql")]
        assert moments == sorted(moments, key=str)
        assert row["is_icp_complete"] and row["is_icp_fit"] and row["is_context_complete"]


def test_same_content_under_another_name_loads_nothing(small: SmallWorld, tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    shutil.copytree(small.landing, landing)
    first = read_landing(landing, AS_OF)
    some = next(landing.glob("leadproof/touches/*.csv"))
    shutil.copyfile(some, some.with_name("zz.csv"))
    assert read_landing(landing, AS_OF, earlier=first) == first


def test_a_known_path_with_new_content_is_a_further_version(tmp_path: Path) -> None:
    path = tmp_path / "leadproof" / "handoffs" / "handoffs_2025-01-31.csv"
    path.parent.mkdir(parents=True)
    header = "source_handoff_id,email,occurred_at,outcome\n"
    path.write_text(header + "h,a@b.example,2025-01-01,parked\n,,\n")
    first = read_landing(tmp_path, datetime(2025, 2, 1))
    path.write_text(header + "h,a@b.example,2025-01-01,accepted\n")
    both = read_landing(tmp_path, datetime(2025, 2, 2), earlier=first)
    world = compute(both, read_policy(SEEDS), datetime(2025, 2, 2))
    assert [file.version for file in both.files] == [1, 2]
    assert [(row["source_row"], row["reason_code"], row["status"]) for row in world.quarantine] == [
        (2, "unknown_code", "replaced"),
        (3, "structural_reject", "replaced"),
    ]
    assert world.row_reconciliation[0]["landed_rows"] == 3
    assert world.row_reconciliation[0]["latest_observed_at"] == datetime(2025, 1, 31)


def test_deliveries_one_by_one_say_the_same_as_all_at_once(
    small: SmallWorld, world: World, tmp_path: Path
) -> None:
    landing: Landing | None = None
    for number in range(len(DELIVERIES)):
        as_of = deliver(small, tmp_path, number)
        landing = read_landing(tmp_path, as_of, earlier=landing)
    assert landing is not None
    assert max(row.load_id for row in landing.rows) == len(DELIVERIES)
    again = compute(landing, read_policy(small.seeds), AS_OF)
    for table in KEYS:
        found = differences(
            table, getattr(world, table), getattr(again, table), ignored=("first_seen_at", "status")
        )
        assert found == []


def test_a_difference_is_told_by_row_and_column() -> None:
    told: dict[str, object] = {"person_id": "p", "blocked_by": "a|b", "engagement_score": 1.0}
    assert differences("people", [told], [{**told, "blocked_by": "b|a", "engagement_score": 1.000001}]) == []
    assert differences("people", [told], [{**told, "engagement_score": None}]) == [
        "people ('p',): engagement_score is None instead of 1.0"
    ]
    assert differences("people", [told], []) == ["people ('p',): missing"]
