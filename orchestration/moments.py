"""Reading the moments that people type. All moments are UTC."""

from datetime import UTC, date, datetime, time

from orchestration.errors import LeadproofError


def parse_moment(text: str) -> datetime:
    """Read an ISO date or time; without a zone it is UTC.

    Args:
        text: For example ``2026-03-31`` (its first instant) or ``2026-03-31T18:00:00Z``.

    Returns:
        The moment in UTC.

    Raises:
        LeadproofError: If the text is neither.
    """
    text = text.strip()
    try:
        moment = (
            datetime.combine(date.fromisoformat(text), time.min)
            if len(text) == len("2026-03-31")
            else datetime.fromisoformat(text)
        )
    except ValueError as error:
        raise LeadproofError(
            f"'{text}' is no ISO date or time.", "Write it like 2026-03-31 or 2026-03-31T18:00:00Z."
        ) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def require_known(as_of: datetime, now: datetime) -> None:
    """Refuse a clock that runs ahead of the real one.

    Nothing can be known of a moment to come: rows would count as late, scores as decayed and baselines as run
    out before they are.

    Args:
        as_of: The clock that was asked for, with its zone.
        now: The present moment, with its zone.

    Raises:
        LeadproofError: If as-of is later.
    """
    if as_of > now:
        raise LeadproofError(
            f"As-of {_shown(as_of)} lies in the future; nothing can be known then.",
            "Leave --as-of out to build as of now.",
        )


def _shown(moment: datetime) -> str:
    """A moment as people type it: the day alone for its first instant."""
    moment = moment.astimezone(UTC)
    if moment.time() == time.min:
        return moment.date().isoformat()
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def parse_day(text: str) -> date:
    """Read an ISO date.

    Args:
        text: For example ``2026-03-31``.

    Returns:
        The day.

    Raises:
        LeadproofError: If the text is no date.
    """
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise LeadproofError(f"'{text}' is no ISO date.", "Write it like 2026-03-31.") from error
