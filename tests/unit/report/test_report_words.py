"""Words and numbers for people; text of sources made harmless."""

import pytest

from orchestration.report.obstacles import phrase
from orchestration.report.words import joined, number, share, span
from orchestration.source_text import clean


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain ü 漢", "plain ü 漢"),
        (None, ""),
        ("two\r\nlines\tand tabs", "two lines and tabs"),
        ("\x1b]0;title\x07", "\ufffd]0;title\ufffd"),
        ("a\u202eb\u200bc\x9bd", "a\ufffdb\ufffdc\ufffdd"),
    ],
)
def test_text_of_sources_cannot_steer_a_terminal(raw: str | None, shown: str) -> None:
    assert clean(raw) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (49.97, "49.9"), (49.999999, "50"), (50.0, "50"), (1234.5, "1,234.5")]
)
def test_a_score_just_short_of_the_threshold_does_not_look_like_it(value: float, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [(0, 10, "0 %"), (10, 10, "100 %"), (1, 100_000, "<0.1 %"), (99_999, 100_000, ">99.9 %"), (1, 0, "–")],
)
def test_some_is_never_shown_as_none_nor_most_as_all(part: int, whole: int, shown: str) -> None:
    assert share(part, whole) == shown


def test_lists_and_spans_read_like_words() -> None:
    assert joined(["a", "b", "c"], "or") == "a, b or c"
    assert [span(seconds) for seconds in (5, 90, 7200, 3 * 86400)] == [
        "less than a minute",
        "1 minute",
        "2 hours",
        "3 days",
    ]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("icp_missing:employee_count", "no company size is recorded"),
        ("icp_mismatch:seniority", "the seniority lies outside the ICP"),
        ("score:32/50", "the score is too low"),
        ("context_missing:message_hypothesis", "the context lacks message hypothesis"),
        ("context_missing:no_campaign", "responses name no campaign"),
        ("no_response", "no response is recorded"),
        ("no_qualifying_response", "no response qualifies"),
        ("excluded:competitor", "excluded by policy (competitor)"),
        ("exited:recycled", "the last cycle has ended (recycled)"),
        ("not_known", "only anonymous visits are known"),
        ("something_new:subject", "something new:subject"),
    ],
)
def test_every_code_has_words(code: str, words: str) -> None:
    assert phrase(code) == words
