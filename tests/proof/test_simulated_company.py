"""A simulated company, dirt and all, out of order: each increment comes to what a rebuild comes to."""

import random
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from orchestration.simulation import simulate
from tests.integration.compiled_world import CompiledWorld
from tests.proof.agreement import differing_rows
from tests.proof.warehouse import Warehouse

pytestmark = [pytest.mark.slow, pytest.mark.long]
END = datetime(2026, 6, 30, 12)
PEOPLE, DAYS, SEED = 600, 300, 3
_SHOWN = 20


@pytest.mark.parametrize("deliveries", [5, 30])
def test_increments_equal_rebuilds(
    empty_compiled_world: CompiledWorld, tmp_path: Path, deliveries: int
) -> None:
    source = tmp_path / "simulated"
    simulate(source, people=PEOPLE, days=DAYS, seed=SEED, end=END)
    files = sorted((source / "leadproof").rglob("*.*"))
    random.Random(deliveries).shuffle(files)
    warehouse = Warehouse(empty_compiled_world, tmp_path / "warehouse")
    try:
        for number in range(deliveries):
            for file in files[number::deliveries]:
                place = warehouse.settings.landing / file.relative_to(source)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place)
            left = (deliveries - 1 - number) / deliveries
            warehouse.build(END - timedelta(days=200 * left))
            assert warehouse.is_increment is (number > 0)
            if warehouse.is_increment:
                found = differing_rows(warehouse.rebuilt_marts(), warehouse.marts())
                assert not found, f"delivery {number}:\n" + "\n".join(found[:_SHOWN])
    finally:
        warehouse.close()
