"""When a build is killed, and which of its processes: seen from what it says, as a person would see it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from tests.proof.processes import children_of, end, end_session, is_alive

# What a build says when a phase begins, in order.
PHASES: Mapping[str, str] = {
    "start": "Starting",
    "policy": "Checking the policy tables",
    "load": "Loading landing files",
    "dbt": "Running dbt on",
    "candidate": "Writing the candidate",
    "audit": "Auditing the candidate",
    "publish": "Publishing the release",
    "report": "Writing the quality report",
}
# With dbt, its phase has most to lose; the others have one process only.
_DRAWN = ("start", "policy", "load", "load", "dbt", "dbt", "dbt", "dbt", "candidate", "audit", "publish",
          "publish", "report")  # fmt: skip
TARGETS = ("the build", "the build and dbt", "dbt")
# Until a build has told.
USUAL_SECONDS: Mapping[str, float] = {**dict.fromkeys(PHASES, 1.0), "start": 4.0, "dbt": 20.0}
_POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Kill:
    """A kill to come.

    Args:
        phase: In which phase.
        share: After which share of its usual time.
        target: Which processes it ends; without dbt, `the build`.
    """

    phase: str
    share: float
    target: str


@dataclass(frozen=True)
class Struck:
    """A kill that has hit.

    Args:
        phase: The phase in which the build really was.
        orphans: Processes that the build had started and that live on.
    """

    phase: str
    orphans: tuple[int, ...]


def kills() -> st.SearchStrategy[Kill]:
    """A kill in any phase."""

    def of_phase(phase: str) -> st.SearchStrategy[Kill]:
        targets = TARGETS if phase == "dbt" else TARGETS[:1]
        return st.builds(
            Kill, st.just(phase), st.integers(0, 20).map(lambda part: part / 20), st.sampled_from(targets)
        )

    return st.sampled_from(_DRAWN).flatmap(of_phase)


def strike(kill: Kill, process: int, output: Path, usual_seconds: Mapping[str, float]) -> Struck | None:
    """Wait for the moment and kill.

    Args:
        kill: When, and what.
        process: The build, which leads a session.
        output: What it prints.
        usual_seconds: How long each phase took of late.

    Returns:
        What was hit; null if the build ended before.
    """
    while PHASES[kill.phase] not in _told(output):
        if not is_alive(process):
            return None
        time.sleep(_POLL_SECONDS)
    moment = time.monotonic() + kill.share * usual_seconds[kill.phase]
    # Listed once: between two looks dbt may end, and then there would be nobody left to kill.
    while (not (children := children_of(process)) and kill.target == "dbt") or time.monotonic() < moment:
        if not is_alive(process):
            return None
        time.sleep(_POLL_SECONDS)
    phase = _phase(_told(output))
    if kill.target == "the build and dbt":
        end_session(process)
    else:
        end(children if kill.target == "dbt" else [process])
    return Struck(phase, tuple(children) if kill.target == "the build" else ())


def _told(output: Path) -> str:
    return output.read_text(encoding="utf-8") if output.exists() else ""


def _phase(told: str) -> str:
    return [name for name, words in PHASES.items() if words in told][-1]
