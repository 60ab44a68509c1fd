"""``explain``: who is found, what is told of them, and that nothing of it harms a terminal."""

from collections.abc import Callable
from datetime import datetime

import pytest

from orchestration.errors import LeadproofError
from orchestration.report import explain
from orchestration.report.explanation import Explanation
from orchestration.settings import Settings
from tests.fixtures.release_world import make_settings
from tests.unit.report.report_world import (
    ARRIVED,
    EXCLUDED,
    LEFT,
    POLICY,
    PROSPECT,
    RETIRED,
    VISITOR,
    make_release,
    people_told,
    step,
    touch,
)

Printed = Callable[..., str]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = make_settings(tmp_path_factory.mktemp("published"))
    make_release(settings)
    return settings


@pytest.fixture
def told(published: Settings, printed: Printed) -> Callable[..., str]:
    return lambda query, **options: printed(explain(published, query), **options)


@pytest.mark.parametrize("query", [PROSPECT, "FIRST@Example.com ", "o'second@example.com", "leadproof:t5"])
def test_person_is_found_by_id_address_and_touch(told: Callable[..., str], query: str) -> None:
    assert told(query).startswith(f"{PROSPECT} is a prospect since 10 Jun 2026 (20 days), cycle 1.")


def test_retired_id_leads_to_the_person_it_was_merged_into(told: Callable[..., str]) -> None:
    text = told(RETIRED)
    assert text.startswith(PROSPECT)
    assert f"{RETIRED} was merged into this person." in text


@pytest.mark.parametrize(
    "query", ["nobody@example.com", "p_aaaaaaaaaaaaaaaa", "whoever", "", "'; drop table"]
)
def test_unknown_query_is_told_in_one_sentence_that_does_not_repeat_it(
    published: Settings, query: str
) -> None:
    with pytest.raises(LeadproofError) as caught:
        explain(published, query)
    assert not query or query not in str(caught.value)
    assert caught.value.hint


def test_shared_mailbox_names_the_ids_to_choose_from(published: Settings) -> None:
    with pytest.raises(LeadproofError, match=f"shared by 2 people: {ARRIVED}, {LEFT}"):
        explain(published, "info@example.com")


def test_without_a_release_the_next_step_is_told(settings: Settings) -> None:
    with pytest.raises(LeadproofError, match="Nothing is published yet"):
        explain(settings, PROSPECT)


def test_missing_contacts_file_is_told(settings: Settings) -> None:
    make_release(settings).contacts.unlink()
    with pytest.raises(LeadproofError, match="contacts file"):
        explain(settings, "first@example.com")


def test_nothing_personal_is_printed(told: Callable[..., str]) -> None:
    text = told("first@example.com")
    assert "@" not in text and "Somebody" not in text


def test_lines_fit_eighty_columns_without_colour_or_escapes(told: Callable[..., str]) -> None:
    for query in (PROSPECT, ARRIVED, EXCLUDED, VISITOR, LEFT):
        lines = told(query).splitlines()
        assert max(len(line) for line in lines) <= 80
        assert all(character.isprintable() for line in lines for character in line), query


def test_terminal_escapes_of_a_source_are_shown_not_obeyed(told: Callable[..., str]) -> None:
    assert "\ufffd[31mSpring\ufffd[0m\ufffd mail" in " ".join(told(PROSPECT, width=100).split())


def test_old_terminals_get_plain_letters(told: Callable[..., str]) -> None:
    text = told(PROSPECT, encoding="ascii")
    assert "-> out" in text and "* PROSPECT" in text


def test_repeated_touches_are_one_line(told: Callable[..., str]) -> None:
    text = told(PROSPECT)
    assert text.count("email sent") == 2
    assert "→ out  3 × email sent until 03 Jun" in text


def test_stage_names_its_evidence_rule_reason_context_and_verdict(told: Callable[..., str]) -> None:
    flat = " ".join(told(PROSPECT).split())
    assert "evidence email reply of 10 Jun 10:00, leadproof:t5" in flat
    assert "direction outbound: Nobody asked for it (rule g_cold_mail)" in flat
    assert "context incomplete: message hypothesis" in flat
    assert "ICP v2: does not fit; score 20" in flat


def test_stages_of_one_touch_are_told_together(told: Callable[..., str]) -> None:
    text = told(ARRIVED)
    assert "◆ PROSPECT → MQL → SQL  by a qualifying response" in text
    assert text.count("evidence ") == 1
    assert "qualifies  an inbound hand-raise" in text
    assert text.rstrip().endswith("Nothing is missing: there is no further stage.")


def test_missing_things_come_with_what_mends_them(told: Callable[..., str]) -> None:
    flat = " ".join(told(PROSPECT).split("missing for MQL")[1].split())
    assert "1 Industry is not known" in flat
    assert "industry: software, fintech or logistics" in flat
    assert "2 Seniority is individual, outside ICP v2" in flat
    assert "3 Score 32.4 of 60 27.6 more points would do today: one free tool use (30)" in flat
    assert "A qualifying response does as well: one marked relevant with" in flat
    assert "lacks message hypothesis) Fill it in the source or in seeds/campaign_registry.csv" in flat


def test_summary_stands_at_the_top(told: Callable[..., str]) -> None:
    flat = " ".join(told(PROSPECT).split())
    assert (
        "Not an MQL: industry is not known; seniority is individual, outside ICP v2; score 32.4 of 60;"
        in flat
    )


def test_unclassified_evidence_names_the_field_that_would_decide(
    settings: Settings, printed: Printed
) -> None:
    world = people_told()
    world["stage_transitions"][1] |= {
        "evidence_touch_id": "leadproof:t6",
        "direction": "unclassified",
        "direction_rule_id": None,
    }
    make_release(settings, **world)
    flat = " ".join(printed(explain(settings, PROSPECT)).split())
    assert "unclassified: no rule matches; content fit would decide, but is not recorded" in flat


def test_claim_is_set_against_the_proof(told: Callable[..., str]) -> None:
    assert 'leadproof says "SQL": not proved; the record proves prospect' in told(PROSPECT)
    assert 'leadproof says "MQL": proved' in told(ARRIVED)


def test_people_outside_the_funnel_are_told_why(told: Callable[..., str]) -> None:
    assert f"{EXCLUDED} is excluded: competitor." in told(EXCLUDED)
    assert "only anonymous visits are known" in told(VISITOR)
    text = told(LEFT)
    assert f"{LEFT} left the funnel, disqualified since 5 Jun 2026" in text
    assert "✗ DISQUALIFIED  by opt-out (unsubscribe)" in text
    assert "The person's next response opens cycle 2." in " ".join(text.split())


def test_endless_histories_are_cut_in_the_middle_and_counted(settings: Settings, printed: Printed) -> None:
    world = people_told()
    world["touches"] = [
        touch(
            1000 + number,
            PROSPECT,
            f"2026-06-{10 + number // 24:02} {number % 24:02}:30:00",
            "email_reply" if number % 2 else "page_visit",
        )
        for number in range(200)
    ]
    make_release(settings, **world)
    text = printed(explain(settings, PROSPECT))
    assert "… 160 more touches, all in marts.touches" in text
    assert len(text.splitlines()) < 90


@pytest.mark.parametrize(
    ("last_response", "exit_at", "why"),
    [
        ("2026-01-01 10:00:00", "2026-04-01 10:00:00", "no response for 90 days"),
        ("2026-01-01 10:00:00", "2026-01-20 10:00:00", "sales rejected the handoff"),
        ("2026-01-01 10:00:00", "2026-05-01 10:00:00", "after an accepted handoff"),
    ],
)
def test_recycling_says_what_can_be_known_of_its_cause(
    settings: Settings, printed: Printed, last_response: str, exit_at: str, why: str
) -> None:
    world = people_told()
    world["touches"] = [touch(1, LEFT, last_response, "email_reply")]
    world["stage_transitions"] = [
        step(LEFT, "suspect", "2025-12-01"),
        step(LEFT, "recycled", exit_at, transition_kind="recycle"),
    ]
    make_release(settings, **world)
    assert why in " ".join(printed(explain(settings, LEFT)).split())


def test_score_along_the_golden_case_agrees_with_its_expected_scores() -> None:
    """The timeline works the score out anew; the hand-written case says what it has to be."""
    from orchestration.report.released_policy import PolicyTables
    from orchestration.report.scores import score_along
    from tests.unit.report.golden_touches import golden_cycles

    policy = PolicyTables(POLICY)
    compared = 0
    for cycle in golden_cycles():
        scored = score_along(cycle.responses, policy, cycle.opened_at)
        for moment, expected in cycle.expected_scores:
            before = [each for each in cycle.responses if each.occurred_at <= moment]
            if not before:
                continue
            half_life = float(policy.value("score_half_life_days", cycle.opened_at) or 0)
            age = (moment - before[-1].occurred_at).total_seconds() / 86400
            assert scored[before[-1].touch_id].total * 2 ** (-age / half_life) == pytest.approx(
                expected, abs=2e-6
            ), before[-1].touch_id
            compared += 1
    assert compared > 50


def test_explanation_is_a_renderable_that_holds_no_connection(published: Settings) -> None:
    shown = explain(published, PROSPECT)
    assert isinstance(shown, Explanation)
    assert shown.person.as_of == datetime(2026, 6, 30, 12)
