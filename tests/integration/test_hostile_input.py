"""Text that some program would obey, in every free text and every name: it stays text, and does nothing.

The same world is told twice, with harmless words and with hostile ones. Both must come to the same rows, word
for word exchanged.
"""

import csv
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from orchestration.landing import load_landing
from tests.integration.compiled_world import CompiledWorld
from tests.integration.harness import fetch, make_warehouse
from tests.proof.moments import DAY, START, as_text
from tests.proof.warehouse import Marts, Warehouse

pytestmark = pytest.mark.slow

HOSTILE = (
    "'; drop schema marts cascade; --",
    '"; delete from landing.files; --',
    "$$; copy (select 1) to 'leaked.csv'; $$",
    "{{ 7 * 7 }}{{ env_var('HOME') }}",
    "{% do exceptions.raise_compiler_error('obeyed') %}",
    "../../../../leaked",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1+1)*cmd",
    "\x1b]0;owned\x07\x1b[2Jgone",
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "%s%n{0}{self.__class__}${HOME}`id`",
    "\u202egnp.exe",
)
HARMLESS = tuple(f"word{number:02}" for number in range(len(HOSTILE)))
_ID = re.compile(r"^(p_)?[0-9a-f]{16,64}(:.*)?$")
_OF_THE_LOAD = ("row_reconciliation", "restatements")


def tell(landing: Path, words: tuple[str, ...]) -> None:
    """A person, a company, a campaign and touches for each word, in every free text of theirs."""
    rows: dict[str, list[dict[str, Any]]] = {"companies": [], "contacts": [], "campaigns": [], "touches": []}
    for place, word in enumerate(words):
        known = as_text(START)
        rows["companies"].append(
            {
                "source_company_id": f"{word} company",
                "company_name": word,
                "company_domain": f"firm{place}.example",
                "industry": word,
                "updated_at": known,
            }
        )
        rows["contacts"].append(
            {
                "source_contact_id": f"{word} contact",
                "source_company_id": f"{word} company",
                "email": f"person{place}@firm{place}.example",
                "full_name": word,
                "job_title": word,
                "phone": word,
                "created_at": known,
                "updated_at": known,
            }
        )
        rows["campaigns"].append(
            {
                "campaign_id": f"{word} campaign",
                **{
                    name: word
                    for name in (
                        *("campaign_name", "segment_name", "segment_definition", "message_name"),
                        *("message_hypothesis", "success_threshold", "icp_version"),
                    )
                },
                "created_at": known,
                "updated_at": known,
            }
        )
        for number, touch_type in enumerate(("email_sent", "email_reply", "form_submitted")):
            rows["touches"].append(
                {
                    "source_touch_id": f"{word} {number}",
                    "occurred_at": as_text(START + (number + 1) * DAY),
                    "source_contact_id": f"{word} contact",
                    "channel": "email" if number < 2 else "website",
                    "touch_type": touch_type,
                    "campaign_id": f"{word} campaign",
                    "landing_page": word,
                    "offer_id": word,
                    "response_intent": word,
                }
            )
    for table, told in rows.items():
        folder = landing / "leadproof" / table
        folder.mkdir(parents=True)
        with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
            written = csv.DictWriter(file, list(told[0]))
            written.writeheader()
            written.writerows(told)


def built(compiled: CompiledWorld, root: Path, words: tuple[str, ...]) -> Marts:
    warehouse = Warehouse(compiled, root)
    try:
        tell(warehouse.settings.landing, words)
        warehouse.build(START + 60 * DAY)
        return warehouse.marts()
    finally:
        warehouse.close()


def shapes(marts: Marts, words: tuple[str, ...]) -> dict[str, Counter[str]]:
    """The rows of each mart, with the number of the word in its place, and ids made from it left out."""

    def shape(value: object) -> object:
        if not isinstance(value, str):
            return value
        for place, word in enumerate(words):
            value = value.replace(word, f"<{place}>").replace(word.lower(), f"<{place}>")
        return "<id>" if _ID.match(value) else value

    return {
        table: Counter(
            json.dumps({name: shape(cell) for name, cell in row.items()}, default=str) for row in rows
        )
        for table, rows in marts.items()
        if table not in _OF_THE_LOAD
    }


def test_hostile_words_stay_words(empty_compiled_world: CompiledWorld, tmp_path: Path) -> None:
    harmless = shapes(built(empty_compiled_world, tmp_path / "harmless", HARMLESS), HARMLESS)
    hostile = shapes(built(empty_compiled_world, tmp_path / "hostile", HOSTILE), HOSTILE)
    assert harmless["prospects"].total() == len(HOSTILE)
    assert harmless["campaigns"].total() == len(HOSTILE)
    differing = {
        table: (list(harmless[table] - hostile[table])[:2], list(hostile[table] - harmless[table])[:2])
        for table in harmless
        if harmless[table] != hostile[table]
    }
    assert differing == {}
    assert [path.name for path in tmp_path.rglob("*leaked*")] == []


FILE_NAMES = (
    "'; drop table landing.files; --.csv",
    "{{ 7 * 7 }}{% raw %}.csv",
    "$(touch leaked)`touch leaked`.csv",
    "*.csv",
    "[a-z]?.csv",
    "\x1b[2J\u202e.csv",
    "a..b.csv",
    " --help .csv",
)


def test_hostile_file_and_column_names_are_names(tmp_path: Path) -> None:
    settings = make_warehouse(tmp_path, tmp_path / "landing")
    folder = settings.landing / "leadproof" / "touches"
    folder.mkdir(parents=True)
    columns = ["source_touch_id", "occurred_at", "email", "channel", "touch_type"]
    for number, name in enumerate(FILE_NAMES):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow([*columns, HOSTILE[number], '"quoted"; drop table x'])
            rows.writerow([f"t{number}", "2026-01-05", "a@firm.example", "email", "email_reply", "x", "y"])
    for name in ("'; drop table x; --", "{{ 7 * 7 }}", "Leadproof", "..x"):
        (settings.landing / name / "touches").mkdir(parents=True)
        (settings.landing / name / "touches" / "rows.csv").write_text("a\n1\n", encoding="utf-8")
    report = load_landing(settings)
    loaded = fetch(
        settings, "select path, row_count from landing.files where status = 'loaded' order by path"
    )
    assert [row["path"] for row in loaded] == sorted(f"leadproof/touches/{name}" for name in FILE_NAMES)
    assert {row["row_count"] for row in loaded} == {1}
    assert report.rows == len(FILE_NAMES)
    [counted] = fetch(
        settings, "select count(*) as rows, count(distinct _source_file) as files from raw_leadproof.touches"
    )
    assert counted == {"rows": len(FILE_NAMES), "files": len(FILE_NAMES)}
    schemas = fetch(
        settings,
        "select schema_name from duckdb_schemas() where not internal and database_name = current_database()",
    )
    assert {row["schema_name"] for row in schemas} <= {
        "landing",
        "main",
        "ops",
        "policy",
        "raw_leadproof",
        "raw_zoho",
        "raw_olist",
    }
    assert list(tmp_path.rglob("leaked")) == []
