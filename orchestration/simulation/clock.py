"""When things happen: working hours, weekdays, delays.

Times are whole seconds since 1970-01-01 UTC (``int64`` arrays), days are whole days since then. Which things
happen does not belong here.
"""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

HOUR = 3_600
DAY = 86_400
# Monday to Sunday: how much business traffic a day carries.
_WEEKDAY_WEIGHTS = np.array([1.0, 1.12, 1.1, 1.05, 0.8, 0.14, 0.12])


def to_seconds(moment: datetime) -> int:
    """Turn a moment into whole seconds since 1970-01-01 UTC.

    Args:
        moment: The moment; without a zone it is read as UTC.

    Returns:
        Whole seconds.
    """
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return int(aware.replace(microsecond=0).timestamp())


def to_datetime(seconds: int) -> datetime:
    """Turn seconds since 1970-01-01 UTC into a moment.

    Args:
        seconds: Whole seconds.

    Returns:
        The moment in UTC, without a zone.
    """
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def month_starts(start: int, end: int) -> list[int]:
    """List the first seconds of all calendar months that [start, end] touches.

    Args:
        start: First second.
        end: Last second.

    Returns:
        Seconds, ascending; the first is not after ``start``.
    """
    moment = to_datetime(start).replace(day=1, hour=0, minute=0, second=0)
    found = []
    while to_seconds(moment) <= end:
        found.append(to_seconds(moment))
        moment = moment.replace(year=moment.year + moment.month // 12, month=moment.month % 12 + 1)
    return found


def weekday(days: Array) -> Array:
    """Tell the weekday of days.

    Args:
        days: Days since 1970-01-01 (a Thursday).

    Returns:
        0 for Monday to 6 for Sunday.
    """
    return (days + 3) % 7


def pick_days(rng: np.random.Generator, size: int, first_day: int, last_day: int) -> Array:
    """Draw days with the traffic of their weekday.

    Args:
        rng: Source of randomness.
        size: How many days to draw.
        first_day: First possible day.
        last_day: Last possible day.

    Returns:
        Days since 1970-01-01.
    """
    days = np.arange(first_day, max(last_day, first_day) + 1)
    shares = np.cumsum(_WEEKDAY_WEIGHTS[weekday(days)])
    places = np.searchsorted(shares, rng.random(size) * shares[-1], side="right")
    picked: Array = days[places.clip(0, len(days) - 1)]
    return picked


def business_seconds(rng: np.random.Generator, size: int) -> Array:
    """Draw times of day within working hours, with a morning and an afternoon peak.

    Args:
        rng: Source of randomness.
        size: How many times to draw.

    Returns:
        Seconds since midnight, 07:30 to 18:30.
    """
    morning = rng.random(size) < 0.55
    hours = np.where(morning, rng.normal(10.2, 1.2, size), rng.normal(15.0, 1.4, size))
    return (hours.clip(7.5, 18.5) * HOUR).astype(np.int64)


def visit_seconds(rng: np.random.Generator, size: int) -> Array:
    """Draw times of day of people who act when they like: mostly at work, some in the evening.

    Args:
        rng: Source of randomness.
        size: How many times to draw.

    Returns:
        Seconds since midnight.
    """
    evening = rng.random(size) < 0.14
    late = (rng.triangular(18.0, 20.5, 23.9, size) * HOUR).astype(np.int64)
    return np.where(evening, late, business_seconds(rng, size))


def at_work(rng: np.random.Generator, times: Array) -> Array:
    """Move times that lie outside working hours to the morning of the next working day.

    Args:
        rng: Source of randomness.
        times: Seconds.

    Returns:
        Seconds, none earlier than its input.
    """
    days, seconds = times // DAY, times % DAY
    late = seconds > 18 * HOUR
    days = days + late
    day_of_week = weekday(days)
    weekend = day_of_week >= 5
    days = days + np.where(weekend, 7 - day_of_week, 0)
    moved = late | weekend | (seconds < 8 * HOUR)
    morning = rng.integers(8 * HOUR, 11 * HOUR, len(times))
    return np.where(moved, days * DAY + morning, times)


def after(rng: np.random.Generator, times: Array, median_hours: float, spread: float = 0.9) -> Array:
    """Add reaction times of people at work.

    Args:
        rng: Source of randomness.
        times: Seconds of what is reacted to.
        median_hours: Median reaction time in hours.
        spread: Standard deviation of the logarithm of the reaction time.

    Returns:
        Seconds, at least one minute later and within working hours.
    """
    hours = median_hours * np.exp(rng.normal(0.0, spread, len(times)))
    return at_work(rng, times + 60 + (hours * HOUR).astype(np.int64))
