"""Hand-made cases of the reference: what the specification says, one sentence at a time."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.reference.landing import landing_of
from tests.reference.policy import Policy, read_policy
from tests.reference.world import World, compute

AS_OF = datetime(2026, 1, 1)
POLICY = read_policy(Path(__file__).parents[3] / "seeds")
DAY = timedelta(days=1)
NOON = datetime(2025, 3, 3, 12)

Row = dict[str, str | None]


class Case:
    """A small world, written down row by row."""

    def __init__(self) -> None:
        self.tables: dict[str, list[Row]] = {}

    def add(self, table: str, **values: str | None) -> "Case":
        self.tables.setdefault(table, []).append(values)
        return self

    def contact(self, moment: datetime, contact: str = "c", **values: str | None) -> "Case":
        return self.add(
            "contacts", source_contact_id=contact, created_at=str(moment), updated_at=str(moment), **values
        )

    def fit(self, moment: datetime, contact: str = "c") -> "Case":
        return self.contact(
            moment,
            contact,
            industry="Software ",
            employee_count="100",
            seniority="VP",
            company_type="private",
        )

    def touch(
        self, touch_id: str, moment: datetime, touch_type: str, channel: str = "email", **values: str | None
    ) -> "Case":
        if not {"email", "anonymous_id"} & set(values):
            values.setdefault("source_contact_id", "c")
        return self.add(
            "touches",
            source_touch_id=touch_id,
            occurred_at=str(moment),
            touch_type=touch_type,
            channel=channel,
            **values,
        )

    def visit(self, touch_id: str, moment: datetime, **values: str | None) -> "Case":
        return self.touch(touch_id, moment, "page_visit", "website", **values)

    def handoff(self, moment: datetime, outcome: str, **values: str | None) -> "Case":
        values.setdefault("source_contact_id", "c")
        handoff_id = f"h{len(self.tables.get('handoffs', []))}"
        return self.add(
            "handoffs", source_handoff_id=handoff_id, occurred_at=str(moment), outcome=outcome, **values
        )

    def campaign(self, moment: datetime, campaign: str = "k", **values: str | None) -> "Case":
        complete: Row = {
            "campaign_name": "K",
            "segment_definition": "Those",
            "message_hypothesis": "Because",
            "expected_response": "Book_demo | talk",
            "success_metric": "replies",
            "success_threshold": "2 %",
        }
        return self.add("campaigns", campaign_id=campaign, updated_at=str(moment), **{**complete, **values})

    def world(self, as_of: datetime = AS_OF, policy: Policy = POLICY) -> World:
        return compute(landing_of(self.tables, as_of), policy, as_of)


def told(world: World) -> list[tuple[object, ...]]:
    return [
        (row["cycle_number"], row["to_stage"], row["occurred_at"], row["evidence_touch_id"])
        for row in world.stage_transitions
    ]


def stages(world: World) -> list[tuple[object, object]]:
    return [(row["cycle_number"], row["to_stage"]) for row in world.stage_transitions]


def touch(world: World, touch_id: str) -> dict[str, object]:
    return next(row for row in world.touches if row["source_touch_id"] == touch_id)


# --- cycles --------------------------------------------------------------------------------------


def test_dormancy_to_the_second_recycles_and_opens_the_next_cycle() -> None:
    world = Case().contact(NOON).visit("a", NOON).visit("b", NOON + 180 * DAY).world()
    assert told(world) == [
        (1, "suspect", NOON, None),
        (1, "prospect", NOON, "leadproof:a"),
        (1, "recycled", NOON + 180 * DAY, None),
        (2, "suspect", NOON + 180 * DAY, "leadproof:b"),
        (2, "prospect", NOON + 180 * DAY, "leadproof:b"),
    ]
    assert world.stage_transitions[3]["from_stage"] == "recycled"
    assert world.stage_transitions[3]["transition_kind"] == "re_enter"


def test_a_second_less_than_dormancy_keeps_the_cycle_open() -> None:
    almost = NOON + 180 * DAY - timedelta(seconds=1)
    assert stages(Case().contact(NOON).visit("a", NOON).visit("b", almost).world()) == [
        (1, "suspect"),
        (1, "prospect"),
    ]


def test_dormancy_counts_once_as_of_has_reached_it() -> None:
    case = Case().contact(NOON).visit("a", NOON)
    assert stages(case.world(NOON + 180 * DAY))[-1] == (1, "recycled")
    assert stages(case.world(NOON + 180 * DAY - timedelta(seconds=1)))[-1] == (1, "prospect")


def test_a_suspect_never_becomes_dormant() -> None:
    assert stages(Case().contact(NOON - 900 * DAY).world()) == [(1, "suspect")]


def test_a_handoff_in_the_gap_ends_nothing_and_opens_nothing() -> None:
    world = (
        Case()
        .contact(NOON)
        .visit("a", NOON)
        .handoff(NOON + 185 * DAY, "accepted")
        .visit("b", NOON + 190 * DAY)
        .world(NOON + 200 * DAY)
    )
    assert stages(world) == [(1, "suspect"), (1, "prospect"), (1, "recycled")]
    assert touch(world, "b")["cycle_number"] == 1


def test_a_handoff_in_time_keeps_the_cycle_alive() -> None:
    world = (
        Case()
        .contact(NOON)
        .visit("a", NOON)
        .handoff(NOON + 100 * DAY, "accepted")
        .visit("b", NOON + 200 * DAY)
        .world(NOON + 201 * DAY)
    )
    assert stages(world) == [(1, "suspect"), (1, "prospect")]


def test_a_response_at_the_instant_of_an_opt_out_comes_first() -> None:
    world = Case().contact(NOON).touch("a", NOON + DAY, "unsubscribe").visit("z", NOON + DAY).world()
    assert told(world)[1:] == [
        (1, "prospect", NOON + DAY, "leadproof:z"),
        (1, "disqualified", NOON + DAY, "leadproof:a"),
    ]


def test_an_exit_before_the_first_response_opens_a_second_cycle() -> None:
    world = Case().contact(NOON).handoff(NOON, "rejected").visit("a", NOON + DAY).world(NOON + 2 * DAY)
    assert stages(world) == [(1, "suspect"), (1, "recycled"), (2, "suspect"), (2, "prospect")]


def test_a_rejection_before_anyone_knew_the_person_is_no_exit() -> None:
    world = Case().contact(NOON).handoff(NOON - DAY, "rejected").visit("a", NOON + DAY).world(NOON + 2 * DAY)
    assert stages(world) == [(1, "suspect"), (1, "prospect")]


def test_an_opt_out_at_the_instant_of_dormancy_belongs_to_the_cycle_that_opens_there() -> None:
    end = NOON + 180 * DAY
    world = Case().contact(NOON).visit("a", NOON).visit("b", end).touch("c", end, "unsubscribe").world()
    assert stages(world) == [
        (1, "suspect"),
        (1, "prospect"),
        (1, "recycled"),
        (2, "suspect"),
        (2, "prospect"),
        (2, "disqualified"),
    ]


def test_deletion_wants_every_record_known_by_then() -> None:
    case = Case().contact(NOON, "c", email="a@b.example").contact(NOON, "d", email="a@b.example")
    case.contact(NOON + DAY, "c", email="a@b.example", is_deleted="true")
    assert stages(case.world()) == [(1, "suspect")]
    case.contact(NOON + 2 * DAY, "d", is_deleted="TRUE")
    assert told(case.world())[-1] == (1, "disqualified", NOON + 2 * DAY, None)


# --- scores and stages ---------------------------------------------------------------------------


def test_a_record_after_the_response_makes_the_mql_at_its_own_time() -> None:
    case = Case().contact(NOON).touch("a", NOON + DAY, "demo_request", "website").fit(NOON + 2 * DAY)
    world = case.world(NOON + 3 * DAY)
    assert told(world)[2:] == [
        (1, "mql", NOON + 2 * DAY, "leadproof:a"),
        (1, "sql", NOON + 2 * DAY, "leadproof:a"),
    ]
    assert world.mqls[0]["mql_route"] == "qualifying_response"
    assert world.mqls[0]["engagement_score"] == pytest.approx(40 * 2 ** (-1 / 14), abs=1e-6)


def test_a_record_at_the_instant_of_the_exit_is_no_evaluation_point() -> None:
    case = Case().contact(NOON).touch("a", NOON + DAY, "demo_request", "website")
    case.fit(NOON + 2 * DAY).touch("b", NOON + 2 * DAY, "unsubscribe")
    assert stages(case.world(NOON + 3 * DAY)) == [(1, "suspect"), (1, "prospect"), (1, "disqualified")]


def test_score_halves_and_counts_the_first_of_each_type() -> None:
    case = Case().fit(NOON).touch("a", NOON, "trial_signup", "website")
    case.touch("b", NOON + DAY, "trial_signup", "website")
    case.visit("c", NOON + 14 * DAY, response_relevance="irrelevant").visit("d", NOON + 14 * DAY)
    world = case.world(NOON + 14 * DAY)
    assert world.people[0]["engagement_score"] == 20 + 1
    assert world.people[0]["blocked_by"] == "score:21/50"


def test_score_that_is_missing_is_the_published_one_rounded_down() -> None:
    world = Case().fit(NOON).visit("t", AS_OF - timedelta(microseconds=1)).world()
    assert world.people[0]["engagement_score"] == 1
    assert world.people[0]["blocked_by"] == "score:1/50"


def test_score_is_reached_together_at_one_instant() -> None:
    case = Case().fit(NOON).touch("a", NOON, "trial_signup", "website")
    case.touch("b", NOON, "free_tool_use", "website")
    world = case.world(NOON + DAY)
    assert told(world)[-1] == (1, "mql", NOON, "leadproof:b")
    assert world.mqls[0]["mql_route"] == "score"
    assert world.people[0]["blocked_by"] == "no_qualifying_response"


def test_an_expected_intent_qualifies_whatever_its_case() -> None:
    case = Case().fit(NOON).campaign(NOON)
    case.touch(
        "a",
        NOON,
        "email_reply",
        campaign_id="k",
        response_relevance="relevant",
        response_intent=" BOOK_demo",
    )
    world = case.world(NOON + DAY)
    assert stages(world)[-1] == (1, "sql")
    assert touch(world, "a")["direction"] == "unclassified"


def test_a_new_icp_version_is_no_evaluation_point() -> None:
    before = datetime(2024, 12, 30)
    case = Case().contact(
        before, industry="software", employee_count="4000", seniority="vp", company_type="private"
    )
    case.touch("a", before, "demo_request", "website")
    assert stages(case.world(before + 5 * DAY))[-1] == (1, "prospect")
    assert case.world(before + 5 * DAY).people[0]["blocked_by"] == "not_evaluated_since"


# --- permission, direction, context --------------------------------------------------------------


def test_a_grant_permits_what_comes_later_in_order_only() -> None:
    case = Case().contact(NOON).touch("z", NOON, "demo_request", "website")
    case.touch("a", NOON, "follow_up_sent").touch("b", NOON, "unsubscribe")
    case.touch("c", NOON + DAY, "follow_up_sent")
    world = case.world()
    assert [touch(world, name)["has_prior_permission"] for name in "zabc"] == [False, True, True, False]
    assert touch(world, "a")["direction_rule_id"] == "follow_up_to_request"
    assert touch(world, "c")["direction_rule_id"] == "follow_up_without_request"


def test_the_window_includes_its_last_instant() -> None:
    case = Case().contact(NOON).campaign(NOON)
    case.touch("sent", NOON, "email_sent", campaign_id="k", audience_consent="none")
    case.touch("in", NOON + 30 * DAY, "email_reply")
    case.touch("out", NOON + 30 * DAY + timedelta(seconds=1), "email_reply")
    world = case.world()
    assert touch(world, "in")["context_source"] == "window"
    assert touch(world, "in")["direction_rule_id"] == "email_cold"
    assert touch(world, "in")["campaign_name"] == "K"
    assert touch(world, "out")["context_source"] == "none"
    assert touch(world, "out")["direction"] == "unclassified"


def test_who_answers_a_reply_takes_what_the_reply_took() -> None:
    case = Case().contact(NOON).campaign(NOON)
    case.touch("1", NOON, "email_sent", campaign_id="k", audience_consent="none")
    case.touch("2", NOON + DAY, "email_reply", answers_touch_id="1")
    case.touch("3", NOON + 90 * DAY, "email_reply", "other", answers_touch_id="2", email="x@y.example")
    case.touch("4", NOON + DAY, "email_reply", "other", answers_touch_id="3")
    world = case.world()
    assert touch(world, "3")["context_source"] == "answered"
    assert touch(world, "3")["direction_rule_id"] == "email_cold"
    assert touch(world, "4")["context_source"] == "none"


def test_an_answered_touch_without_campaign_lends_direction_only() -> None:
    case = Case().contact(NOON).touch("1", NOON, "call_made", "phone")
    case.touch("2", NOON + DAY, "call_answered", "phone", answers_touch_id="1")
    world = case.world()
    assert touch(world, "2")["context_source"] == "none"
    assert touch(world, "2")["direction"] == "outbound"
    assert str(touch(world, "2")["missing_context_fields"]).startswith("no_campaign|campaign_name")


def test_a_campaign_of_its_own_inherits_nothing() -> None:
    case = Case().contact(NOON).campaign(NOON)
    case.touch("1", NOON, "email_sent", campaign_id="k", audience_consent="none")
    case.touch("2", NOON + DAY, "email_reply", answers_touch_id="1", campaign_id="gone")
    world = case.world()
    assert touch(world, "2")["direction"] == "unclassified"
    assert "campaign_unknown" in str(touch(world, "2")["missing_context_fields"])


def test_a_later_edit_of_a_campaign_rewrites_no_earlier_stamp() -> None:
    case = Case().contact(NOON).campaign(NOON, starts_at=str(NOON - 9 * DAY), campaign_name="Old")
    case.campaign(NOON + DAY, starts_at=str(NOON - 9 * DAY), campaign_name="New")
    for name, moment in (("a", NOON - 10 * DAY), ("b", NOON - 9 * DAY), ("c", NOON + DAY)):
        case.touch(name, moment, "email_sent", campaign_id="k")
    world = case.world()
    assert [touch(world, name)["campaign_name"] for name in "abc"] == [None, "Old", "New"]
    assert "campaign_not_in_force" in str(touch(world, "a")["missing_context_fields"])


# --- people --------------------------------------------------------------------------------------


def test_people_are_joined_over_rows_whenever_they_came() -> None:
    case = Case().visit("a", NOON - DAY, anonymous_id="v").contact(NOON, email=" A@B.example")
    case.visit("b", NOON + DAY, anonymous_id="v", email="a@b.EXAMPLE")
    world = case.world()
    assert len(world.people) == 1
    assert world.people[0]["first_known_at"] == NOON - DAY
    assert world.people[0]["person_id"] == "p_e0c4e60e35917d2f"  # md5 of email:a@b.example
    assert len(world.person_aliases) == 2


@pytest.mark.parametrize(("records", "people"), [(5, 1), (6, 6)])
def test_an_address_on_too_many_records_links_nobody(records: int, people: int) -> None:
    case = Case()
    for number in range(records):
        case.contact(NOON, f"c{number}", email="desk@b.example")
    case.visit("a", NOON, email="desk@b.example")
    world = case.world()
    assert len(world.people) == people
    assert [row["reason_code"] for row in world.quarantine] == (["no_identity"] if people > 1 else [])


def test_an_earlier_row_stands_if_the_last_identifies_nobody() -> None:
    case = Case().visit("a", NOON, email="p@b.example").visit("a", NOON, email="info@b.example")
    world = case.world()
    assert len(world.touches) == 1
    assert [row["status"] for row in world.quarantine] == ["open"]


def test_anonymous_visits_are_in_no_stage() -> None:
    world = Case().visit("a", NOON, anonymous_id="v").world()
    assert world.stage_transitions == []
    assert world.people[0]["blocked_by"] == "not_known"


def test_the_excluded_keep_their_touches() -> None:
    world = Case().contact(NOON, email="x@rival.example").visit("a", NOON).world()
    assert world.stage_transitions == []
    assert world.people[0]["blocked_by"] == "excluded:competitor"
    assert len(world.touches) == 1


def test_a_band_must_lie_within_and_an_exact_number_takes_no_upper_end() -> None:
    case = Case().contact(
        NOON,
        industry="software",
        employee_count="100",
        employee_count_max="5001",
        seniority="vp",
        company_type="private",
    )
    assert case.world().people[0]["blocked_by"] == "no_response"
    assert case.world().people[0]["is_icp_fit"] is False
    case.contact(NOON + DAY, employee_count="5000")
    assert case.world().people[0]["is_icp_fit"] is True
    assert case.world().people[0]["employee_count_max"] is None


# --- rows ----------------------------------------------------------------------------------------


def test_rows_are_quarantined_before_they_wait_and_wait_before_they_supersede() -> None:
    case = Case().visit("a", NOON).visit("a", NOON, response_relevance="RELEVANT ")
    case.visit("b", AS_OF).visit("b", AS_OF + DAY).touch("c", AS_OF + DAY, "smoke_signal")
    counts = case.world().row_reconciliation[0]
    assert [counts[f"{name}_rows"] for name in ("accepted", "superseded", "quarantined", "pending")] == [
        2, 1, 1, 1,
    ]  # fmt: skip
    assert touch(case.world(), "a")["response_relevance"] == "relevant"


def test_a_flawed_row_is_replaced_by_a_later_one_of_its_key() -> None:
    case = Case().handoff(NOON, "parked").handoff(NOON, "parked")
    case.tables["handoffs"].append({**case.tables["handoffs"][0], "outcome": "accepted"})
    assert [row["status"] for row in case.world().quarantine] == ["replaced", "open"]


def test_a_zone_is_read_and_a_late_creation_is_not_believed() -> None:
    case = Case().add(
        "contacts",
        source_contact_id="c",
        created_at="2025-05-01T00:00:00+02:00",
        updated_at="2025-03-01T00:00:00Z",
    )
    assert case.world().people[0]["first_known_at"] == datetime(2025, 3, 1)
