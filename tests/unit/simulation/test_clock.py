from datetime import UTC, datetime, timedelta, timezone

import numpy as np

from orchestration.simulation.clock import (
    DAY,
    HOUR,
    after,
    at_work,
    month_starts,
    pick_days,
    to_datetime,
    to_seconds,
    visit_seconds,
    weekday,
)


def test_to_seconds_reads_times_without_zone_as_utc() -> None:
    plus_two = timezone(timedelta(hours=2))
    assert to_seconds(datetime(2026, 1, 1, 12)) == to_seconds(datetime(2026, 1, 1, 14, tzinfo=plus_two))
    assert to_datetime(to_seconds(datetime(2026, 1, 1, 12, tzinfo=UTC))) == datetime(2026, 1, 1, 12)


def test_weekday_counts_from_monday() -> None:
    days = np.array([to_seconds(datetime(2026, 6, day)) // DAY for day in (1, 6, 7)])
    assert weekday(days).tolist() == [0, 5, 6]


def test_month_starts_cross_the_year() -> None:
    starts = month_starts(to_seconds(datetime(2025, 11, 20)), to_seconds(datetime(2026, 2, 1)))
    assert [to_datetime(start) for start in starts] == [
        datetime(2025, 11, 1),
        datetime(2025, 12, 1),
        datetime(2026, 1, 1),
        datetime(2026, 2, 1),
    ]


def test_at_work_moves_later_and_into_working_hours() -> None:
    rng = np.random.default_rng(1)
    times = rng.integers(0, 60 * DAY, 5_000)
    moved = at_work(rng, times)
    assert (moved >= times).all()
    assert (weekday(moved // DAY) < 5).all()
    assert ((moved % DAY >= 8 * HOUR) & (moved % DAY <= 18 * HOUR)).all()


def test_after_is_later_by_about_the_median() -> None:
    rng = np.random.default_rng(1)
    monday_noon = to_seconds(datetime(2026, 6, 1, 9))
    times = np.full(4_000, monday_noon)
    later = after(rng, times, 2.0, 0.3)
    assert (later > times).all()
    assert 1.5 * HOUR < np.median(later - times) < 2.6 * HOUR


def test_weekends_are_quiet() -> None:
    rng = np.random.default_rng(1)
    first = to_seconds(datetime(2026, 6, 1)) // DAY
    share = (weekday(pick_days(rng, 20_000, first, first + 6)) >= 5).mean()
    assert 0.02 < share < 0.08


def test_visits_happen_by_day_and_sometimes_in_the_evening() -> None:
    hours = visit_seconds(np.random.default_rng(1), 10_000) / HOUR
    assert hours.min() >= 7.5
    assert hours.max() < 24
    assert 0.05 < (hours > 18.5).mean() < 0.2
