"""The plan: which promises there are, for which source systems, with which tolerance."""

import re
from datetime import date, datetime

from expectations.suites import KEYS, NEGOTIABLE_AUDITS, PROMISES, Catalogue, plan, suite_digest
from expectations.thresholds import thresholds_digest, tolerance_in_force
from orchestration.policy import schema
from tests.fixtures.candidates import AS_OF, BUILD_ID, TABLES, THRESHOLDS, ThresholdRow


def _catalogue(systems=("leadproof", "zoho"), **more):
    return Catalogue({table: dict(columns) for table, columns in TABLES.items()} | more, systems)


def test_check_names_are_unique_and_fit_an_asset_check():
    names = [promise.check_name for promise in PROMISES]

    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[A-Za-z0-9_]+", name) for name in names)


def test_planned_expectations_are_told_apart_by_their_identity():
    identities = [each.identity for each in plan(_catalogue(), BUILD_ID, AS_OF, THRESHOLDS)]

    assert len(identities) == len(set(identities))


def test_every_mart_is_held_to_its_grain_and_to_privacy():
    checks = {promise.check_name for promise in PROMISES}

    for table in KEYS:
        assert f"ExpectUniqueKey_{table}" in checks
        assert f"ExpectNoPersonalValues_{table}" in checks


def test_negotiable_audits_are_those_that_the_policy_knows():
    assert set(NEGOTIABLE_AUDITS) == set(schema.NEGOTIABLE_AUDITS)
    assert {promise.audit for promise in PROMISES} >= {*schema.NEGOTIABLE_AUDITS, *schema.FIXED_AUDITS}


def test_each_source_system_is_judged_by_itself():
    planned = plan(_catalogue(("leadproof", "olist", "zoho")), BUILD_ID, AS_OF, THRESHOLDS)

    for audit in NEGOTIABLE_AUDITS:
        systems = [each.source_system for each in planned if each.promise.audit == audit]
        assert systems == ["leadproof", "olist", "zoho"]


def test_a_candidate_without_source_systems_is_still_examined():
    planned = plan(_catalogue(()), BUILD_ID, AS_OF, THRESHOLDS)

    assert {each.promise.check_name for each in planned} == {promise.check_name for promise in PROMISES}
    assert {each.source_system for each in planned} == {"*"}


def test_a_mart_that_is_not_ours_is_held_to_privacy_too():
    planned = plan(_catalogue(forecasts={"cohort": "DATE", "remark": "VARCHAR"}), BUILD_ID, AS_OF, THRESHOLDS)

    (added,) = [each for each in planned if each.promise.table == "forecasts"]
    assert added.promise.expectation == "ExpectNoPersonalValues"
    assert added.parameters["text_columns"] == ["remark"]


def test_the_system_row_comes_before_any_and_a_baseline_before_both():
    rows = [
        ThresholdRow("freshness", "*", 72),
        ThresholdRow("freshness", "zoho", 100),
        ThresholdRow("freshness", "zoho", 900, until=date(2026, 3, 1)),
    ]

    def value(system: str, as_of: datetime) -> tuple[float, str | None]:
        tolerance = tolerance_in_force(rows, "freshness", system, as_of)
        return tolerance.value, tolerance.baselined_until

    assert value("olist", datetime(2026, 3, 1)) == (72, None)
    assert value("zoho", datetime(2026, 3, 1, 23, 59)) == (900, "2026-03-01")
    assert value("zoho", datetime(2026, 3, 2)) == (100, None)


def test_thresholds_digest_ignores_order_and_sees_every_change():
    rows = [ThresholdRow("freshness", "*", 72), ThresholdRow("open_quarantine", "zoho", 0.1)]
    digest = thresholds_digest(rows)

    assert thresholds_digest(rows[::-1]) == digest
    assert thresholds_digest([rows[0], ThresholdRow("open_quarantine", "zoho", 0.2)]) != digest
    assert thresholds_digest([rows[0], ThresholdRow("open_quarantine", "*", 0.1)]) != digest
    assert (
        thresholds_digest([rows[0], ThresholdRow("open_quarantine", "zoho", 0.1, until=date(2026, 1, 2))])
        != digest
    )
    assert thresholds_digest(rows[:1]) != digest


def test_suite_digest_changes_with_the_code(tmp_path, monkeypatch):
    import shutil
    from pathlib import Path

    from expectations import suites

    package = tmp_path / "expectations"
    shutil.copytree(Path(suites.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(suites, "__file__", str(package / "suites.py"))
    before = suite_digest()
    assert suite_digest() == before

    changed = package / "claims" / "stages.py"
    changed.write_text(changed.read_text().replace("not is_icp_complete", "false"))

    assert suite_digest() != before
