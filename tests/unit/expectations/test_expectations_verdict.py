"""The verdict: what counts as a pass, for one expectation and for a candidate."""

import hashlib
from dataclasses import replace
from datetime import date

import pytest

from expectations.record import safe_key
from expectations.suites import Catalogue, PlannedExpectation, plan
from expectations.verdict import Finding, judge, verdict_of
from tests.fixtures.candidates import AS_OF, BUILD_ID, THRESHOLDS, ThresholdRow

_CATALOGUE = Catalogue({}, ("leadproof", "zoho"))
_GOOD = Finding(is_success=True, evaluated_rows=10, scope_rows=10, observed_value=0.0)


def _planned(check: str, thresholds: tuple[ThresholdRow, ...] = THRESHOLDS) -> PlannedExpectation:
    return next(
        each
        for each in plan(_CATALOGUE, BUILD_ID, AS_OF, thresholds)
        if each.promise.check_name == check and each.source_system in ("*", "leadproof")
    )


def test_a_good_finding_holds():
    result = judge(_planned("ExpectConservation_row_reconciliation"), _GOOD)

    assert result.is_success
    assert result.severity == "critical"
    assert result.message.startswith("Holds of all 10 rows:")


@pytest.mark.parametrize(
    "finding",
    [
        None,
        Finding(),
        replace(_GOOD, is_success=False),
        replace(_GOOD, error="it raised an error"),
        replace(_GOOD, evaluated_rows=0),
        replace(_GOOD, evaluated_rows=9),
        replace(_GOOD, evaluated_rows=11),
        replace(_GOOD, observed_value=None),
        replace(_GOOD, observed_value=float("nan")),
        replace(_GOOD, failing_rows=1),
        replace(_GOOD, failing_rows=1, observed_value=0.1),
    ],
    ids=[
        "not reported",
        "empty",
        "engine says no",
        "raised",
        "looked at nothing",
        "looked past a row",
        "looked at a row twice",
        "nothing observed",
        "not a number",
        "counts contradict the share",
        "a row fails",
    ],
)
def test_anything_less_fails(finding):
    assert not judge(_planned("ExpectConservation_row_reconciliation"), finding).is_success


def test_an_empty_table_holds_where_no_rows_exist():
    finding = Finding(is_success=True, observed_value=0.0)

    assert judge(_planned("ExpectUniqueKey_sqls"), finding).is_success


def test_a_share_within_its_tolerance_holds_and_says_so():
    thresholds = (
        ThresholdRow("unclassified_touches", "leadproof", 0.25, until=date(2026, 6, 30)),
        *THRESHOLDS,
    )
    finding = replace(_GOOD, failing_rows=2, observed_value=0.2)

    result = judge(_planned("ExpectUnclassifiedShare_touches", thresholds), finding)

    assert result.is_success
    assert result.tolerance == 0.25
    assert result.baselined_until == "2026-06-30"
    assert "20.00%, allowed 25.00%" in result.message
    assert "baselined until 2026-06-30" in result.message


@pytest.mark.parametrize("table", ["mqls", "sqls"])
@pytest.mark.parametrize("expectation", ["ExpectIcpComplete", "ExpectContextComplete"])
def test_qualified_leads_have_no_tolerance_whatever_the_thresholds_say(expectation, table):
    thresholds = tuple(
        ThresholdRow(audit, "*", 1.0) for audit in ("mql_sql_icp_complete", "mql_sql_context_complete")
    )

    planned = _planned(f"{expectation}_{table}", thresholds)

    assert planned.tolerance.value == 0.0
    assert not judge(planned, replace(_GOOD, failing_rows=1, observed_value=0.1)).is_success


def test_an_unknown_age_fails_and_is_left_out_of_the_record():
    finding = replace(_GOOD, is_success=False, failing_rows=1, observed_value=float("inf"))

    result = judge(_planned("ExpectFreshness_row_reconciliation"), finding)

    assert not result.is_success
    assert result.observed_value is None
    assert "of unknown age" in result.message


def test_a_missing_threshold_tolerates_nothing_and_says_so():
    finding = replace(_GOOD, is_success=False, failing_rows=1, observed_value=0.1)

    result = judge(_planned("ExpectUnclassifiedShare_touches", ()), finding)

    assert not result.is_success
    assert "no tolerance for unclassified_touches is in force" in result.message


def test_keys_that_look_personal_are_hidden():
    finding = replace(
        _GOOD, is_success=False, failing_rows=3, observed_value=0.3,
        failing_keys=("leadproof:t1", "zoho:jo@example.com", "+1 555 0100 200"),
    )  # fmt: skip

    keys = judge(_planned("ExpectConservation_row_reconciliation"), finding).failing_keys

    assert keys[0] == "leadproof:t1"
    assert all(key.startswith("hidden:") for key in keys[1:])


@pytest.mark.parametrize("key", ["jo@example.com", "+1 555 0100 200", "jo@example.com of ann@example.com"])
def test_column_before_a_hidden_key_stays(key: str):
    told = safe_key(f"landing_page of {key}")

    assert told.startswith("landing_page of hidden:")
    assert "example" not in told and "555" not in told


class TestVerdictOfACandidate:
    def setup_method(self):
        self.planned = plan(_CATALOGUE, BUILD_ID, AS_OF, THRESHOLDS)
        self.results = [judge(each, _GOOD) for each in self.planned]

    def test_passes_when_everything_planned_holds(self):
        assert verdict_of(self.planned, self.results) == "passed"

    def test_fails_when_one_does_not_hold(self):
        self.results[7] = replace(self.results[7], is_success=False)

        assert verdict_of(self.planned, self.results) == "failed"

    def test_a_failing_warning_does_not_block(self):
        self.results[7] = replace(self.results[7], is_success=False, severity="warning")

        assert verdict_of(self.planned, self.results) == "passed"

    def test_fails_when_one_is_missing(self):
        assert verdict_of(self.planned, self.results[1:]) == "failed"

    def test_fails_when_one_stands_in_for_another(self):
        assert verdict_of(self.planned, [self.results[1], *self.results[1:]]) == "failed"

    def test_fails_for_an_empty_suite(self):
        assert verdict_of((), ()) == "failed"

    def test_fails_when_no_row_was_looked_at(self):
        nothing = [replace(result, evaluated_rows=0) for result in self.results]

        assert verdict_of(self.planned, nothing) == "failed"


@pytest.mark.parametrize(
    "key", ["dora@acme.example", "u/dora%40acme.example", "dora&#64;acme.example", "%2B49%20170%201234567"]
)
def test_hidden_key_cannot_be_found_by_trying(key: str) -> None:
    told = safe_key(key)
    assert told.startswith("hidden:") and told == safe_key(key) == safe_key(told)
    assert told != "hidden:" + hashlib.sha256(key.encode()).hexdigest()[:16]
