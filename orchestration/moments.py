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
