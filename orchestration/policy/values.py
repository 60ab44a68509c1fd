"""Cells as values: numbers, moments, days, yes or no, lists and periods.

Each reader answers None for a text that is not what it should be; which columns hold what stands in
``schema``.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime

from orchestration.policy.reading import Row

BEGINNING = datetime.min
END = datetime.max
_NUMBER = re.compile(r"^-?\d{1,15}(\.\d{1,15})?$")
_TIMESTAMP = re.compile(r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?$")
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")


def number(text: str) -> float | None:
    """Read a plain decimal number with a point."""
    return float(text) if _NUMBER.match(text) else None


def integer(text: str) -> int | None:
    """Read a whole number."""
    return int(text) if _NUMBER.match(text) and "." not in text else None


def boolean(text: str) -> bool | None:
    """Read ``true`` or ``false``, upper and lower case alike."""
    return {"true": True, "false": False}.get(text.lower())


def timestamp(text: str) -> datetime | None:
    """Read an ISO moment without a zone, which is UTC."""
    if not _TIMESTAMP.match(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def day(text: str) -> date | None:
    """Read an ISO day."""
    if not _DATE.match(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def parts(text: str) -> list[str]:
    """Split a ``|`` list; no part of a blank cell."""
    return text.split("|") if text else []


@dataclass(frozen=True)
class Period:
    """The half-open time during which a row is in force.

    Args:
        start: First moment, UTC.
        end: First moment after it, UTC.
    """

    start: datetime
    end: datetime

    def overlaps(self, other: "Period") -> bool:
        """Whether both share a moment."""
        return self.start < other.end and other.start < self.end

    def holds(self, moment: datetime) -> bool:
        """Whether the moment lies within."""
        return self.start <= moment < self.end


def period_of(row: Row) -> Period:
    """The time during which a row is in force; a row without such columns always is."""
    cells = row.cells
    start = timestamp(cells.get("effective_from", ""))
    end = timestamp(cells.get("effective_to", ""))
    return Period(start or BEGINNING, end or END)
