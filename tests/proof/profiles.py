"""How many sequences are driven, and how long they are; which seed they come from."""

from collections import Counter

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.reporting import with_reporter
from hypothesis.stateful import run_state_machine_as_test

from tests.integration.compiled_world import CompiledWorld
from tests.proof.job_machine import JobMachine
from tests.proof.machine import CompiledMachine, FunnelMachine
from tests.proof.shop import Shop
from tests.proof.warehouse import Warehouse

STEPS = 10
STEPS_OF_JOB = 14
_STEP_SHOWN = 300  # of the characters in which a step is told


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
    _run(type("CompiledMachine", (CompiledMachine,), kind), first_seed, sequences, STEPS, is_shrunk=is_shrunk)
    return tally


def drive_job(
    compiled: CompiledWorld, shop: Shop, first_seed: int, *, steps: int = STEPS_OF_JOB
) -> Counter[str]:
    """Drive a sequence through the real job, and fail as it stands if it breaks a promise.

    Args:
        compiled: The compiled models, for rebuilds.
        shop: Where the job runs.
        first_seed: The same seed gives the same sequence, but for the exact moments of its kills.
        steps: How long the sequence may be.

    Returns:
        What it did, counted.
    """
    tally: Counter[str] = Counter()
    told: list[object] = []
    failures: list[Exception] = []
    kind = {"compiled": compiled, "shop": shop, "tally": tally, "failures": failures}
    try:
        with with_reporter(told.append):
            _run(
                type("JobMachine", (JobMachine,), kind),
                first_seed,
                1,
                steps,
                is_shrunk=False,
                verbosity=Verbosity.debug,  # which tells each step as it is made
            )
    except Exception as error:
        sequence = "\n".join(line[:_STEP_SHOWN] for line in map(str, told) if line.startswith("state."))
        raise AssertionError(f"Seed {first_seed}, a sequence through the job:\n{sequence}") from (
            failures[0] if failures else error
        )
    return tally


def _run(
    machine: type[FunnelMachine],
    first_seed: int,
    sequences: int,
    steps: int,
    *,
    is_shrunk: bool,
    verbosity: Verbosity = Verbosity.normal,
) -> None:
    run_state_machine_as_test(
        seed(first_seed)(machine),
        settings=settings(
            max_examples=sequences,
            stateful_step_count=steps,
            phases=[Phase.generate, *([Phase.shrink] if is_shrunk else [])],
            database=None,  # a seed says it all
            deadline=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            print_blob=False,
            verbosity=verbosity,
        ),
    )
