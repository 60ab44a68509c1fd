"""The sentence that opens the quality page, and what it is counted from."""

import pytest

from orchestration.report.claims import ClaimRow, claim_sentences, count_claims

NO_FIRMOGRAPHICS = "icp_missing:employee_count|icp_missing:seniority|score:0/50"


def sentences(*rows: ClaimRow) -> list[str]:
    return claim_sentences(count_claims(rows))


def test_unproved_claims_name_the_attributes_that_nobody_recorded() -> None:
    assert sentences(("olist", "mql", False, NO_FIRMOGRAPHICS, 8000)) == [
        "Your CRM (olist) calls 8,000 people MQL; 0 are proved,"
        " because no seniority and no company size is recorded."
    ]


def test_stages_of_one_system_share_a_sentence_and_systems_do_not() -> None:
    found = sentences(
        ("zoho", "sql", False, "no_response|icp_missing:seniority", 30),
        ("zoho", "mql", False, "no_response", 10),
        ("zoho", "suspect", True, None, 99),
        ("olist", "mql", True, None, 5),
    )
    assert found == [
        "Your CRM (olist) calls 5 people MQL; all of them are proved.",
        "Your CRM (zoho) calls 40 people MQL or SQL; 0 are proved,"
        " because no response is recorded and no seniority is recorded.",
    ]


def test_partly_proved_claims_say_why_most_others_are_not() -> None:
    (told,) = sentences(("crm", "mql", True, None, 7), ("crm", "mql", False, "score:3/50", 3))
    assert told == (
        "Your CRM (crm) calls 10 people MQL; 7 are proved,"
        " most of the others are not, because the score is too low."
    )


def test_a_cause_of_few_is_not_said_of_most() -> None:
    (told,) = sentences(
        ("crm", "mql", False, "score:3/50", 4),
        ("crm", "mql", False, "no_qualifying_response", 3),
        ("crm", "mql", False, "icp_mismatch:country", 3),
    )
    assert told == (
        "Your CRM (crm) calls 10 people MQL; 0 are proved;"
        " the most frequent reason why not: the score is too low."
    )


@pytest.mark.parametrize(
    "rows", [(), (("crm", "junk", None, None, 4),), (("crm", "suspect", True, None, 4),)]
)
def test_who_claims_nobody_qualified_gets_no_sentence(rows: tuple[ClaimRow, ...]) -> None:
    assert sentences(*rows) == []


def test_causes_count_people_once_for_each_repair() -> None:
    (claim,) = count_claims(
        [
            ("crm", "mql", False, "context_missing:campaign_name|context_missing:message_hypothesis", 4),
            ("crm", "mql", False, "score:3/50", 2),
            ("crm", "mql", False, "score:7/50", 1),
            ("crm", "mql", True, None, 5),
        ]
    )
    assert (claim.people, claim.proved) == (12, 5)
    assert dict(claim.causes) == {
        ("context_missing", "the campaign context is incomplete"): 4,
        ("score", "the score is too low"): 3,
    }
