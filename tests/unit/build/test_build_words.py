"""What ``leadproof build`` prints, from the build's record alone."""

from types import SimpleNamespace
from typing import Any

import pytest

from orchestration import records
from orchestration.commands.build import load_lines, tell_failure
from orchestration.errors import LeadproofError
from orchestration.records import BuildRecord, Failure
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
