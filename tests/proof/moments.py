"""The moments at which things happen in a sequence, and those from which a build looks.

They lie on a coarse lattice, so that two draws often meet at one instant, or lie apart by exactly what a rule
counts: the window of a response, the silence that ends a cycle, a half-life.
"""

from datetime import datetime, timedelta

from hypothesis import strategies as st

START = datetime(2024, 12, 31)  # the day before the shipped ideal customer profile changes
DAY, TICK = timedelta(days=1), timedelta(microseconds=1)
DAYS = (0, 1, 2, 10, 14, 30, 40, 60, 61, 70, 90, 100, 120, 150, 180, 181, 190, 210, 240, 300, 390)
LAST = START + 430 * DAY
_NONE = timedelta(0)
_NUDGES = (_NONE, _NONE, _NONE, _NONE, _NONE, TICK, -TICK, timedelta(seconds=1), timedelta(hours=12))


def moments() -> st.SearchStrategy[datetime]:
    """A moment on the lattice, or just beside it."""
    return st.builds(
        lambda day, nudge: START + day * DAY + nudge, st.sampled_from(DAYS), st.sampled_from(_NUDGES)
    )


def as_text(moment: datetime) -> str:
    """The moment as a source writes it."""
    return moment.isoformat(sep=" ")
