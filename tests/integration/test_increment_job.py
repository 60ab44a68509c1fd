"""An increment of the real job, through dbt and its strategy, beside a full build of the same."""

import json
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from orchestration.settings import PROJECT_ROOT
from tests.integration.workshop import Workshop, make_workshop

pytestmark = [pytest.mark.slow, pytest.mark.long]
GOLDEN = PROJECT_ROOT / "tests" / "fixtures" / "golden" / "landing"
BEFORE, AS_OF = "2026-05-31", "2026-06-30"
OF_EACH_BUILD = ("row_reconciliation", "restatements")


def marts(workshop: Workshop) -> dict[str, Counter[tuple[object, ...]]]:
    """The rows of every mart in the build database, whether or not its audit passed."""
    with duckdb.connect(str(workshop.warehouse / "build" / "leadproof.duckdb"), read_only=True) as database:
        names = database.execute(
            "select table_name from duckdb_tables() where schema_name = 'marts'"
        ).fetchall()
        return {
            name: Counter(database.execute(f"from marts.{name}").fetchall())
            for (name,) in names
            if name not in OF_EACH_BUILD
        }


def digests(workshop: Workshop) -> dict[str, str]:
    """The content digests of the long marts, as the last build wrote them by month."""
    (note,) = (workshop.warehouse / "candidates").glob("*/candidate.json")
    tables = json.loads(note.read_text(encoding="utf-8"))["tables"]
    assert {"touches", "stage_transitions"} <= {name for name in tables if "months" in tables[name]}
    return {name: tables[name]["digest"] for name in ("touches", "stage_transitions")}


def test_increment_of_the_job_comes_to_what_a_full_build_comes_to(tmp_path: Path) -> None:
    workshop = make_workshop(tmp_path / "life", GOLDEN)
    (workshop.root / ".env").write_text("LEADPROOF_SHARED_FROM_ROWS=1\n", encoding="utf-8")
    touches = sorted((workshop.landing / "leadproof" / "touches").rglob("*.*"))[0]
    header, *rows = touches.read_text(encoding="utf-8").splitlines()
    late = len(rows) // 10
    touches.write_text("\n".join([header, *rows[late:]]) + "\n", encoding="utf-8")

    workshop.leadproof("build", "--as-of", BEFORE)
    first = marts(workshop)
    touches.with_name("late.csv").write_text("\n".join([header, *rows[:late]]) + "\n", encoding="utf-8")
    workshop.leadproof("build", "--as-of", AS_OF)
    began, record = workshop.records()
    assert began["continued_from"] is None
    assert record["continued_from"] == began["build_id"]
    assert 0 < record["computed_people"] < record["people"]
    continued, by_month = marts(workshop), digests(workshop)
    assert continued["touches"] != first["touches"]

    workshop.leadproof("build", "--as-of", AS_OF, "--full-refresh")
    assert workshop.records()[-1]["full_refresh_reason"] == "it was asked for"
    assert marts(workshop) == continued
    assert digests(workshop) == by_month
