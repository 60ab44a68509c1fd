from datetime import datetime

import numpy as np
import pytest

from orchestration.simulation.campaigns import (
    KIND_PROGRAMS,
    PROGRAM,
    PROGRAMS,
    REQUIRED_CONTEXT,
    Calendar,
    campaign_rows,
    plan_campaigns,
    spend_rows,
)
from orchestration.simulation.clock import DAY, to_datetime, to_seconds
from orchestration.simulation.vocabulary import INTENTS, KIND

END = to_seconds(datetime(2026, 6, 30, 12))
START = END - 400 * DAY


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    return plan_campaigns(np.random.default_rng(3), START, END)


def test_ids_are_unique_and_versions_ascend(calendar: Calendar) -> None:
    ids = [campaign.campaign_id for campaign in calendar.campaigns]
    assert len(set(ids)) == len(ids)
    for campaign in calendar.campaigns:
        moments = [version["updated_at"] for version in campaign.versions]
        assert moments == sorted(set(moments))
        assert moments[-1] <= to_datetime(END)
    assert sum(len(campaign.versions) > 1 for campaign in calendar.campaigns) > 20


def test_each_gap_lacks_exactly_its_field(calendar: Calendar) -> None:
    for gap in REQUIRED_CONTEXT:
        row = calendar.campaigns[calendar.gaps[gap]].versions[0]
        assert [name for name in REQUIRED_CONTEXT if row[name] is None] == [gap]
    late = calendar.campaigns[calendar.gaps["campaign_not_in_force"]].versions[0]
    assert min(late["starts_at"], late["created_at"], late["updated_at"]) > to_datetime(END - 25 * DAY)


def test_messages_of_a_program_differ_in_their_true_rate(calendar: Calendar) -> None:
    rates = {calendar.campaigns[index].rate for index in calendar.by_program["mail"]}
    assert len(rates) == 3
    assert max(rates) > 4 * min(rates)


def test_outbound_context_is_complete_except_where_the_registry_fills_it(calendar: Calendar) -> None:
    for row in campaign_rows(calendar):
        lacking = [name for name in REQUIRED_CONTEXT if row[name] is None]
        assert not lacking or row["campaign_id"].startswith(("handmade-", "radio-", "outdoor-"))


def test_expected_responses_and_kinds_are_known() -> None:
    for program in PROGRAMS:
        assert set(program.expected.split("|")) <= set(INTENTS)
        assert {name for name, _ in program.answers} <= set(KIND)
        assert program.send is None or program.send in KIND
    assert {program for program, _ in KIND_PROGRAMS.values()} <= set(PROGRAM)


def test_spend_lies_within_the_campaign_and_before_the_end(calendar: Calendar) -> None:
    windows = {campaign.campaign_id: campaign for campaign in calendar.campaigns}
    rows = spend_rows(np.random.default_rng(3), calendar, END)
    keys = {(row["campaign_id"], row["spend_date"], row["currency"]) for row in rows}
    assert len(keys) == len(rows) > 1_000
    for row in rows:
        at = to_seconds(row["spend_date"])
        assert windows[row["campaign_id"]].starts_at <= at <= min(windows[row["campaign_id"]].ends_at, END)
        assert row["amount"] > 0
