"""Where a person stands now, and what stands before the next stage (section 7, ADR 0006)."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

from tests.reference.attributes import Knowledge
from tests.reference.context import Stamp
from tests.reference.cycles import Cycle
from tests.reference.score import is_enough, score
from tests.reference.stages import Transition, is_qualifying

NEXT_STAGE = {
    "suspect": "prospect",
    "prospect": "mql",
    "mql": "sql",
    "sql": None,
    "recycled": "suspect",
    "disqualified": "suspect",
}


def blocked_by(
    last: Transition, knowledge: Knowledge, stamps: Mapping[str, Stamp], as_of: datetime
) -> list[str]:
    """ADR 0006: the words for what stands before the next stage, of somebody who is in one."""
    if last.to_stage in ("recycled", "disqualified"):
        return [f"exited:{last.to_stage}"]
    if last.to_stage == "suspect":
        return ["no_response"]
    if last.to_stage == "mql":
        return ["no_qualifying_response"]
    if last.to_stage == "sql":
        return []
    return _before_mql(last.cycle, knowledge, stamps, as_of) or ["not_evaluated_since"]


def _before_mql(
    cycle: Cycle, knowledge: Knowledge, stamps: Mapping[str, Stamp], as_of: datetime
) -> list[str]:
    icp = knowledge.icp(as_of)
    words = [f"icp_missing:{attribute}" for attribute in icp.missing]
    words += [f"icp_mismatch:{attribute}" for attribute in icp.mismatched]
    now = score(cycle, as_of)
    is_qualified = any(is_qualifying(response, cycle, stamps) for response in cycle.responses)
    if not is_enough(now, cycle) and not is_qualified:
        # Section 5: published rounded. Down from there, or `score:0` stands beside a score of 1.000000.
        words.append(f"score:{math.floor(round(now, 6))}/{cycle.values.mql_min_score:g}")
    if not any(stamps[response.touch_id].is_context_complete for response in cycle.responses):
        lacks = stamps[cycle.responses[-1].touch_id].missing_required
        words += [f"context_missing:{name}" for name in lacks]
    return words


def cycle_stage(transitions: Sequence[Transition], number: int) -> Transition:
    """Section 7: where a cycle stands now: its last transition."""
    return [transition for transition in transitions if transition.cycle.number == number][-1]
