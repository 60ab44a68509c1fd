"""The golden people published, and a build that a file which came late calls for, in a project copy.

What the build is short of, a disk or memory, belongs to who runs it.
"""

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import duckdb

from orchestration.settings import PROJECT_ROOT
from tests.integration.workshop import Workshop

GOLDEN = PROJECT_ROOT / "tests" / "fixtures" / "golden" / "landing"
BUILD = ("build", "--as-of", "2026-06-30")
_SHARES = ("outbound_prospect_context", "prospect_icp_complete", "unclassified_touches", "open_quarantine")
_TOLERANCES = ("baseline", "leadproof", "--until", "2999-12-31", "--reason", "hand-written people")
# Rows whose bytes differ from build to build by what they are.
_OF_EACH_BUILD = {"audit_results", "releases", "row_reconciliation", "restatements"}


def publish_golden(workshop: Workshop) -> None:
    """Publish the golden people, with the tolerances that so few people need."""
    assert workshop.leadproof(*BUILD).returncode == 1  # the golden people fail shares
    tolerate_few_people(workshop)
    run(workshop, *BUILD)


def tolerate_few_people(workshop: Workshop) -> None:
    """Tolerate the shares that so few people cannot keep to."""
    run(workshop, *_TOLERANCES)


def tolerate_any_share(workshop: Workshop) -> None:
    """Tolerate every share that is negotiable: a few people, some broken on purpose, break them all."""
    thresholds = workshop.root / "seeds" / "audit_thresholds.csv"
    kept = []
    for line in thresholds.read_text(encoding="utf-8").splitlines():
        cells = line.split(",")
        if cells[0] in _SHARES or cells[0] == "freshness":
            cells[2] = "1000000" if cells[0] == "freshness" else "1"
        kept.append(",".join(cells))
    thresholds.write_text("\n".join(kept) + "\n", encoding="utf-8")


def undisturbed(workshop: Workshop, kept: Path) -> dict[str, str]:
    """What readers see after the late file where nothing was short.

    Args:
        workshop: Whose warehouse is published; it is put back as it was.
        kept: Gets a copy of the warehouse as it was.

    Returns:
        As ``rows_for_readers``.
    """
    shutil.copytree(workshop.warehouse, kept, symlinks=True)
    file = drop_late_file(workshop)
    run(workshop, *BUILD)
    seen = rows_for_readers(workshop)
    file.unlink()
    put_back(kept, workshop.warehouse)
    return seen


def drop_late_file(workshop: Workshop) -> Path:
    """Drop a file with a touch that is accepted."""
    source = sorted((workshop.landing / "leadproof" / "touches").rglob("*.csv"))[0]
    header = source.read_text(encoding="utf-8").splitlines()[0].split(",")
    known = {
        "source_touch_id": "late-1",
        "occurred_at": "2026-06-29T10:00:00Z",
        "email": "late@arrival.example",
        "channel": "website",
        "touch_type": "page_visit",
    }
    path = source.with_name("late.csv")
    path.write_text(
        f"{','.join(header)}\n{','.join(known.get(name, '') for name in header)}\n", encoding="utf-8"
    )
    return path


def run(workshop: Workshop, *words: str) -> None:
    """Run ``leadproof``, which must succeed."""
    done = workshop.leadproof(*words)
    assert done.returncode == 0, done.stdout + done.stderr


def assert_told(done: subprocess.CompletedProcess[str], when: str, parts: Sequence[str]) -> None:
    """Assert that a command ended with exit 1 and one sentence on standard error that says what was short.

    Args:
        done: The command.
        when: Under which circumstances, for who reads a failure.
        parts: Of which the sentence holds at least one.
    """
    told = done.stdout + done.stderr
    assert done.returncode == 1, f"exit {done.returncode} {when}:\n{told}"
    assert "Traceback" not in told, f"{when}:\n{told}"
    sentence = done.stderr.strip()
    assert sentence.startswith("leadproof: ") and len(sentence.splitlines()) == 1, f"{when}:\n{told}"
    assert any(part in sentence for part in parts), f"{when}:\n{told}"


def rows_for_readers(workshop: Workshop) -> dict[str, str]:
    """What readers see, table by table, as digests of all rows."""
    path = workshop.warehouse / "current" / "leadproof.duckdb"
    with duckdb.connect(str(path), read_only=True) as release:
        tables = release.execute(
            "select table_name from information_schema.tables where table_schema = 'marts' order by all"
        ).fetchall()
        return {
            table: hashlib.sha256(
                repr(release.execute(f"select * from marts.{table} order by all").fetchall()).encode()
            ).hexdigest()
            for (table,) in tables
            if table not in _OF_EACH_BUILD
        }


def put_back(kept: Path, warehouse: Path) -> None:
    """Make a warehouse what a copy of it says; its folder stays, because a disk may be mounted there."""
    for path in warehouse.iterdir():
        if path.is_symlink() or path.is_file():
            path.unlink()
        else:
            subprocess.run(["chmod", "-R", "u+w", str(path)], check=True)
            shutil.rmtree(path)
    shutil.copytree(kept, warehouse, symlinks=True, dirs_exist_ok=True)
