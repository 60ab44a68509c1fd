"""What a release has used may be closed and commented; anything else stops the build or is restated."""

import shutil
from datetime import UTC, datetime, timedelta, timezone

import pytest
from policy_sandbox import Sandbox

from orchestration.errors import LeadproofError
from orchestration.mentions import ERASED
from orchestration.policy import (
    LockBreach,
    ReleasedPolicy,
    check_lock,
    deleted_rows,
    policy_digest,
    read_policy,
    require_unlocked,
    require_valid,
)
from orchestration.policy.schema import TABLES

AS_OF = datetime(2026, 6, 30, 12, 0)
LOCKED = {
    "icp_profiles": ({"icp_version": "v1", "attribute": "employee_count"}, {"max_value": "1999"}),
    "seniority_rules": ({"priority": "70"}, {"seniority": "vp"}),
    "touch_types": ({"touch_type": "demo_request"}, {"points": "41"}),
    "touch_direction_rules": ({"rule_id": "follow_up_to_request"}, {"direction": "inbound"}),
    "context_requirements": ({"field": "message_hypothesis"}, {"is_required": "false"}),
    "campaign_registry": ({"campaign_id": "1"}, {"message_hypothesis": "Another."}),
    "segment_rules": ({"segment_name": "advisory"}, {"allowed_values": "consulting"}),
    "value_mappings": ({"source_value": "inbound"}, {"canonical_value": "chat_message"}),
    "exclusions": ({"kind": "job_title"}, {"pattern": "seeker"}),
    "report_policy": ({"key": "maturity_days"}, {"value": "14"}),
    "success_metrics": ({"success_metric": "click rate"}, {"touch_types": "email_click"}),
    "stage_policy": ({"key": "mql_min_score"}, {"value": "40"}),
    "shared_mailboxes": ({"local_part": "info"}, {"local_part": "infos"}),
}
FREE = {
    "audit_thresholds": ({"audit": "freshness"}, {"tolerance": "1"}),
    "reporting": ({"key": "currency"}, {"value": "EUR"}),
    "exchange_rates": ({"currency": "BRL"}, {"rate_to_reporting": "0.3"}),
    "vocabulary": ({"code": "radio"}, {"code": "podcast"}),
}


@pytest.fixture
def released(sandbox: Sandbox) -> ReleasedPolicy:
    """The shipped policy as a release used it, with a registered campaign."""
    sandbox.add(
        "campaign_registry",
        source_system="zoho",
        campaign_id="1",
        registered_at="2026-01-01T00:00:00",
        message_hypothesis="One.",
    )
    folder = sandbox.root / "released"
    shutil.copytree(sandbox.root / "seeds", folder)
    return ReleasedPolicy(AS_OF, folder)


def breaches(sandbox: Sandbox, released: ReleasedPolicy) -> list[LockBreach]:
    """The breaches of the policy as it lies now."""
    return check_lock(read_policy(sandbox.root), released)


def test_every_table_is_locked_or_free() -> None:
    assert set(LOCKED) == {name for name, table in TABLES.items() if table.is_locked}
    assert {*FREE, "quarantine_dismissals"} == {name for name, table in TABLES.items() if not table.is_locked}


def test_unchanged_policy_is_no_breach(sandbox: Sandbox, released: ReleasedPolicy) -> None:
    assert breaches(sandbox, released) == []
    require_unlocked(read_policy(sandbox.root), released, None)
    require_unlocked(read_policy(sandbox.root), None, None)


@pytest.mark.parametrize("table", LOCKED)
def test_changed_row_is_a_breach(sandbox: Sandbox, released: ReleasedPolicy, table: str) -> None:
    where, cells = LOCKED[table]
    line = sandbox.set(table, where, **cells)
    found = breaches(sandbox, released)
    assert [(each.file, each.released_row) for each in found] == [(f"seeds/{table}.csv", line)]
    in_key = set(cells) & set(TABLES[table].key)
    assert found[0].kind == ("removed" if in_key else "changed")
    with pytest.raises(LeadproofError, match=f"seeds/{table}.csv") as caught:
        require_unlocked(read_policy(sandbox.root), released, None)
    assert "--restate '<reason>'" in str(caught.value)
    require_unlocked(read_policy(sandbox.root), released, "The figure was a typing error.")


@pytest.mark.parametrize("table", LOCKED)
def test_deleted_row_is_a_breach(sandbox: Sandbox, released: ReleasedPolicy, table: str) -> None:
    line = sandbox.delete(table, LOCKED[table][0])
    assert [(each.kind, each.row, each.released_row) for each in breaches(sandbox, released)] == [
        ("removed", None, line)
    ]


@pytest.mark.parametrize("table", LOCKED)
def test_comment_and_order_are_free(sandbox: Sandbox, released: ReleasedPolicy, table: str) -> None:
    sandbox.set(table, LOCKED[table][0], comment="Said better.")
    header, *rows = sandbox.records(table)
    sandbox.write(table, [header, *reversed(rows)])
    assert breaches(sandbox, released) == []


@pytest.mark.parametrize("table", FREE)
def test_tables_that_judge_nobody_are_free(sandbox: Sandbox, released: ReleasedPolicy, table: str) -> None:
    where, cells = FREE[table]
    sandbox.set(table, where, **cells)
    assert breaches(sandbox, released) == []


@pytest.mark.parametrize(
    "table", [name for name, table in TABLES.items() if table.is_locked and table.is_versioned]
)
def test_closing_after_the_as_of_is_allowed_and_before_is_not(
    sandbox: Sandbox, released: ReleasedPolicy, table: str
) -> None:
    where = LOCKED[table][0]
    sandbox.set(table, where, effective_to="2026-07-01T00:00:00")
    assert breaches(sandbox, released) == []
    line = sandbox.set(table, where, effective_to="2026-06-30T00:00:00")
    assert [(each.row, each.kind) for each in breaches(sandbox, released)] == [(line, "changed")]


def test_closing_at_the_as_of_itself_is_a_breach(sandbox: Sandbox, released: ReleasedPolicy) -> None:
    """The row judged what happened at that very moment, and closed there it no longer would."""
    sandbox.set("stage_policy", {"key": "mql_min_score"}, effective_to="2026-06-30T12:00:00")
    assert [each.kind for each in breaches(sandbox, released)] == ["changed"]


def test_reopening_a_closed_row_is_a_breach(sandbox: Sandbox, released: ReleasedPolicy) -> None:
    sandbox.set("stage_policy", {"key": "mql_min_score"}, effective_to="2026-07-01T00:00:00")
    sandbox.add("stage_policy", key="mql_min_score", value="60", effective_from="2026-07-01T00:00:00")
    shutil.rmtree(released.folder)
    shutil.copytree(sandbox.root / "seeds", released.folder)
    sandbox.set("stage_policy", {"key": "mql_min_score"}, effective_to="2026-08-01T00:00:00")
    assert [each.kind for each in breaches(sandbox, released)] == ["changed"]


def test_closing_and_changing_at_once_is_a_breach(sandbox: Sandbox, released: ReleasedPolicy) -> None:
    where = {"key": "mql_min_score"}
    line = sandbox.set("stage_policy", where, value="40", effective_to="2026-07-01T00:00:00")
    found = breaches(sandbox, released)
    assert [(each.row, each.kind) for each in found] == [(line, "changed")]
    assert "value, effective_to are" in found[0].message


def test_successor_of_a_closed_row_is_allowed(sandbox: Sandbox, released: ReleasedPolicy) -> None:
    sandbox.set("stage_policy", {"key": "mql_min_score"}, effective_to="2026-07-01T00:00:00")
    sandbox.add("stage_policy", key="mql_min_score", value="60", effective_from="2026-07-01T00:00:00")
    assert breaches(sandbox, released) == []


def test_row_that_begins_after_the_as_of_is_free(sandbox: Sandbox, released: ReleasedPolicy) -> None:
    early = ReleasedPolicy(datetime(2024, 12, 31), released.folder)
    for attribute in ("industry", "employee_count", "seniority", "company_type", "country"):
        sandbox.delete("icp_profiles", {"icp_version": "v2", "attribute": attribute})
    sandbox.delete("campaign_registry", {"campaign_id": "1"})
    assert breaches(sandbox, early) == []
    assert len(breaches(sandbox, released)) == 6


def test_row_added_to_a_used_version_is_a_breach(sandbox: Sandbox, released: ReleasedPolicy) -> None:
    line = sandbox.add(
        "icp_profiles", {"attribute": "country"}, icp_version="v1", effective_from="2010-01-01T00:00:00"
    )
    assert [(each.row, each.kind) for each in breaches(sandbox, released)] == [(line, "added")]


def test_new_version_and_new_rows_are_allowed(sandbox: Sandbox, released: ReleasedPolicy) -> None:
    for attribute in ("industry", "employee_count", "seniority", "company_type"):
        sandbox.add(
            "icp_profiles",
            {"icp_version": "v2", "attribute": attribute},
            icp_version="v3",
            effective_from="2027-01-01T00:00:00",
        )
    sandbox.add("exclusions", kind="email_domain", pattern="other.example", reason="competitor")
    assert breaches(sandbox, released) == []
    assert sandbox.problems() == []


def test_same_value_written_otherwise_is_no_breach(sandbox: Sandbox, released: ReleasedPolicy) -> None:
    sandbox.set("touch_types", {"touch_type": "demo_request"}, points="40.0", is_response="TRUE")
    sandbox.set("icp_profiles", {"icp_version": "v1"}, effective_from="2010-01-01")
    assert breaches(sandbox, released) == []


def test_as_of_with_a_zone_is_read_as_utc(sandbox: Sandbox, released: ReleasedPolicy) -> None:
    sandbox.set("stage_policy", {"key": "mql_min_score"}, effective_to="2026-06-30T12:30:00")
    eastern = datetime(2026, 6, 30, 8, 0, tzinfo=timezone(timedelta(hours=-4)))
    assert breaches(sandbox, ReleasedPolicy(eastern, released.folder)) == []
    assert breaches(sandbox, ReleasedPolicy(datetime(2026, 6, 30, 13, 0, tzinfo=UTC), released.folder))


def test_restating_needs_a_reason(sandbox: Sandbox, released: ReleasedPolicy) -> None:
    with pytest.raises(LeadproofError, match="without a reason"):
        require_unlocked(read_policy(sandbox.root), released, " ")


def test_breach_does_not_repeat_an_excluded_address(sandbox: Sandbox, released: ReleasedPolicy) -> None:
    sandbox.add("exclusions", kind="email", pattern="someone@example.com", reason="test")
    shutil.copy(sandbox.path("exclusions"), released.folder / "exclusions.csv")
    sandbox.delete("exclusions", {"pattern": "someone@example.com"})
    with pytest.raises(LeadproofError) as caught:
        require_unlocked(read_policy(sandbox.root), released, None)
    assert "someone" not in str(caught.value)


def test_many_breaches_are_counted(sandbox: Sandbox, released: ReleasedPolicy) -> None:
    sandbox.write("shared_mailboxes", sandbox.records("shared_mailboxes")[:2])
    with pytest.raises(LeadproofError, match=r"59 policy rows .* And 49 more\."):
        require_unlocked(read_policy(sandbox.root), released, None)


def test_deleted_row_is_told_before_what_is_wrong_without_it(
    sandbox: Sandbox, released: ReleasedPolicy
) -> None:
    line = sandbox.delete("touch_types", {"touch_type": "page_visit"})
    now = read_policy(sandbox.root)
    with pytest.raises(LeadproofError) as caught:
        require_valid(now, deleted_rows(now, released))
    told = str(caught.value)
    assert told.startswith(
        "A policy row that the last release has used was deleted "
        f"(seeds/touch_types.csv, then row {line}). The policy tables in seeds/ hold "
    )
    assert told.count("touch_type 'page_visit' is not known") == 1
    assert told.endswith("Put back what was deleted, or correct the rows, and build again.")
    assert deleted_rows(now, None) == []


def test_missing_table_is_no_list_of_deleted_rows(sandbox: Sandbox, released: ReleasedPolicy) -> None:
    sandbox.path("shared_mailboxes").unlink()
    assert deleted_rows(read_policy(sandbox.root), released) == []
    shutil.rmtree(released.folder)
    assert deleted_rows(read_policy(sandbox.root), released) == []


def test_digest_follows_meaning_and_not_spelling(sandbox: Sandbox) -> None:
    digest = policy_digest(read_policy(sandbox.root))
    header, *rows = sandbox.records("touch_types")
    sandbox.write("touch_types", [header, *reversed(rows)])
    sandbox.set("touch_types", {"touch_type": "demo_request"}, points="40.0", comment="Said better.")
    assert policy_digest(read_policy(sandbox.root)) == digest
    sandbox.set("touch_types", {"touch_type": "demo_request"}, points="41")
    assert policy_digest(read_policy(sandbox.root)) != digest


def test_released_policy_that_cannot_be_read_lets_nothing_pass(
    sandbox: Sandbox, released: ReleasedPolicy
) -> None:
    path = released.folder / "touch_types.csv"
    path.write_bytes(path.read_bytes().replace(b"points", b"score", 1))
    with pytest.raises(LeadproofError, match="cannot be compared with"):
        require_unlocked(read_policy(sandbox.root), released, None)
    shutil.rmtree(released.folder)
    with pytest.raises(LeadproofError, match="It is not there"):
        require_unlocked(read_policy(sandbox.root), released, None)
    require_unlocked(read_policy(sandbox.root), released, "The release was lost.")


def test_table_that_a_release_did_not_have_yet_locks_nothing(
    sandbox: Sandbox, released: ReleasedPolicy
) -> None:
    (released.folder / "segment_rules.csv").unlink()
    sandbox.set("segment_rules", {"segment_name": "advisory"}, allowed_values="consulting")
    assert breaches(sandbox, released) == []


def _forget(released: ReleasedPolicy, table: str, text: str) -> None:
    """Take a text out of a released table, as an erasure does."""
    path = released.folder / f"{table}.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(text, ERASED), encoding="utf-8")


@pytest.fixture
def forgotten(sandbox: Sandbox) -> ReleasedPolicy:
    """A release from which somebody was erased whom the policy names: as a key, and in a text."""
    name = "anna@acme.example"
    sandbox.add("exclusions", kind="email", pattern=name, reason="staff")
    sandbox.add("exclusions", kind="email", pattern="bob@acme.example", reason="staff")
    sandbox.add("exclusions", kind="company_domain", pattern="acme.example", reason=f"asked for by {name}")
    folder = sandbox.root / "released"
    shutil.copytree(sandbox.root / "seeds", folder)
    released = ReleasedPolicy(AS_OF, folder)
    _forget(released, "exclusions", name)
    return released


def test_row_that_named_somebody_erased_may_stay_or_go(sandbox: Sandbox, forgotten: ReleasedPolicy) -> None:
    assert breaches(sandbox, forgotten) == []
    sandbox.delete("exclusions", {"pattern": "anna@acme.example"})
    assert breaches(sandbox, forgotten) == []
    sandbox.set("exclusions", {"pattern": "acme.example"}, reason="asked for")
    assert breaches(sandbox, forgotten) == []


def test_erasure_frees_the_cell_that_named_somebody_and_no_other(
    sandbox: Sandbox, forgotten: ReleasedPolicy
) -> None:
    sandbox.delete("exclusions", {"pattern": "anna@acme.example"})
    line = sandbox.set("exclusions", {"pattern": "bob@acme.example"}, reason="competitor")
    assert [(each.row, each.kind) for each in breaches(sandbox, forgotten)] == [(line, "changed")]
    sandbox.delete("exclusions", {"pattern": "bob@acme.example"})
    assert [each.kind for each in breaches(sandbox, forgotten)] == ["removed"]
    sandbox.delete("exclusions", {"pattern": "acme.example"})
    assert [each.kind for each in breaches(sandbox, forgotten)] == ["removed", "removed"]


def test_text_of_which_an_erasure_took_a_name_is_no_excuse_for_another_change(
    sandbox: Sandbox, released: ReleasedPolicy
) -> None:
    _forget(released, "campaign_registry", "One.")
    assert breaches(sandbox, released) == []
    sandbox.set("campaign_registry", {"campaign_id": "1"}, success_metric="reply rate")
    (found,) = breaches(sandbox, released)
    assert found.kind == "changed" and found.message.startswith("success_metric is not")
