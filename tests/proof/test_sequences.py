"""A few of the sequences that `make prove` drives by the hundred, and that they find what is wrong."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestration import policy
from tests.integration.compiled_world import CompiledWorld, Node
from tests.proof.moments import DAY, DAYS, START
from tests.proof.policy import EDITS, write_policy
from tests.proof.profiles import drive
from tests.proof.warehouse import Warehouse

pytestmark = pytest.mark.slow


def test_sequences_of_builds_agree_with_rebuilds_and_the_reference(
    empty_compiled_world: CompiledWorld,
) -> None:
    tally = drive(empty_compiled_world, 1, 3)
    assert tally["sequences"] >= 3
    assert tally["builds"] > tally["sequences"]
    assert tally["transitions to prospect"]


@pytest.mark.parametrize(
    "model",
    [
        "int_identities_resolved",
        *(
            pytest.param(model, marks=pytest.mark.long)
            for model in ("int_exits_found", "int_campaigns_versioned", "row_reconciliation", "people")
        ),
    ],
)
def test_sequences_find_a_model_that_is_not_brought_up_to_date(
    empty_compiled_world: CompiledWorld, model: str
) -> None:
    class Forgetful(Warehouse):
        def _run(self, models: Sequence[Node], *, is_increment: bool) -> None:
            kept = [node for node in models if not is_increment or node["alias"] != model]
            super()._run(kept, is_increment=is_increment)

    with pytest.raises(AssertionError, match="differences from"):
        drive(empty_compiled_world, 1, 10, is_shrunk=False, kind_of_warehouse=Forgetful)


@pytest.mark.parametrize("is_together", [pytest.param(False, marks=pytest.mark.long), True])
def test_edits_keep_the_policy_valid(tmp_path: Path, is_together: bool) -> None:
    """A real build would turn anything else away, and so prove nothing."""
    numbers = range(len(EDITS))
    for edits in [list(numbers)] if is_together else [[number] for number in numbers]:
        write_policy(tmp_path / "seeds", {number: START + DAYS[number % len(DAYS)] * DAY for number in edits})
        policy.require_valid(policy.read_policy(tmp_path))
