"""The engagement score of a cycle at a moment (section 5)."""

from collections import Counter
from datetime import datetime, timedelta

from tests.reference.cycles import Cycle

TOLERANCE = 1e-6
_DAY = timedelta(days=1)


def score(cycle: Cycle, moment: datetime) -> float:
    """Section 5: sum of points that halve every half-life, over the cycle's responses up to a moment.

    Responses marked irrelevant are left out before the first `max_scored_per_cycle` of each type are counted.
    """
    total = 0.0
    counted: Counter[str] = Counter()
    for response in cycle.responses:
        if response.occurred_at > moment or response.text("response_relevance") == "irrelevant":
            continue
        kind = response.kind
        counted[kind.code] += 1
        if kind.max_scored_per_cycle is not None and counted[kind.code] > kind.max_scored_per_cycle:
            continue
        age = (moment - response.occurred_at) / _DAY
        total += kind.points * 2.0 ** (-age / cycle.values.score_half_life_days)
    return total


def is_enough(points: float, cycle: Cycle) -> bool:
    """Sections 5 and 6: scores are compared with a tolerance of 1e-6."""
    return points >= cycle.values.mql_min_score - TOLERANCE
