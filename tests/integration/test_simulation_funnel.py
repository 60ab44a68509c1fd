"""The demo's world through the real job: what was injected is quarantined, and every stage has people.

Built in a room without a network, where this machine has one: nothing is sent.
"""

from collections import Counter
from datetime import datetime
from typing import Any

import duckdb
import pytest

from orchestration.simulation import Truth, simulate
from tests.integration.workshop import make_workshop
from tests.proof.confined import AS_OF, NoNamespaceError, confined

World = tuple[Truth, duckdb.DuckDBPyConnection]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The default world, built and published under the default policy."""
    root = tmp_path_factory.mktemp("funnel")
    room = root / "shop"
    truth = simulate(room / "files", end=datetime.fromisoformat(AS_OF))
    try:
        assert confined("--net", "build", room) == {"attempts": 0, "released": True}
    except NoNamespaceError:
        done = make_workshop(room, room / "files").leadproof("build", "--as-of", AS_OF)
        assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]
    database = duckdb.connect(str(room / "warehouse" / "current" / "leadproof.duckdb"), read_only=True)
    database.execute("use marts")
    return truth, database


def rows(world: World, query: str) -> list[tuple[Any, ...]]:
    return world[1].execute(query).fetchall()


def counted(world: World, query: str) -> dict[Any, Any]:
    return {row[:-1] if len(row) > 2 else row[0]: row[-1] for row in rows(world, query)}


def test_every_row_gets_the_verdict_it_deserves(world: World) -> None:
    found = {
        row[0]: row[1:]
        for row in rows(
            world,
            "select source_table, landed_rows, accepted_rows, superseded_rows, quarantined_rows,"
            " pending_rows, warning_values from row_reconciliation where source_system = 'leadproof'",
        )
    }
    told = {
        name: (
            table.landed,
            table.accepted,
            table.superseded,
            table.quarantined.total(),
            table.pending,
            table.warnings.total(),
        )
        for name, table in world[0].tables.items()
    }
    assert found == told


def test_injected_rows_are_exactly_the_quarantined_ones(
    world: World,
) -> None:
    found = counted(world, "select source_table, reason_code, count(*) from quarantine group by all")
    assert found == world[0].quarantined
    assert {code for _, code in found} == {
        "structural_reject",
        "missing_required",
        "unparseable_timestamp",
        "unparseable_number",
        "unknown_code",
        "no_identity",
    }
    replaced = counted(
        world,
        "select source_table, reason_code, count(*) from quarantine where status = 'replaced' group by all",
    )
    told = Counter(
        {
            (name, code): count
            for name, table in world[0].tables.items()
            for code, count in table.replaced.items()
        }
    )
    assert replaced == told
    statuses = counted(world, "select status, count(*) from quarantine group by all")
    assert set(statuses) == {"open", "replaced"}


def test_people_are_joined_as_they_are(world: World) -> None:
    people, known = rows(world, "select count(*), count(first_known_at) from people")[0]
    assert people == world[0].identities["people"]
    assert known == world[0].identities["known"]


def test_the_funnel_is_believable(world: World) -> None:
    known = world[0].identities["known"]
    reached = {
        table: rows(world, f"select count(distinct person_id) from {table}")[0][0] / known
        for table in ("suspects", "prospects", "mqls", "sqls")
    }
    assert reached["suspects"] > 0.95
    assert 0.25 < reached["prospects"] < 0.4
    assert 0.055 < reached["mqls"] < 0.1
    assert 0.02 < reached["sqls"] < 0.045


def test_every_stage_exit_and_route_is_populated(world: World) -> None:
    stages = counted(world, "select current_stage, count(*) from people group by all")
    assert set(stages) == {None, "suspect", "prospect", "mql", "sql", "recycled", "disqualified"}
    kinds = counted(world, "select transition_kind, count(*) from stage_transitions group by all")
    assert set(kinds) == {"advance", "recycle", "disqualify", "re_enter"}
    routes = counted(world, "select mql_route, direction, count(*) from mqls group by all")
    for route in ("score", "qualifying_response"):
        for direction in ("inbound", "outbound"):
            assert routes[(route, direction)] > 0
    sources = counted(world, "select context_source, count(*) from touches where is_response group by all")
    assert set(sources) == {"own", "answered", "window", "none"}


def test_every_reason_to_be_blocked_is_populated(world: World) -> None:
    reasons = {
        row[0]
        for row in rows(
            world,
            "select distinct regexp_replace(reason, '^score:.*', 'score') from"
            " (select unnest(string_split(blocked_by, '|')) as reason from people)",
        )
    }
    attributes = ("industry", "employee_count", "seniority", "company_type")
    missing = (
        "campaign_name",
        "segment_definition",
        "message_hypothesis",
        "expected_response",
        "success_metric",
        "success_threshold",
        "no_campaign",
        "campaign_unknown",
        "campaign_not_in_force",
    )
    expected = {
        "score",
        "no_response",
        "no_qualifying_response",
        "not_known",
        "exited:recycled",
        "exited:disqualified",
        *(f"excluded:{reason}" for reason in ("staff", "test", "competitor", "job seeker")),
        *(f"icp_missing:{name}" for name in attributes),
        *(f"icp_mismatch:{name}" for name in (*attributes, "country")),
        *(f"context_missing:{name}" for name in missing),
    }
    assert expected <= reasons


def test_directions_cover_the_field_and_few_touches_stay_unclassified(
    world: World,
) -> None:
    shares = counted(
        world, "select direction, count(*) / sum(count(*)) over () from touches group by direction"
    )
    assert 0 < shares["unclassified"] < 0.02
    assert shares["inbound"] > 0.1
    rules = {row[0] for row in rows(world, "select distinct direction_rule_id from touches")}
    assert rules >= {
        "paid_search_category",
        "paid_search_own_brand",
        "paid_search_competitor_brand",
        "email_to_opt_in",
        "cold_list",
        "video_found_by_search",
        "pre_roll",
        "influencer_on_topic",
        "influencer_off_topic",
        "popup",
        "organic_search",
        "lead_form_ad",
        "feed_ad",
        "trade_show_booth",
        "call_made",
        "social_selling",
        "direct_mail",
        "print",
        "tv",
        "radio",
        "outdoor",
        "referral_referral_introduction",
        "partner_form_submit",
        "follow_up_to_request",
    }


def test_campaigns_are_edited_while_they_run(world: World) -> None:
    stamps = rows(
        world,
        "select count(*) from (select campaign_id from touches where campaign_name is not null"
        " group by campaign_id"
        " having count(distinct (campaign_name, message_hypothesis, success_threshold)) > 1)",
    )[0][0]
    assert stamps > 5
