"""Text that some program would obey, in every free text and every name: it stays text, and does nothing.

The same world is told twice, with harmless words and with hostile ones. Both must come to the same rows, word
for word exchanged. More words are drawn by ``tests/proof/injections.py``.
"""

import csv
from pathlib import Path

import pytest

from orchestration.landing import load_landing
from tests.integration.compiled_world import CompiledWorld
from tests.integration.harness import fetch, make_warehouse
from tests.proof.hostile_world import differing_shapes, harmless_words, told_world, with_address_sign

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


def test_hostile_words_stay_words(empty_compiled_world: CompiledWorld, tmp_path: Path) -> None:
    words, plain = harmless_words(HOSTILE), with_address_sign(HOSTILE)
    with told_world(empty_compiled_world, tmp_path / "harmless", words, plain) as warehouse:
        harmless = warehouse.marts()
    with told_world(empty_compiled_world, tmp_path / "hostile", HOSTILE) as warehouse:
        hostile = warehouse.marts()
    assert len(harmless["prospects"]) == len(harmless["campaigns"]) == len(HOSTILE)
    assert differing_shapes((harmless, words), (hostile, HOSTILE)) == {}
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
