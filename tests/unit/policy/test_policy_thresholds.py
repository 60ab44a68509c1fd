"""Which tolerance is in force, and how a baseline is written."""

import os
import subprocess
import sys
from datetime import date

import pytest
from policy_sandbox import Sandbox

from orchestration.errors import LeadproofError
from orchestration.policy import Threshold, add_baseline_rows, read_policy, thresholds
from orchestration.settings import PROJECT_ROOT

TODAY = date(2026, 11, 22)
BASELINE = Threshold(
    "open_quarantine", "zoho", 0.53, TODAY, 'Names only, "no ids", as exported', date(2026, 12, 31)
)


def in_force(sandbox: Sandbox, today: date = TODAY) -> dict[tuple[str, str], Threshold]:
    """The thresholds in force by audit and source system."""
    rows = thresholds(read_policy(sandbox.root), today)
    return {(row.audit, row.source_system): row for row in rows}


def test_standing_rows_are_in_force(sandbox: Sandbox) -> None:
    row = in_force(sandbox)["freshness", "*"]
    assert (row.tolerance, row.until) == (72.0, None)
    assert row.reason


def test_baseline_goes_before_the_standing_row_until_its_day_has_passed(sandbox: Sandbox) -> None:
    sandbox.add(
        "audit_thresholds",
        audit="open_quarantine",
        source_system="zoho",
        tolerance="0.1",
        set_on="2026-11-01",
        reason="Stands.",
    )
    add_baseline_rows(sandbox.root, [BASELINE])
    assert in_force(sandbox)["open_quarantine", "zoho"] == BASELINE
    assert in_force(sandbox, date(2026, 12, 31))["open_quarantine", "zoho"] == BASELINE
    assert in_force(sandbox, date(2027, 1, 1))["open_quarantine", "zoho"].tolerance == 0.1
    assert in_force(sandbox)["open_quarantine", "*"].tolerance == 0.02


def test_baseline_of_a_system_without_standing_row_ends_with_its_day(sandbox: Sandbox) -> None:
    add_baseline_rows(sandbox.root, [BASELINE])
    assert ("open_quarantine", "zoho") not in in_force(sandbox, date(2027, 1, 1))


def test_baseline_is_written_once_and_the_rest_stays_byte_for_byte(sandbox: Sandbox) -> None:
    before = sandbox.path("audit_thresholds").read_bytes()
    add_baseline_rows(sandbox.root, [BASELINE])
    after = sandbox.path("audit_thresholds").read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == before.count(b"\n") + 1
    assert sandbox.problems() == []
    add_baseline_rows(sandbox.root, [Threshold("open_quarantine", "zoho", 0.4, TODAY, "Less.", TODAY)])
    assert in_force(sandbox)["open_quarantine", "zoho"].tolerance == 0.4
    assert sandbox.path("audit_thresholds").read_bytes().count(b"\n") == after.count(b"\n")
    assert sandbox.path("audit_thresholds").read_bytes().startswith(before)


def test_baseline_leaves_other_baselines_and_standing_rows_alone(sandbox: Sandbox) -> None:
    other = Threshold("open_quarantine", "olist", 0.2, TODAY, "Other.", date(2026, 12, 31))
    anyone = Threshold("open_quarantine", "*", 0.3, TODAY, "Any.", date(2026, 12, 31))
    add_baseline_rows(sandbox.root, [other, anyone])
    add_baseline_rows(sandbox.root, [BASELINE])
    found = in_force(sandbox)
    assert found["open_quarantine", "olist"] == other
    assert found["open_quarantine", "*"] == anyone
    assert in_force(sandbox, date(2027, 1, 1))["open_quarantine", "*"].tolerance == 0.02
    assert sandbox.problems() == []


def test_baseline_keeps_line_ends_and_mends_a_missing_last_one(sandbox: Sandbox) -> None:
    sandbox.spoil("audit_thresholds", lambda text: text.replace(b"\n", b"\r\n").removesuffix(b"\r\n"))
    add_baseline_rows(sandbox.root, [BASELINE])
    content = sandbox.path("audit_thresholds").read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n") == 10
    assert sandbox.problems() == []
    assert in_force(sandbox)["open_quarantine", "zoho"] == BASELINE


def test_baseline_of_hours_and_small_shares_is_kept_exactly(sandbox: Sandbox) -> None:
    hours = Threshold("freshness", "zoho", 49000.0, TODAY, "Old export.", date(2026, 12, 31))
    share = Threshold("unclassified_touches", "zoho", 0.0001234567, TODAY, "Small.", date(2026, 12, 31))
    add_baseline_rows(sandbox.root, [hours, share])
    assert in_force(sandbox)["freshness", "zoho"] == hours
    assert in_force(sandbox)["unclassified_touches", "zoho"] == share
    assert sandbox.problems() == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (Threshold("mql_sql_icp_complete", "*", 0.1, TODAY, "No.", TODAY), "not negotiable"),
        (Threshold("open_quarantine", "*", 0.1, TODAY, "No end.", None), "needs a last day"),
        (Threshold("open_quarantine", "*", 0.1, TODAY, "Over.", date(2026, 11, 21)), "needs a last day"),
        (Threshold("open_quarantine", "*", 1.1, TODAY, "Much.", TODAY), "no share"),
        (Threshold("open_quarantine", "*", 0.1, TODAY, " ", TODAY), "needs a reason"),
        (Threshold("open_quarantine", "*", 0.1, TODAY, "Two\nlines.", TODAY), "in one line"),
        (Threshold("open_quarantine", "zoo", 0.1, TODAY, "Typo.", TODAY), "no source system 'zoo'"),
    ],
)
def test_baseline_that_is_not_allowed_writes_nothing(sandbox: Sandbox, row: Threshold, message: str) -> None:
    before = sandbox.path("audit_thresholds").read_bytes()
    with pytest.raises(LeadproofError, match=message):
        add_baseline_rows(sandbox.root, [BASELINE, row])
    assert sandbox.path("audit_thresholds").read_bytes() == before


def test_baseline_into_a_damaged_file_is_refused(sandbox: Sandbox) -> None:
    sandbox.spoil("audit_thresholds", lambda text: b"\xef\xbb\xbf" + text)
    with pytest.raises(LeadproofError, match="byte-order mark"):
        add_baseline_rows(sandbox.root, [BASELINE])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_baseline_into_a_folder_without_permission_is_told(sandbox: Sandbox) -> None:
    folder = sandbox.root / "seeds"
    folder.chmod(0o500)
    try:
        with pytest.raises(LeadproofError, match="cannot be written"):
            add_baseline_rows(sandbox.root, [BASELINE])
    finally:
        folder.chmod(0o700)


def test_failed_replacement_leaves_file_and_folder_as_they_were(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted((path.name, path.read_bytes()) for path in (sandbox.root / "seeds").iterdir())

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(LeadproofError, match="No space left"):
        add_baseline_rows(sandbox.root, [BASELINE])
    assert sorted((path.name, path.read_bytes()) for path in (sandbox.root / "seeds").iterdir()) == before


def test_reading_policy_loads_no_heavy_library() -> None:
    code = (
        "import sys; from pathlib import Path; import orchestration.policy as p; p.read_policy(Path('.'));"
        "print([m for m in ('duckdb', 'pandas', 'dagster', 'dbt', 'great_expectations') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
