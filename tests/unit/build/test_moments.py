from datetime import UTC, date, datetime, timedelta

import pytest

from orchestration.errors import LeadproofError
from orchestration.moments import parse_day, parse_moment, require_known


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-31", datetime(2026, 3, 31, tzinfo=UTC)),
        ("2026-03-31T18:00", datetime(2026, 3, 31, 18, tzinfo=UTC)),
        ("2026-03-31T18:00:00Z", datetime(2026, 3, 31, 18, tzinfo=UTC)),
        ("2026-03-31 18:00:00+02:00", datetime(2026, 3, 31, 16, tzinfo=UTC)),
        (" 2026-03-31 ", datetime(2026, 3, 31, tzinfo=UTC)),
    ],
)
def test_moment_is_read_as_utc(text: str, moment: datetime) -> None:
    assert parse_moment(text) == moment
    assert parse_moment(text).tzinfo is UTC


@pytest.mark.parametrize("text", ["", "yesterday", "31.03.2026", "2026-13-01", "2026-02-30T10:00"])
def test_what_is_no_moment_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(LeadproofError, match="2026-03-31T18:00:00Z"):
        parse_moment(text)


def test_day_is_read() -> None:
    assert parse_day("2026-03-31") == date(2026, 3, 31)
    with pytest.raises(LeadproofError, match="no ISO date"):
        parse_day("soon")


def test_clock_may_not_run_ahead() -> None:
    now = datetime(2026, 11, 22, 10, tzinfo=UTC)
    require_known(now, now)
    with pytest.raises(LeadproofError) as caught:
        require_known(now + timedelta(microseconds=1), now)
    assert str(caught.value) == (
        "As-of 2026-11-22T10:00:00Z lies in the future; nothing can be known then. "
        "Leave --as-of out to build as of now."
    )
