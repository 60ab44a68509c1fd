"""Publication refuses every record that does not belong to these bytes, this suite and this build."""

import json
import shutil
from typing import Any

import duckdb
import pytest

from orchestration.errors import LeadproofError
from orchestration.release import (
    check_build_token,
    claim_build_token,
    current_release,
    list_releases,
    read_audit_record,
    seal_record,
    write_candidate,
)
from orchestration.settings import Settings
from tests.fixtures.release_world import (
    audit_of,
    build_id_of,
    leftovers_of,
    make_candidate,
    make_release,
    make_settings,
    moment_of,
    publish_candidate,
    write_audit,
)


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Settings:
    """A warehouse with one release and a candidate that could be published."""
    settings = make_settings(tmp_path_factory.mktemp("template"))
    make_release(settings, 1)
    make_candidate(settings, 2)
    return settings


@pytest.fixture
def settings(tmp_path, template) -> Settings:
    """A copy of the template for one test."""
    shutil.copytree(template.warehouse, tmp_path / "warehouse", symlinks=True)
    return make_settings(tmp_path)


def _candidate(settings: Settings):
    from orchestration.release import read_candidate

    return read_candidate(settings, build_id_of(2))


def _write_sealed(settings: Settings, text: str) -> None:
    path = _candidate(settings).folder / "audit.json"
    path.write_text(text, encoding="utf-8")
    seal_record(settings, path)


def _assert_refused(settings: Settings, sentence: str, **arguments) -> None:
    before = current_release(settings)
    with pytest.raises(LeadproofError, match=sentence) as refusal:
        publish_candidate(settings, 2, **arguments)
    assert refusal.value.hint
    assert "\n" not in str(refusal.value)
    assert current_release(settings) == before
    assert list_releases(settings) == [before]
    assert leftovers_of(settings) == []


def _result(settings: Settings, **changes):
    return {**audit_of(_candidate(settings))["results"][0], **changes}


def test_passing_record_is_published(settings):
    assert publish_candidate(settings, 2) == current_release(settings)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"build_id": build_id_of(1)}, "belongs to build"),
        ({"candidate_sha256": "0" * 64}, "belongs to other bytes"),
        ({"as_of": moment_of(1).isoformat()}, "another as-of"),
        ({"suite_digest": "suite-0"}, "another suite"),
        ({"verdict": "failed"}, "did not pass"),
        ({"verdict": "PASSED"}, "did not pass"),
        ({"results": []}, "holds no result"),
    ],
)
def test_mismatching_record_is_refused(settings, changes, sentence):
    write_audit(settings, _candidate(settings), **changes)

    _assert_refused(settings, sentence)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"is_success": False}, "ExpectPeopleUnique failed although the verdict says passed"),
        ({"is_success": False, "severity": "fatal"}, "failed although the verdict says passed"),
        ({"evaluated_rows": 0}, "looked at no row"),
        ({"evaluated_rows": None}, "looked at no row"),
        ({"severity": "warning"}, "no blocking expectation"),
        ({"is_success": "yes"}, "is not whole"),
    ],
)
def test_record_whose_results_do_not_carry_its_verdict_is_refused(settings, changes, sentence):
    write_audit(settings, _candidate(settings), results=[_result(settings, **changes)])

    _assert_refused(settings, sentence)


def test_record_with_other_tolerances_is_refused_where_they_are_known(settings):
    _assert_refused(settings, "other tolerances", expected_thresholds_digest="thresholds-0")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"build_id": "x"}', '{"results": 3}'])
def test_record_that_is_not_whole_is_refused(settings, text):
    _write_sealed(settings, text)

    _assert_refused(settings, "is not whole")


@pytest.mark.parametrize("missing", ["suite_digest", "verdict", "results", "candidate_sha256", "as_of"])
def test_record_without_a_required_field_is_refused(settings, missing):
    record = audit_of(_candidate(settings))
    del record[missing]
    _write_sealed(settings, json.dumps(record))

    _assert_refused(settings, "is not whole")


def test_record_that_no_audit_has_written_is_refused(settings):
    """Whatever it says: here, that what failed has passed, with everything else as it was."""
    candidate = _candidate(settings)
    write_audit(settings, candidate, verdict="failed")
    path = candidate.folder / "audit.json"
    forged = path.read_text(encoding="utf-8").replace('"failed"', '"passed"')
    seal = path.with_suffix(".seal")

    path.write_text(forged, encoding="utf-8")
    _assert_refused(settings, "is not what an audit wrote")

    of_another = settings.candidates / build_id_of(1) / "audit.json"
    of_another.parent.mkdir(parents=True)
    of_another.write_text(json.dumps(audit_of(candidate, build_id=build_id_of(1))), encoding="utf-8")
    seal_record(settings, of_another)
    seal.write_bytes(of_another.with_suffix(".seal").read_bytes())
    _assert_refused(settings, "is not what an audit wrote")

    seal.unlink()
    _assert_refused(settings, "is not what an audit wrote")

    key = settings.build_db.parent / "audit.key"
    assert key.stat().st_mode & 0o077 == 0
    key.unlink()
    _assert_refused(settings, "is not what the build wrote")


def test_record_that_lacks_a_promise_is_refused(settings):
    """An audit from which results were dropped passes all that is left of it."""
    results = audit_of(_candidate(settings))["results"]
    asked = {(result["expectation"], result["table_name"]) for result in results}

    _assert_refused(
        settings, "says nothing of ExpectMore in people", expected_promises={*asked, ("ExpectMore", "people")}
    )
    assert publish_candidate(settings, 2, expected_promises=asked) == current_release(settings)


def test_absent_record_is_refused(settings, tmp_path):
    _assert_refused(settings, "There is no audit record", audit_path=tmp_path / "audit.json")


def test_candidate_changed_after_its_audit_is_refused(settings):
    with duckdb.connect(_candidate(settings).path) as database:
        database.execute("update marts.people set score = 100 where person_id = 'p_3'")
        database.execute("checkpoint")

    _assert_refused(settings, "has changed since the audit")


def test_candidate_whose_description_was_changed_with_it_is_refused(settings):
    from orchestration.digests import sha256_of

    candidate = _candidate(settings)
    with duckdb.connect(candidate.path) as database:
        database.execute("update marts.people set score = 100 where person_id = 'p_3'")
    _describe(settings, sha256=sha256_of(candidate.path))
    _assert_refused(settings, "description of build .* is not what the build wrote")

    seal_record(settings, candidate.folder / "candidate.json")
    _assert_refused(settings, "belongs to other bytes")
    write_audit(settings, _candidate(settings))
    _assert_refused(settings, r"marts\.people differs from the audited table")


def test_description_that_alone_was_changed_is_refused(settings):
    """No audit reads the counts that publication tells readers from it."""
    tables = _description(settings)["tables"]
    tables["people"]["rows"] += 1

    _describe(settings, tables=tables)

    _assert_refused(settings, "description of build .* is not what the build wrote")


def test_description_of_another_build_is_refused(settings):
    _describe(settings, build_id=build_id_of(1))
    seal_record(settings, settings.candidates / build_id_of(2) / "candidate.json")

    _assert_refused(settings, "has no candidate")


def _description(settings: Settings) -> dict[str, Any]:
    path = settings.candidates / build_id_of(2) / "candidate.json"
    return json.loads(path.read_text(encoding="utf-8"))


def _describe(settings: Settings, **changes: Any) -> None:
    path = settings.candidates / build_id_of(2) / "candidate.json"
    path.write_text(json.dumps({**_description(settings), **changes}), encoding="utf-8")


def test_candidate_with_a_write_ahead_log_is_refused(settings):
    path = _candidate(settings).path
    path.with_name(path.name + ".wal").write_bytes(b"rows that the hash does not cover")

    _assert_refused(settings, "was not closed whole")


def test_missing_candidate_is_refused(settings):
    _candidate(settings).path.unlink()

    _assert_refused(settings, "has no candidate")


def test_build_that_another_has_replaced_may_not_publish(settings):
    claim_build_token(settings, build_id_of(3))

    _assert_refused(settings, f"build {build_id_of(3)} has started since")


def test_build_without_a_token_may_not_publish(settings):
    (settings.state / "build_token.json").unlink()

    _assert_refused(settings, "no build holds the build token")


def test_build_replaced_while_it_publishes_is_refused_at_the_last_moment(settings, monkeypatch):
    from orchestration.release import publication

    staged = publication.seal

    def seal_then_lose_the_token(folder):
        staged(folder)
        claim_build_token(settings, build_id_of(3))

    monkeypatch.setattr(publication, "seal", seal_then_lose_the_token)
    _assert_refused(settings, f"build {build_id_of(3)} has started since")


def test_build_database_that_holds_another_build_is_refused(settings):
    with duckdb.connect(settings.build_db) as database:
        database.execute("update ops.current_build set build_id = ?", [build_id_of(3)])

    _assert_refused(settings, f"holds build {build_id_of(3)} by now")


def test_build_database_without_contacts_is_refused(settings):
    with duckdb.connect(settings.build_db) as database:
        database.execute("drop table restricted.contacts")

    _assert_refused(settings, r"no table restricted\.contacts")


def test_build_is_published_once(settings):
    published = publish_candidate(settings, 2)
    candidate = write_candidate(settings, build_id=build_id_of(2), as_of=moment_of(2))
    write_audit(settings, candidate)

    with pytest.raises(LeadproofError, match=f"is published already, as release {published.release_id}"):
        publish_candidate(settings, 2)


def test_candidate_older_than_the_last_release_is_stale(settings):
    publish_candidate(settings, 2)
    claim_build_token(settings, build_id_of(0))
    write_audit(settings, write_candidate(settings, build_id=build_id_of(0), as_of=moment_of(0)))
    with duckdb.connect(settings.build_db) as database:
        database.execute("update ops.current_build set build_id = ?", [build_id_of(0)])

    with pytest.raises(LeadproofError, match=f"is older than build {build_id_of(2)}"):
        publish_candidate(settings, 0)


def test_release_without_policy_is_refused(settings, tmp_path):
    _assert_refused(settings, "There are no policy tables", policy_dir=tmp_path / "nowhere")


def test_table_slipped_in_while_publishing_is_refused(settings, monkeypatch):
    from orchestration.release import publication

    added = publication.add_releases

    def add_and_slip_in(connection, *arguments):
        added(connection, *arguments)
        connection.execute("create table release.marts.gossip as select 1 as x")

    monkeypatch.setattr(publication, "add_releases", add_and_slip_in)
    _assert_refused(settings, r"marts\.gossip differs")


def test_row_changed_while_publishing_is_refused(settings, monkeypatch):
    from orchestration.release import publication

    added = publication.add_releases

    def add_and_change(connection, *arguments):
        added(connection, *arguments)
        connection.execute("update release.marts.touches set person_id = 'p_0' where touch_id = 't_1'")

    monkeypatch.setattr(publication, "add_releases", add_and_change)
    _assert_refused(settings, r"marts\.touches differs")


def test_record_of_the_audit_engine_is_understood(tmp_path):
    from expectations.record import AuditRecord, AuditResult

    result = AuditResult(
        "ExpectX", "people", "*", "critical", True, 5, 0, 0.0, 0.0, "2026-02-01", "Fine.", ("p_1",)
    )
    moment = moment_of(1).isoformat()
    path = AuditRecord(build_id_of(1), "0" * 64, "s", "t", moment, moment, "passed", (result,)).write(
        tmp_path / "audit.json"
    )

    settings = make_settings(tmp_path)
    seal_record(settings, path)

    record = read_audit_record(settings, path)

    assert record.as_of == moment_of(1)
    assert record.results[0].failing_keys == ("p_1",)
    assert record.results[0].is_blocking


def test_token_names_the_build_that_claimed_it_last(settings):
    check_build_token(settings, build_id_of(2))
    claim_build_token(settings, build_id_of(3))
    check_build_token(settings, build_id_of(3))
    with pytest.raises(LeadproofError):
        check_build_token(settings, build_id_of(2))
