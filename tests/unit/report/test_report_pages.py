"""Quality pages: every build gets one, it says what happened, and it holds nothing personal."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from orchestration import records
from orchestration.errors import LeadproofError
from orchestration.records import Phase
from orchestration.report import write_missing_reports, write_quality_report
from orchestration.report.verdicts import page_path
from orchestration.settings import Settings
from tests.fixtures.release_world import build_id_of
from tests.unit.report.report_world import (
    BUILD,
    failure,
    make_candidate,
    make_release,
    people_told,
    person,
    quarantined,
    reconciled,
    record_build,
    result,
    touch,
    write_world,
)

KEYS = [f"leadproof:t{number}" for number in range(20)]
FAILED = result(is_success=False, failing_rows=60, evaluated_rows=100, observed_value=0.6, failing_keys=KEYS)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._is_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._is_style = False

    def handle_data(self, data: str) -> None:
        if not self._is_style:
            self.parts.append(data)


def text_of(page: Path) -> str:
    parser = _Text()
    parser.feed(page.read_text(encoding="utf-8"))
    return " ".join(" ".join(parser.parts).split())


def blocked(settings: Settings, *results: dict[str, object]) -> str:
    """Write the page of a build that its audit blocked."""
    write_world(settings, **people_told())
    make_candidate(settings, [*results], verdict="failed")
    record_build(
        settings,
        status=records.FAILED,
        audit={"verdict": "failed", "expectations": 2, "failed": [FAILED]},
        failure=failure("audit", "1 of 2 expectations does not hold.", "Repair them."),
    )
    return text_of(write_quality_report(settings, BUILD))


def test_published_build_opens_with_verdict_and_claims(settings: Settings) -> None:
    release = make_release(settings)
    record_build(settings, release_id=release.release_id)
    page = write_quality_report(settings, BUILD)
    text = text_of(page)
    assert page == settings.quality / "builds" / BUILD / "index.html"
    verdict = f"Build {BUILD} passed its audit and is published as release {release.release_id}."
    claim = "Your CRM (leadproof) calls 2 people MQL or SQL; 1 are proved"
    assert 0 < text.index(verdict) < text.index(claim) < text.index("Funnel")


def test_page_counts_what_the_marts_hold(settings: Settings) -> None:
    release = make_release(settings)
    record_build(settings, release_id=release.release_id)
    text = text_of(write_quality_report(settings, BUILD))
    assert "Suspects 3 3" in text and "Prospects 2 2" in text and "SQLs 1 1" in text
    assert "Now: 1 prospect, 1 SQL and 1 disqualified." in text
    assert "1 person is excluded by policy (competitor 1)." in text
    assert "MQLs" not in text[text.index("Why people are blocked") : text.index("Inbound, outbound")]
    assert "Prospects 1 no industry is recorded 1 100 % the context lacks message hypothesis 1 100 %" in text
    assert "Disqualified 1 the last cycle has ended (disqualified) 1 100 %" in text
    assert "leadproof email 7 0" not in text
    assert "leadproof influencer 1 0 0 1" in text
    assert "leadproof touches touches 13 9 0 4 0 ✓ exact" in text
    assert (
        "unknown code touch_type leadproof.touches touches open 4 leadproof/touches/first.csv:7, 12, 31, …"
        in text
    )


def test_blocked_build_shows_what_where_and_how_far(settings: Settings) -> None:
    text = blocked(settings, FAILED, result(table_name="people", expectation="ExpectOther"))
    assert f"Build {BUILD} is blocked: 1 of 2 expectations does not hold" in text
    assert "Nothing is published yet." in text
    assert "leadproof 60.00% 60 of 100 rows 15.00% leadproof:t0, leadproof:t1, leadproof:t2, …" in text
    assert "20 keys of 60" in text


def test_baselines_are_shown_with_their_last_day(settings: Settings) -> None:
    baselined = result(
        failing_rows=3, evaluated_rows=4, observed_value=0.75, tolerance=0.8, baselined_until="2026-09-30"
    )
    text = blocked(settings, FAILED, baselined)
    assert "Baselined for a while" in text
    assert "75.00% 3 of 4 rows 80.00% 30 Sep 2026" in text


def test_an_expectation_that_could_not_be_examined_says_why(settings: Settings) -> None:
    raised = result(is_success=False, evaluated_rows=0, observed_value=None, message="Could not be examined.")
    assert "Could not be examined." in blocked(settings, raised)


def test_rows_that_do_not_add_up_are_marked(settings: Settings) -> None:
    world = people_told()
    world["row_reconciliation"] = [reconciled("touches", landed=13, accepted=9, quarantined=3)]
    release = make_release(settings, **world)
    record_build(settings, release_id=release.release_id)
    assert "13 9 0 3 0 ✗ differs" in text_of(write_quality_report(settings, BUILD))


@pytest.mark.parametrize("phase", ["policy", "load", "dbt"])
def test_build_that_failed_early_still_has_a_page(settings: Settings, phase: str) -> None:
    record_build(
        settings,
        status=records.FAILED,
        phases=[Phase(phase, 0.2, "failed")],
        failure=failure(phase, "A model failed.", "Repair the model.", ["int_people: 3 rows"]),
    )
    text = text_of(write_quality_report(settings, BUILD))
    assert f"Build {BUILD} stopped in the phase {phase}: A model failed." in text
    assert "Repair the model. Nothing is published yet." in text
    assert "int_people: 3 rows" in text
    assert "Funnel" not in text


def test_build_killed_before_its_first_phase_still_has_a_page(settings: Settings) -> None:
    record_build(settings, status=records.RUNNING, phases=[])
    text = text_of(write_quality_report(settings, BUILD))
    assert "has not ended" in text and "ended before its first phase did" in text


def test_load_report_is_told(settings: Settings) -> None:
    table = {"rejects": 2, "duplicates": 1, "refused": 1}
    note = {"kind": "new_column", "source_system": "zoho", "source_table": "leads", "detail": "fax is new."}
    record_build(
        settings,
        load={
            "files": 3,
            "rows": 1200,
            "tables": [table],
            "notes": ["bad.csv was refused: no CSV."],
            "drift": [note],
        },
    )
    text = text_of(write_quality_report(settings, BUILD))
    assert "3 files with 1,200 rows loaded; 2 lines set aside; 1 file held content" in text
    assert "bad.csv was refused: no CSV." in text
    assert "new column zoho.leads fax is new." in text


def test_empty_marts_make_a_page(settings: Settings) -> None:
    write_world(settings)
    make_candidate(settings, [result()])
    record_build(settings, status=records.CANDIDATE)
    text = text_of(write_quality_report(settings, BUILD))
    assert "Nobody is blocked." in text and "There are no touches." in text
    assert "nothing is published, as asked for" in text


def test_page_opens_no_connection_and_runs_nothing(settings: Settings) -> None:
    release = make_release(settings)
    record_build(settings, release_id=release.release_id)
    for page in (write_quality_report(settings, BUILD), settings.quality / "index.html"):
        html = page.read_text(encoding="utf-8")
        assert not re.search(r"https?://|//[a-z]|<script|<link|<img|@import|url\(|\son\w+=", html)


def test_values_of_sources_neither_leak_nor_become_markup(settings: Settings) -> None:
    world = people_told()
    world["touches"][0] |= {"channel": "<b>someone@example.com</b>"}
    world["touches"][1] |= {"channel": "+49 170 1234567"}
    world["quarantine"] = [
        {**quarantined(3, "no_identity", "email"), "source_file": "leadproof/touches/me@example.com.csv"}
    ]
    release = make_release(settings, **world)
    record_build(settings, release_id=release.release_id)
    html = write_quality_report(settings, BUILD).read_text(encoding="utf-8")
    assert "@example.com" not in html and "1234567" not in html and "<b>" not in html
    assert "Somebody" not in html
    assert "(hidden)" in html


def test_sales_are_counted_as_rows_and_nowhere_else(settings: Settings) -> None:
    world = people_told()
    world["row_reconciliation"] += [reconciled("deals", landed=5, accepted=5)]
    release = make_release(settings, **world)
    record_build(settings, release_id=release.release_id)
    text = text_of(write_quality_report(settings, BUILD))
    assert "leadproof deals deals 5 5 0 0 0" in text
    assert "deals" not in text.split("Freshness Ages")[1]
    for word in ("revenue", "amount", "won", "pipeline"):
        assert not re.search(rf"\b{word}\b", text, re.IGNORECASE)


def test_many_channels_are_folded(settings: Settings) -> None:
    world = people_told()
    world["people"] = [person("p_0000000000000009")]
    world["touches"] = [
        touch(number, "p_0000000000000009", "2026-06-01", "page_visit", channel=f"channel_{number}")
        for number in range(60)
    ]
    release = make_release(settings, **world)
    record_build(settings, release_id=release.release_id)
    text = text_of(write_quality_report(settings, BUILD))
    assert "leadproof all channels 60 0 60 0" in text
    assert "leadproof 21 more channels 21 0 21 0" in text


def test_list_of_builds_is_newest_first_and_links_pages_that_exist(settings: Settings) -> None:
    record_build(
        settings,
        status=records.FAILED,
        phases=[],
        failure=failure("load", "The disk is full.", "Free space."),
    )
    older = build_id_of(0)
    record_build(settings, build_id=older, release_id="r20260105T060000_000000")
    write_quality_report(settings, BUILD)
    html = (settings.quality / "index.html").read_text(encoding="utf-8")
    assert html.index(f'<a href="builds/{BUILD}/index.html">') < html.index(older)
    assert f'href="builds/{older}' not in html
    text = text_of(settings.quality / "index.html")
    assert "failed in load The disk is full." in text and "published r20260105T060000_000000" in text


def test_pages_that_killed_builds_did_not_write_are_made_up_for(settings: Settings) -> None:
    release = make_release(settings)
    record_build(settings, release_id=release.release_id)
    running, damaged = build_id_of(0), build_id_of(5)
    record_build(settings, build_id=running, status=records.RUNNING, phases=[])
    records.record_path(settings, damaged).write_text("{}", encoding="utf-8")
    write_missing_reports(settings)
    assert f"is published as release {release.release_id}" in text_of(page_path(settings, BUILD))
    assert not page_path(settings, running).exists() and not page_path(settings, damaged).exists()
    page_path(settings, BUILD).write_text("as it was", encoding="utf-8")
    write_missing_reports(settings)
    assert page_path(settings, BUILD).read_text(encoding="utf-8") == "as it was"


def test_page_of_a_retired_release_is_kept_as_it_was(settings: Settings) -> None:
    release = make_release(settings)
    record_build(settings, release_id=release.release_id)
    page = write_quality_report(settings, BUILD)
    before = page.read_bytes()
    settings.current.unlink()
    (settings.releases / release.release_id).rename(settings.releases / ".gone.retired")
    assert write_quality_report(settings, BUILD).read_bytes() == before


def test_page_links_the_data_docs_that_exist(settings: Settings) -> None:
    record_build(settings, phases=[])
    docs = settings.quality / "data_docs" / "index.html"
    assert "data_docs" not in write_quality_report(settings, BUILD).read_text(encoding="utf-8")
    docs.parent.mkdir(parents=True)
    docs.write_text("", encoding="utf-8")
    page = write_quality_report(settings, BUILD)
    assert 'href="../../data_docs/index.html"' in page.read_text(encoding="utf-8")
    assert (page.parent / "../../data_docs/index.html").resolve() == docs.resolve()


def test_unknown_build_is_refused(settings: Settings) -> None:
    with pytest.raises(LeadproofError, match="There is no build"):
        write_quality_report(settings, BUILD)


def test_unwritable_quality_folder_is_told(settings: Settings) -> None:
    record_build(settings)
    settings.quality.parent.mkdir(parents=True, exist_ok=True)
    settings.quality.write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(LeadproofError, match="Writing the quality report"):
        write_quality_report(settings, BUILD)


def test_neither_page_nor_explanation_imports_what_takes_seconds(settings: Settings) -> None:
    import subprocess
    import sys

    release = make_release(settings)
    record_build(settings, release_id=release.release_id)
    folders = [str(each) for each in (settings.landing, settings.warehouse, settings.dagster_home)]
    code = f"""
import sys
from pathlib import Path
from orchestration.report import explain, render_status, write_quality_report
from orchestration.settings import Settings
places = [Path(each) for each in {folders!r}]
settings = Settings(places[0], places[1], "", "1GB", 1, (), {{}}, 3, places[2])
write_quality_report(settings, {BUILD!r})
explain(settings, "first@example.com")
render_status(settings)
heavy = ("pandas", "numpy", "altair", "dagster", "great_expectations")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
