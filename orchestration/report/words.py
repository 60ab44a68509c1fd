"""Words, numbers and moments as people read them. Knows no table."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from orchestration.source_text import clean

STAGE_NAMES = {
    "suspect": "suspect",
    "prospect": "prospect",
    "mql": "MQL",
    "sql": "SQL",
    "customer": "customer",
    "recycled": "recycled",
    "disqualified": "disqualified",
}
ATTRIBUTE_NAMES = {
    "industry": "industry",
    "employee_count": "company size",
    "seniority": "seniority",
    "company_type": "company type",
    "country": "country",
}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def spoken(code: Any) -> str:
    """Write a code (``message_hypothesis``) as words (``message hypothesis``)."""
    text = clean(code)
    return ATTRIBUTE_NAMES.get(text) or text.replace("_", " ")


def joined(parts: Sequence[str], last: str = "and") -> str:
    """Write a list as words.

    Args:
        parts: The words.
        last: What stands before the last one.

    Returns:
        For example ``a, b and c``; empty without parts.
    """
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def split_list(text: Any) -> list[str]:
    """Take a ``|`` list apart; None is an empty list."""
    return [part for part in str(text).split("|") if part] if text is not None else []


def number(value: float) -> str:
    """Write a number with at most one decimal, rounded down so that 49.97 is not taken for 50."""
    floored = int(value * 10 + 1e-5) / 10
    return f"{floored:,.0f}" if floored == int(floored) else f"{floored:,.1f}"


def counted(value: int, noun: str, plural: str | None = None) -> str:
    """Write a count with its noun (``1 file``, ``2 files``)."""
    return f"{value:,} {noun if value == 1 else plural or noun + 's'}"


def share(part: float, whole: float) -> str:
    """Write a share in per cent; a share that is neither none nor all is never rounded to either."""
    if not whole:
        return "–"
    per_cent = 100 * part / whole
    if 0 < per_cent < 0.1:
        return "<0.1 %"
    if 99.9 < per_cent < 100:
        return ">99.9 %"
    return f"{per_cent:.0f} %" if per_cent == int(per_cent) or per_cent >= 10 else f"{per_cent:.1f} %"


def day(moment: datetime) -> str:
    """Write a day (``5 Jan 2026``)."""
    return f"{moment.day} {moment:%b %Y}"


def minute(moment: datetime) -> str:
    """Write a moment to the minute (``5 Jan 2026 10:02``)."""
    return f"{day(moment)} {moment:%H:%M}"


def parsed(text: Any) -> datetime | None:
    """Read a moment from a state file; it has the zone UTC. None stays None."""
    if not text:
        return None
    moment = text if isinstance(text, datetime) else datetime.fromisoformat(str(text))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def span(seconds: float) -> str:
    """Write a length of time in its largest fitting unit (``3 days``)."""
    seconds = max(seconds, 0)
    if seconds < _MINUTE:
        return "less than a minute"
    if seconds < _HOUR:
        return counted(int(seconds // _MINUTE), "minute")
    if seconds < 2 * _DAY:
        return counted(int(seconds // _HOUR), "hour")
    return counted(int(seconds // _DAY), "day")
