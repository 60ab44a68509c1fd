"""Data Docs and every other trace of an audit: no personal value, nothing fetched."""

import re
from pathlib import Path

import pytest

import expectations
from expectations.suites import KEYS
from orchestration.errors import LeadproofError
from tests.fixtures.candidates import AS_OF, BUILD_ID, TABLES, THRESHOLDS, write_candidate

CANARIES = ("canary.person@example.com", "+1 555 0100 299", "https://example.com/?token=canaryquery")
_FETCHED = re.compile(
    r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//|url\(\s*[\"']?(?:https?:)?//|@import", re.IGNORECASE
)


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit of a candidate in which personal values lie in every text column that is no key or code."""
    folder = tmp_path_factory.mktemp("audited")
    keep = {
        "source_system",
        "entity",
        "source_table",
        "build_id",
        "person_id",
        "touch_id",
        "evidence_touch_id",
    }
    changes = []
    for table, columns in TABLES.items():
        texts = [
            name for name, kind in columns.items() if kind == "varchar" and name not in {*KEYS[table], *keep}
        ]
        for number, name in enumerate(texts):
            changes.append(f"update marts.{table} set {name} = '{CANARIES[number % len(CANARIES)]}'")
    changes.append(f"update marts.touches set touch_id = 'leadproof:' || '{CANARIES[0]}' || rowid")
    candidate = write_candidate(folder / "candidate" / "leadproof.duckdb", changes)
    record = expectations.run_audit(
        candidate, BUILD_ID, AS_OF, THRESHOLDS, candidate.parent, folder / "context"
    )
    expectations.append_audit_history(folder / "quality", record)
    expectations.build_data_docs(folder / "context", folder / "quality" / "data_docs")
    candidate.unlink()
    return folder


def test_nothing_an_audit_leaves_behind_holds_a_personal_value(audited):
    files = [path for path in audited.rglob("*") if path.is_file()]
    assert {"audit.json", "index.html", f"{BUILD_ID}.parquet", "great_expectations.yml"} <= {
        path.name for path in files
    }

    for path in files:
        content = path.read_bytes()
        for canary in ("canary", "555 0100", "555%200100"):
            assert canary.encode() not in content, path


def test_keys_that_are_addresses_are_hidden_and_still_told_apart(audited):
    record = expectations.AuditRecord.from_json((audited / "candidate" / "audit.json").read_text())

    (result,) = [
        each
        for each in record.results
        if (each.expectation, each.table_name) == ("ExpectNoPersonalValues", "touches")
    ]
    assert result.failing_rows == 11
    assert len(set(result.failing_keys)) == 11
    assert all(" of hidden:" in key for key in result.failing_keys)


def test_data_docs_are_complete_and_open_no_connection(audited):
    docs = audited / "quality" / "data_docs"
    pages = sorted(docs.rglob("*.html"))

    assert len([page for page in pages if "validations" in page.parts]) == len(KEYS)
    assert len([page for page in pages if "expectations" in page.parts]) == len(KEYS)
    assert {path.suffix for path in docs.rglob("*") if path.is_file()} == {".html"}
    for page in pages:
        text = page.read_text()
        assert not _FETCHED.search(text), page
        assert "<script" not in text, page
        assert str(audited) not in text, page


def test_data_docs_links_lead_to_pages(audited):
    docs = audited / "quality" / "data_docs"

    for page in docs.rglob("*.html"):
        for link in re.findall(r"href=\"([^\"#]+)\"", page.read_text()):
            assert (page.parent / link).resolve().is_file(), (page, link)


def test_data_docs_say_what_was_expected_and_what_was_found(audited):
    docs = audited / "quality" / "data_docs"
    (results,) = (docs / "validations" / "touches").rglob("*.html")
    text = results.read_text()

    assert "Every touch is classified as inbound or outbound. Source system leadproof." in text
    assert "10 of 10 rows fail" in text
    assert "Data Docs of the last audit" in (docs / "index.html").read_text()


def test_data_docs_show_people_no_inner_words(audited):
    docs = audited / "quality" / "data_docs"
    (results,) = (docs / "validations" / "touches").rglob("*.html")
    text = results.read_text()

    assert f"touches / {BUILD_ID} /" in text
    assert "Table-Level Expectations" in text
    for word in ("__none__", "Batch Markers", "Batch Spec", "schema_name", "collapse-body"):
        assert word not in text, word
    assert len(re.findall(r"<div\b", text)) == len(re.findall(r"</div>", text))
    assert not re.search(r"\b0 of", re.sub(r"<[^>]+>", " ", text))


def test_data_docs_hold_keys_as_words():
    from expectations.claims.base import in_html

    keys = ["leadproof:<img src=x onerror=alert(1)>", "leadproof:\x1b[2J'&"]
    told = in_html({"evaluated_rows": 2, "failing_rows": 2, "failing_keys": keys})
    assert told == (
        "2 of 2 rows fail: leadproof:&lt;img src=x onerror=alert(1)&gt;,"
        " leadproof:\N{REPLACEMENT CHARACTER}[2J&#x27;&amp;"
    )
    assert in_html({"error": "no column <b>"}) == "Could not be examined: no column &lt;b&gt;"


def test_data_docs_are_replaced_as_a_whole(audited):
    docs = audited / "quality" / "data_docs"
    (docs / "stale.html").write_text("old")

    start = expectations.build_data_docs(audited / "context", docs)

    assert start.is_file()
    assert not (docs / "stale.html").exists()
    assert [path.name for path in docs.parent.iterdir() if path.name.startswith(".")] == []


def test_data_docs_of_no_audit_are_refused_in_one_sentence(tmp_path):
    with pytest.raises(LeadproofError, match="no Data Context"):
        expectations.build_data_docs(tmp_path, tmp_path / "docs")
