"""The site's pages: all are written from every world, let no text do harm, and fetch nothing."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from orchestration.report.site import scripts, writing
from orchestration.report.site.catalogue import catalogue_page
from orchestration.report.site.definitions import anchor
from orchestration.report.site.parts import Column, Figure, Items, Tiles
from orchestration.report.site.source import Source
from orchestration.settings import Settings
from tests.unit.report.report_world import people_told
from tests.unit.report.site_world import MESSAGE, opened, rich_world

PAGES = ("index", "outbound", "directions", "velocity", "costs", "constraint", "quality", "definitions")
VOID = {"meta", "link", "br", "hr", "img", "input"}


@pytest.fixture(autouse=True)
def short_script(monkeypatch: pytest.MonkeyPatch) -> None:
    """What draws is a matter of the browser tests."""
    monkeypatch.setattr(writing, "chart_script", lambda: "window.drawn = 0;")


class Parsed(HTMLParser):
    """A page, taken apart."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.text = " ".join(" ".join(self.words).replace("\N{NO-BREAK SPACE}", " ").split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        if known.get("id"):
            self.ids.append(str(known["id"]))
        if tag == "a":
            self.links.append(str(known["href"]))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, "tags must be closed in order"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)


def written(source: Source, folder: Path) -> dict[str, Parsed]:
    """Write the site; no page may fail."""
    assert writing.write_site(source, folder) == []
    return read_pages(folder)


def read_pages(folder: Path) -> dict[str, Parsed]:
    """Take the pages of a site apart."""
    return {name: Parsed((folder / f"{name}.html").read_text(encoding="utf-8")) for name in PAGES}


@pytest.mark.parametrize("world", ["rich", "empty", "one_person", "untouched"])
def test_every_world_has_every_page(settings: Settings, tmp_path: Path, world: str) -> None:
    rows = {"rich": rich_world, "empty": dict, "one_person": people_told, "untouched": people_told}[world]()
    if world == "untouched":
        rows |= {"touches": [], "stage_transitions": [], "prospects": [], "mqls": [], "sqls": []}
    with opened(settings, **rows) as source:
        pages = written(source, tmp_path / "site")
    for name, page in pages.items():
        assert page.tags.count("main") == 1 and page.tags.count("h1") == 1, name
        assert len(page.ids) == len(set(page.ids)), name
        assert not page.open, name
        assert "None" not in page.text and "nan" not in page.text.lower().split(), name


def test_empty_world_says_what_is_missing_and_what_would_mend_it(settings: Settings, tmp_path: Path) -> None:
    with opened(settings) as source:
        pages = written(source, tmp_path / "site")
    assert "Nobody is in the funnel yet. Drop contacts and touches" in pages["index"].text
    assert "there is nothing to judge" in pages["outbound"].text
    assert (
        "No spend is recorded, which is not that it cost nothing. Drop campaign_spend" in pages["costs"].text
    )
    assert "No deal is recorded." in pages["costs"].text
    assert "There is not enough data to name the dominant constraint." in pages["constraint"].text
    assert "Nothing has landed yet." in pages["quality"].text
    assert "No step has been begun." in pages["velocity"].text


def test_a_report_that_is_not_published_takes_no_page_with_it(settings: Settings, tmp_path: Path) -> None:
    rows = rich_world()
    # The overview is about the first, the page on quality about the other two.
    kept = {"funnel_by_day", "quarantine", "row_reconciliation"}
    with opened(settings, **rows) as source:
        published = set(source.tables)
        for table in rows.keys() - kept:
            source.tables = published - {table}
            assert writing.write_site(source, tmp_path / table) == [], table


def test_figures_are_those_of_the_marts(settings: Settings, tmp_path: Path) -> None:
    with opened(settings, **rich_world()) as source:
        pages = written(source, tmp_path / "site")
    assert "On record are 1,200 suspects, 300 prospects, 60 MQLs and 24 SQLs." in pages["index"].text
    assert "67 % of the prospects came inbound" in pages["index"].text
    assert "17 % of prospects are MQLs within 30 days" in pages["velocity"].text
    assert (
        "4 of 24 inbound prospects closed without any outbound touch, ever, and of 3 more it is not known."
        in pages["directions"].text
    )
    assert "190 promises of 190 held; 4 rows wait in quarantine of 1,300 landed." in pages["quality"].text
    assert "Hand off sales-qualified, not handed off 7 3.0 days" in pages["index"].text


def test_more_sqls_than_mqls_are_explained_where_they_are_shown(settings: Settings, tmp_path: Path) -> None:
    with opened(settings, **rich_world()) as source:
        text = written(source, tmp_path / "site")["directions"].text
    assert "A direction may have more SQLs than MQLs, and a cheaper SQL: each entry counts where" in text


def test_overview_speaks_of_matured_rates_alone(settings: Settings, tmp_path: Path) -> None:
    """300 of 1,200 and 24 of 60 are entries of any age: no rate is made of them."""
    with opened(settings, **rich_world()) as source:
        text = written(source, tmp_path / "site")["index"].text
    assert "Prospects 300 6.2 % of outbound suspects within 90 days (5.2–8.2 %)" in text
    assert "MQLs 60 18.4 % of prospects within 90 days (17.4–20.4 %)" in text
    assert "rate of MQLs: not enough data" in text
    assert "Prospects 200 100 300 6.2 % 800 5.2–8.2 %" in text
    assert "MQLs 60 0 60 18.4 % 250 17.4–20.4 %" in text
    assert "SQLs 24 0 24 not enough data 0 –" in text
    for bare in ("25 %", "20 %", "40 %", "31.0 %"):
        assert f"{bare} of" not in text, bare


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (
            {"outbound_entries": 0, "outbound_n": 0},
            "There is no outbound prospect on record, so there is nothing to compare inbound with.",
        ),
        (
            {"outbound_entries": 12, "outbound_n": 0},
            "No outbound prospect has had the time in which an SQL is counted.",
        ),
        (
            {"outbound_entries": 12, "outbound_n": 12},
            "Too few prospects can be compared like for like: 140 inbound and 12 outbound.",
        ),
    ],
    ids=["none", "young", "few"],
)
def test_directions_that_may_not_be_judged_are_not_drawn(
    settings: Settings, tmp_path: Path, known: dict[str, int], told: str
) -> None:
    rows = rich_world()
    (step,) = rows["inbound_vs_outbound"]
    step |= {
        "inbound_compared_n": 140,
        "outbound_compared_n": known["outbound_n"],
        "comparison_verdict": "insufficient_data",
        **known,
    }
    before = {"funnel_step": "suspect_to_prospect", "comparison_verdict": "not_compared"}
    rows["inbound_vs_outbound"].append(step | before | {"inbound_n": None, "outbound_n": None})
    with opened(settings, **rows) as source:
        pages = written(source, tmp_path / "site")
    for page in (pages["directions"], pages["index"]):
        assert told in page.text
        assert "no difference" not in page.text.lower()
    assert "difference-by-step" not in pages["directions"].ids
    assert "10.0 % 180" in pages["directions"].text, "what was counted is shown all the same"


@pytest.mark.parametrize("messages", ["none", "inbound only"])
def test_overview_tells_direction_and_constraint_without_outbound(
    settings: Settings, tmp_path: Path, messages: str
) -> None:
    rows = rich_world()
    for row in rows["message_scorecard"]:
        row["direction"] = "inbound"
    if messages == "none":
        rows["message_scorecard"] = []
    with opened(settings, **rows) as source:
        text = written(source, tmp_path / "site")["index"].text
    assert "Nobody has been contacted outbound with a message" in text
    assert "outbound messages" not in text
    assert "Direction Inbound prospects become sales-qualified more often, like for like." in text
    assert "Constraint Repair offer relevance first. It would have yielded 21 SQLs more." in text


def test_every_link_leads_somewhere(settings: Settings, tmp_path: Path) -> None:
    with opened(settings, **rich_world()) as source:
        pages = written(source, tmp_path / "site")
    broken = []
    for name, page in pages.items():
        for link in page.links:
            target, _, fragment = link.partition("#")
            other = target.removesuffix(".html") or name
            if other not in pages or (fragment and fragment not in pages[other].ids):
                broken.append((name, link))
    assert broken == []


def test_every_figure_leads_to_its_definition(settings: Settings, tmp_path: Path) -> None:
    with opened(settings, **rich_world()) as source:
        pages = written(source, tmp_path / "site")
        defined = {column for columns in source.comments.values() for column in columns}
    assert anchor("within_60_days_rate") in pages["definitions"].ids
    assert "What within_60_days_rate means." in pages["definitions"].text
    linked = {link.partition("#")[2] for page in pages.values() for link in page.links}
    assert anchor("within_90_days_rate") in linked
    assert {link for link in linked if link.startswith("term-")} <= {anchor(term) for term in defined}


def test_no_figure_is_without_definition(settings: Settings, tmp_path: Path) -> None:
    with opened(settings, **rich_world()) as source:
        pages = [make(source) for _, _, make in writing._PAGES]
        published = {column for columns in source.comments.values() for column in columns}
    assert writing.used_terms(pages) <= published
    for page in pages:
        assert page.terms or not has_figure(page.finding), page.name
        for block in (block for section in page.sections for block in section.blocks):
            if isinstance(block, Figure):
                assert block.terms or not has_figure(block.caption), block.caption
            elif isinstance(block, Items):
                assert block.terms or not any(has_figure(item.text) for item in block.items), page.name
            elif isinstance(block, Tiles):
                assert all(tile.term for tile in block.tiles), page.name
    with pytest.raises(ValueError, match="names what defines them"):
        Column("People", "", True)


def has_figure(text: str) -> bool:
    return bool(re.search(r"\d", text))


def test_an_average_month_is_of_whole_months(settings: Settings, tmp_path: Path) -> None:
    rows = rich_world()
    entered = rows["funnel_by_day"][2]
    rows["funnel_by_day"] += [
        entered | {"funnel_date": f"2026-{month:02}-15", "entries": entries}
        for month, entries in ((1, 900), (2, 10), (4, 30), (5, 60))
    ]
    with opened(settings, **rows) as source:
        text = written(source, tmp_path / "site")["index"].text
    # January began before the record did, nobody came in March, and June is not over.
    assert "A month, on average of the last three whole ones: 30 prospects (before: 10)" in text


def test_rows_not_shown_are_counted_and_names_told_apart(settings: Settings, tmp_path: Path) -> None:
    rows = rich_world()
    rows["campaign_scorecard"] = [
        _message_of_campaign(f"leadproof:c{number}", "Cold mail" if number < 3 else f"Mail {number}")
        for number in range(44)
    ]
    with opened(settings, **rows) as source:
        text = written(source, tmp_path / "site")["outbound"].text
    assert "40 of 44 rows" in text and "4 more are not shown." in text
    assert "Cold mail (leadproof:c0)" in text and "Cold mail (leadproof:c1)" in text
    assert "Mail 5 Keep testing" in text


def _message_of_campaign(campaign: str, name: str) -> dict[str, object]:
    found = rich_world()["message_scorecard"][2] | {
        "cut": "campaign",
        "success_low": 0.001,
        "success_high": 0.0274,
    }
    del found["message_name"]
    return found | {"scoped_campaign_id": campaign, "campaign_name": name}


def test_a_point_beyond_the_edge_is_never_cut_off(settings: Settings, tmp_path: Path) -> None:
    rows = rich_world()
    far, farthest, *_ = rows["message_scorecard"]
    far |= {"success_rate": 0.485, "success_low": 0.1, "success_high": 0.9}
    farthest |= {"success_rate": 0.95, "success_low": 0.5, "success_high": 0.99, "promised_rate": 0.01}
    with opened(settings, **rows) as source:
        page = next(make(source) for name, _, make in writing._PAGES if name == "outbound")
    (chart,) = next(block for block in page.sections[0].blocks if isinstance(block, Figure)).charts
    layers = chart.spec["layer"]
    end = next(each for each in layers if each["mark"]["type"] == "rule" and "x2" in each["encoding"])[
        "encoding"
    ]["x"]["scale"]["domain"][1]
    drawn = {row["message"]: row["times"] for row in chart.spec["data"]["values"]}
    assert drawn[MESSAGE] == pytest.approx(9.7) and end == 15
    points = next(each for each in layers if each["mark"].get("filled") and "shape" not in each["mark"])
    assert not points["mark"].get("clip")
    arrow, label = layers[-2:]
    assert arrow["mark"]["shape"] == "triangle-right" and arrow["transform"] == [
        {"filter": "datum.high > 15"}
    ]
    assert label["transform"] == [{"filter": "datum.times > 15"}]


def test_verdicts_are_counted_as_verdicts(settings: Settings, tmp_path: Path) -> None:
    rows = rich_world()
    # Wholly below its promise, and yet not decided.
    rows["message_scorecard"][2] |= {"success_high": 0.04}
    with opened(settings, **rows) as source:
        text = written(source, tmp_path / "site")["outbound"].text
    assert (
        "Of 3 messages with a promise that can be tested, 1 kept it, 1 is not decided and 1 did not" in text
    )


def test_spend_without_a_rate_is_told_from_none(settings: Settings, tmp_path: Path) -> None:
    rows = rich_world()
    for row in rows["cost_per_stage"]:
        row |= {"spend_amount": None, "spend_status": "rate_missing"}
    with opened(settings, **rows) as source:
        text = written(source, tmp_path / "site")["costs"].text
    assert "What a stage costs cannot be said: no spend on record has an exchange rate." in text
    assert "Add its currencies to exchange_rates" in text and "no spend is recorded" not in text


def test_text_of_sources_cannot_become_markup_or_name_anybody(settings: Settings, tmp_path: Path) -> None:
    rows = rich_world()
    evil = "Ada </script><script>alert(1)</script> ada@example.com +49 170 1234567\x1b[31m\u202e"
    rows["stage_velocity"] = [
        row | {"cut": "segment", "segment": evil} for row in rows["stage_velocity"] if row["cut"] == "all"
    ]
    for table in ("message_scorecard", "cost_per_stage"):
        for row in rows.get(table, []):
            row["message_name" if table == "message_scorecard" else "campaign_name"] = evil
    with opened(settings, **rows) as source:
        written(source, tmp_path / "site")
    for name in PAGES:
        text = (tmp_path / "site" / f"{name}.html").read_text(encoding="utf-8")
        assert "<script>alert" not in text, name
        assert "ada@example.com" not in text and "1234567" not in text, name
        assert "\x1b" not in text and "\u202e" not in text, name
    assert "(hidden)" in (tmp_path / "site" / "velocity.html").read_text(encoding="utf-8")


def test_pages_are_the_same_each_time_and_fetch_nothing(settings: Settings, tmp_path: Path) -> None:
    with opened(settings, **rich_world()) as source:
        written(source, tmp_path / "one")
        written(source, tmp_path / "other")
    for name in PAGES:
        text = (tmp_path / "one" / f"{name}.html").read_text(encoding="utf-8")
        assert text == (tmp_path / "other" / f"{name}.html").read_text(encoding="utf-8")
        assert not re.search(r"""(?:src|href)=["'](?:https?:|//)|url\((?!data:)|@import""", text), name
        assert "default-src 'none'" in text


def test_catalogue_of_tables_fetches_nothing(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    metadata = {"project_name": "leadproof", "adapter_type": "duckdb"}
    manifest.write_text(json.dumps({"metadata": metadata, "nodes": {}, "sources": {}}), encoding="utf-8")
    page = catalogue_page(manifest)
    assert page is not None
    head = page.partition("<script")[0]
    assert "default-src 'none'" in head
    icons = re.findall(r"""<link rel="[a-z ]*icon"[^>]*>""", head)
    assert icons == ['<link rel="icon" href="data:,">']


def test_a_page_that_cannot_be_made_says_so_and_keeps_nothing_else_back(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(source: Source) -> None:
        raise ValueError("no")

    pages = tuple((name, title, fails if name == "costs" else make) for name, title, make in writing._PAGES)
    monkeypatch.setattr(writing, "_PAGES", pages)
    with opened(settings, **rich_world()) as source:
        assert writing.write_site(source, tmp_path) == [tmp_path / "costs.html"]
    assert "This report could not be made." in (tmp_path / "costs.html").read_text(encoding="utf-8")
    assert "1,200" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_policy_is_told_in_words_without_naming_whom_it_excludes(settings: Settings, tmp_path: Path) -> None:
    policy = tmp_path / "policy"
    policy.mkdir()
    (policy / "exclusions.csv").write_text(
        "kind,pattern,reason,comment\nemail,rival@example.com,competitor,Why.\nemail,other@example.com,competitor,Why.\n"
    )
    (policy / "stage_policy.csv").write_text(
        "key,value,effective_from,effective_to,comment\n"
        "mql_min_score,40,2000-01-01T00:00:00,2026-06-01T00:00:00,Before.\n"
        "mql_min_score,60,2026-06-01T00:00:00,2026-12-01T00:00:00,Now.\n"
        "mql_min_score,90,2026-12-01T00:00:00,,Later.\n"
    )
    with opened(settings, policy, **rich_world()) as source:
        pages = written(source, tmp_path / "site")
    assert "a score of 60," in pages["definitions"].text
    assert "Competitor email 2" in pages["definitions"].text
    assert "rival" not in pages["definitions"].text


def test_scripts_are_put_together_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path))
    calls = []

    def bundle() -> str:
        calls.append(1)
        return "window.vegaEmbed = '</script>';"

    monkeypatch.setattr("vl_convert.javascript_bundle", bundle)
    first = scripts.chart_script()
    assert scripts.chart_script() == first and len(calls) == 1
    assert "</script" not in first


def test_ended_tests_are_told_from_running_ones(settings: Settings, tmp_path: Path) -> None:
    rows = rich_world()
    over = {"ended_at": "2026-06-01", "ended_because": "campaign_over"}
    for row in rows["message_scorecard"]:
        if row["verdict"] == "keep_testing":
            row |= over
    log = {"direction": "outbound", "cut": "direction × message", "subject": "Customer quote"}
    rows["hypothesis_log"] = [
        {
            **log,
            "test_id": "t1",
            "verdict": "keep_testing",
            "learned": "Ended undecided: quotes help.",
            **over,
        },
        {**log, "test_id": "t2", "verdict": "stop", "verdict_sentence": "Quote: 0 of 900 clicked. Stop it."},
    ]
    with opened(settings, **rows) as source:
        pages = written(source, tmp_path / "site")
    outbound = pages["outbound"].text
    assert "1 message ended undecided" in outbound and "Keep testing 0" in outbound
    assert "Quote: 0 of 900 clicked. Stop it." in outbound
    assert "Ended undecided 1" in pages["index"].text


def test_message_of_the_source_is_written_as_text(settings: Settings, tmp_path: Path) -> None:
    with opened(settings, **rich_world()) as source:
        pages = written(source, tmp_path / "site")
    assert f"Scale “{MESSAGE}”; stop “Straight pitch”" in pages["outbound"].text


def test_spend_without_a_rate_is_not_told_as_none_or_nothing(settings: Settings, tmp_path: Path) -> None:
    rows = rich_world()
    unknown = {"cost_per_prospect": None, "cost_per_mql": None, "cost_per_sql": None}
    rows["cost_per_stage"] = [
        row | unknown | {"spend_amount": 0, "spend_status": "rate_missing"} for row in rows["cost_per_stage"]
    ]
    rows["inbound_vs_outbound"] = [
        row | {"inbound_spend_status": "recorded", "outbound_spend_status": "rate_missing"}
        for row in rows["inbound_vs_outbound"]
    ]
    with opened(settings, **rows) as source:
        pages = written(source, tmp_path / "site")
    assert "None of the spend on record has an exchange rate" in pages["costs"].text
    assert "No spend is recorded, which" not in pages["costs"].text
    assert "Some spend has no exchange rate, so amounts are too low." in pages["directions"].text


def test_directions_say_nothing_of_rates_that_are_known(settings: Settings, tmp_path: Path) -> None:
    with opened(settings, **rich_world()) as source:
        pages = written(source, tmp_path / "site")
    assert "exchange rate" not in pages["directions"].text


@pytest.mark.parametrize(
    ("zone", "recent", "this_month"), [("UTC", "1,000", 6), ("Pacific/Kiritimati", "0", 7)]
)
def test_windows_of_the_overview_end_on_the_local_day(
    settings: Settings, tmp_path: Path, zone: str, recent: str, this_month: int
) -> None:
    """At the release's as-of, noon of 30 June, July has begun on Kiritimati."""
    policy = tmp_path / "policy"
    policy.mkdir()
    (policy / "reporting.csv").write_text(f"key,value,comment\ntime_zone,{zone},A test.\n", encoding="utf-8")
    suspects, *_ = rich_world()["funnel_by_day"]
    months = [
        suspects | {"funnel_date": f"2026-{month:02}-01", "stage": "prospect", "entries": 100 * month}
        for month in (3, 4, 5, 6)
    ]
    rows = {"funnel_by_day": [suspects | {"funnel_date": "2026-06-03"}, *months]}
    with opened(settings, policy, **rows) as source:
        assert source.as_of_date.month == this_month
        page = written(source, tmp_path / "site")["index"]
    assert f"{recent} in the last 28 days" in page.text
    # June is over where July has begun.
    told = "Fewer than four whole months" in page.text
    assert told == (this_month == 6)
