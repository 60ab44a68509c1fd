"""A few of the worlds that `make prove` judges by the thousand, and that they show what a usual test does."""

import numpy as np
import pytest

from tests.integration.compiled_world import CompiledWorld
from tests.proof.verdicts import (
    SCENARIOS,
    Judge,
    daily_looks,
    falsehood,
    fixed_sample_verdicts,
    power,
)

pytestmark = pytest.mark.slow
_WORLDS = 25


@pytest.fixture(scope="module")
def judge(compiled_world: CompiledWorld) -> Judge:
    """The compiled model that reaches the verdicts."""
    return Judge(compiled_world)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_verdicts_looked_at_daily_are_seldom_false(judge: Judge, scenario: str) -> None:
    rates = SCENARIOS[scenario]
    looks = daily_looks(np.random.default_rng(1), _WORLDS, rates)
    assert falsehood(judge.look(looks), rates).on_worst_day <= 0.05
    # Else the worlds would be too easy to show anything.
    assert falsehood(fixed_sample_verdicts(looks), rates).on_worst_day > 0.08


def test_messages_twice_as_good_as_promised_are_found(judge: Judge) -> None:
    assert power(judge, np.random.default_rng(1), _WORLDS, good=4).scaled >= 0.8
