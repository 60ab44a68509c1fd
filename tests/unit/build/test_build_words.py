"""What ``leadproof build`` prints, from the build's record alone."""

from types import SimpleNamespace
from typing import Any

import pytest

from expectations import AuditRecord, AuditResult
from orchestration import records
from orchestration.build import _audit_summary
from orchestration.commands.build import load_lines, tell_failure
from orchestration.errors import LeadproofError
from orchestration.records import BuildRecord, Failure
from orchestration.report.verdicts import after_blocked, blocked_sentence
from tests.fixtures.release_world import make_settings

REFUSED = "leadproof/touches/broken.csv was refused: The file has no header; write one."


def _record(**known: Any) -> BuildRecord:
    moment = "2026-03-01T00:00:00.000000+00:00"
    return BuildRecord("b20260301T000000aaaaaa", records.FAILED, as_of=moment, started_at=moment, **known)


def _load(*notes: str) -> dict[str, Any]:
    reason = REFUSED.split(": ", 1)[1]
    return {
        "files": 3,
        "rows": 1200,
        "tables": [{"rejects": 2, "duplicates": 0}],
        "notes": [*notes, REFUSED],
        "drift": [
            {"kind": "new_column", "detail": "The column 'fax' is new.", "source_file": None},
            {"kind": "refused_file", "detail": reason, "source_file": REFUSED.split(" ", 1)[0]},
        ],
    }


def test_refused_files_are_told_first_and_once() -> None:
    lines = load_lines(_record(load=_load(*(f"Note {number}." for number in range(9)))))
    assert lines[0] == "Loaded 3 files: 1,200 rows, 2 rejected lines."
    assert lines[1] == f"  - {REFUSED}"
    assert sum("has no header" in line for line in lines) == 1
    assert lines[-1] == "  … and 5 more, in the quality report"
    assert any("fax" in line for line in load_lines(_record(load=_load())))


def test_failed_build_tells_what_was_loaded_and_refused(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed: list[str] = []
    monkeypatch.setattr(
        "orchestration.commands.build.out",
        SimpleNamespace(print=lambda text, **_: printed.append(str(text))),
    )
    record = _record(load=_load(), failure=Failure("dbt", "dbt failed in 1 models or tests.", "See the log."))
    with pytest.raises(LeadproofError, match="dbt failed in 1"):
        tell_failure(make_settings(tmp_path), SimpleNamespace(), record)  # type: ignore[arg-type]
    assert "Loaded 3 files: 1,200 rows, 2 rejected lines." in printed
    assert f"  - {REFUSED}" in printed


def _failing(expectation: str, table: str, observed: float | None = 0.4) -> AuditResult:
    return AuditResult(
        expectation=expectation,
        table_name=table,
        source_system="leadproof",
        severity="critical",
        is_success=False,
        evaluated_rows=10,
        failing_rows=4,
        observed_value=observed,
        tolerance=0.1,
        baselined_until=None,
        message="4 of 10 rows fail.",
    )


NEGOTIABLE = _failing("ExpectUnclassifiedShare", "touches")
UNOBSERVED = _failing("ExpectUnclassifiedShare", "touches", None)
FIXED = _failing("ExpectNoPersonalValues", "people")


@pytest.mark.parametrize(
    ("results", "counted", "next_step"),
    [
        (
            [NEGOTIABLE],
            "1 of 1 expectation does not hold, so nothing is published.",
            "Repair the rows named above or, for a source that is new, see leadproof baseline --help.",
        ),
        (
            [FIXED],
            "1 of 1 expectation does not hold, so nothing is published.",
            "Repair the rows named above and build again; no baseline can accept them.",
        ),
        (
            [UNOBSERVED],
            "1 of 1 expectation does not hold, so nothing is published.",
            "Repair the rows named above and build again; no baseline can accept them.",
        ),
        (
            [NEGOTIABLE, FIXED],
            "2 of 2 expectations do not hold, so nothing is published.",
            "Repair the rows named above; for a source that is new, leadproof baseline can accept 1 of the 2"
            " for a while, and not the others.",
        ),
    ],
    ids=["negotiable", "fixed", "nothing to agree on", "both"],
)
def test_baseline_is_offered_for_what_it_can_accept(
    results: list[AuditResult], counted: str, next_step: str
) -> None:
    audit = AuditRecord("b20260301T000000aaaaaa", "", "", "", "", "", "failed", tuple(results))
    record = _record(audit=_audit_summary(audit))
    assert blocked_sentence(record) == counted
    assert after_blocked(record, "above") == next_step
