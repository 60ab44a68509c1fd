"""The engagement score along a cycle, response by response, for the timeline.

The marts publish it at each stage; between the stages it is worked out here from the same touches and the
release's policy. Where both exist they agree, which a test holds.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestration.report.person import Touch
from orchestration.report.released_policy import PolicyTables


@dataclass(frozen=True)
class Scored:
    """What a response was worth.

    Args:
        points: Points that counted.
        total: Score with it, as of its moment.
        note: Why it counted nothing though it is not irrelevant; None if it counted or carries no points.
    """

    points: float
    total: float
    note: str | None


def score_along(responses: Sequence[Touch], policy: PolicyTables, opened_at: datetime) -> dict[str, Scored]:
    """Score the responses of one cycle.

    Args:
        responses: Its responses, in order, those after its end left out.
        policy: The release's policy tables.
        opened_at: When the cycle opened (UTC); the half-life of that moment governs it.

    Returns:
        By touch id.
    """
    half_life = float(policy.value("score_half_life_days", opened_at) or 0)
    found: dict[str, Scored] = {}
    counts: Counter[str] = Counter()
    total = 0.0
    before: datetime | None = None
    for touch in responses:
        if before is not None and half_life:
            total *= 2 ** (-(touch.occurred_at - before).total_seconds() / 86400 / half_life)
        before = touch.occurred_at
        points, note = touch.points or 0.0, None
        if touch.response_relevance == "irrelevant":
            points = 0.0
        else:
            counts[touch.touch_type] += 1
            limit = (policy.touch_type(touch.touch_type, touch.occurred_at) or {}).get("max_scored_per_cycle")
            if limit and counts[touch.touch_type] > int(float(limit)):
                points, note = 0.0, f"no points: {int(float(limit))} per cycle count"
        total += points
        found[touch.touch_id] = Scored(points, total, note)
    return found


def scored_counts(responses: Sequence[Touch]) -> Counter[str]:
    """How often each touch type has been scored, or come after the last that counts."""
    return Counter(touch.touch_type for touch in responses if touch.response_relevance != "irrelevant")
