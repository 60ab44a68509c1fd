"""How many sequences are driven, and how long they are; which seed they come from."""

from collections import Counter

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.integration.compiled_world import CompiledWorld
from tests.proof.machine import FunnelMachine
from tests.proof.warehouse import Warehouse

STEPS = 10


def drive(
    compiled: CompiledWorld,
    first_seed: int,
    sequences: int,
    *,
    is_shrunk: bool = True,
    kind_of_warehouse: type[Warehouse] = Warehouse,
) -> Counter[str]:
    """Drive sequences, and fail with the shortest one that Hypothesis finds if any breaks a promise.

    Args:
        compiled: The compiled models.
        first_seed: The same seed gives the same sequences.
        sequences: How many; a few more are run where Hypothesis looks at some twice.
        is_shrunk: Whether a sequence that fails is made shorter before it is told; takes minutes.
        kind_of_warehouse: How builds are made.

    Returns:
        What all sequences did, counted.
    """
    tally: Counter[str] = Counter()
    kind = {"compiled": compiled, "kind_of_warehouse": kind_of_warehouse, "tally": tally}
    machine = type("FunnelMachine", (FunnelMachine,), kind)
    run_state_machine_as_test(
        seed(first_seed)(machine),
        settings=settings(
            max_examples=sequences,
            stateful_step_count=STEPS,
            phases=[Phase.generate, *([Phase.shrink] if is_shrunk else [])],
            database=None,  # a seed says it all
            deadline=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            print_blob=False,
            verbosity=Verbosity.normal,
        ),
    )
    return tally
