"""What each page says where something is missing, over what the compiled models make of such worlds."""

import csv
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestration.landing import load_landing
from orchestration.report.site import writing
from orchestration.settings import Settings
from tests.integration.compiled_world import AS_OF, BUILD_ID, GOLDEN, CompiledWorld
from tests.integration.harness import begin_build, connect, fetch, load_policy, make_warehouse
from tests.unit.report.site_world import opened_build
from tests.unit.report.test_site_pages import Parsed, read_pages

pytestmark = pytest.mark.slow
Row = dict[str, str]
Kept = Callable[[str, Row], bool]
"""Whether a world keeps a row of a table."""


def keep_rows(landing: Path, keeps: Kept) -> None:
    """Leave out what a world does not have, before anything has landed."""
    for path in landing.rglob("*.csv"):
        with path.open(encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines)
            # Lines of another length are there to be rejected; they are nobody's.
            rows = [row for row in reader if None not in row and None not in row.values()]
            names = list(reader.fieldnames or [])
        table = path.relative_to(landing).parts[1]
        with path.open("w", encoding="utf-8", newline="") as lines:
            writer = csv.DictWriter(lines, names)
            writer.writeheader()
            writer.writerows(row for row in rows if keeps(table, row))


def made(compiled: CompiledWorld, folder: Path, keeps: Kept) -> Settings:
    """Land what a world keeps, run every model, write the pages."""
    settings = make_warehouse(folder, folder / "landing")
    shutil.copytree(GOLDEN / "landing", settings.landing)
    keep_rows(settings.landing, keeps)
    shutil.copyfile(compiled.settings.build_db, settings.build_db)
    load_landing(settings, now=AS_OF)
    load_policy(settings, GOLDEN / "policy")
    begin_build(settings, AS_OF, BUILD_ID)
    with connect(settings) as database:
        compiled.run_models(database)
    with opened_build(settings, GOLDEN / "policy", build_id=BUILD_ID) as source:
        assert writing.write_site(source, folder / "site") == []
    return settings


def inbound_touches(settings: Settings) -> set[str]:
    """Ids of the inbound touches of the canonical system."""
    rows = fetch(settings, "select touch_id from marts.touches where direction = 'inbound'")
    return {row["touch_id"].removeprefix("leadproof:") for row in rows}


@pytest.fixture(scope="module")
def worlds(
    empty_compiled_world: CompiledWorld, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, dict[str, Parsed]]]:
    """The pages of each world, made once."""
    root = tmp_path_factory.mktemp("site_worlds")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(writing, "chart_script", lambda: "window.drawn = 0;")
        whole = made(empty_compiled_world, root / "whole", lambda table, row: True)
        inbound = inbound_touches(whole)
        keeps: dict[str, Kept] = {
            "without outbound": lambda table, row: table != "touches" or row["source_touch_id"] in inbound,
            "without spend": lambda table, row: table != "campaign_spend",
            "without deals": lambda table, row: table != "deals",
            "one person": lambda table, row: row.get("source_contact_id") == "c-first-response",
            "nobody": lambda table, row: False,
        }
        for name, keep in keeps.items():
            made(empty_compiled_world, root / name, keep)
    yield {name: read_pages(root / name / "site") for name in ("whole", *keeps)}
    shutil.rmtree(root)


def test_whole_world_misses_none_of_it(worlds: dict[str, dict[str, Parsed]]) -> None:
    pages = worlds["whole"]
    for page, gap in (
        ("index", "Nobody has been contacted outbound"),
        ("outbound", "Nobody has been contacted outbound"),
        ("directions", "There is no outbound prospect"),
        ("velocity", "Nothing outbound is on record"),
        ("costs", "No spend is recorded"),
        ("costs", "No deal is recorded"),
    ):
        assert gap not in pages[page].text


@pytest.mark.parametrize("page", ["index", "outbound"])
def test_without_outbound_no_message_is_judged(worlds: dict[str, dict[str, Parsed]], page: str) -> None:
    text = worlds["without outbound"][page].text
    assert "Nobody has been contacted outbound with a message, so there is nothing to judge." in text
    assert "outbound messages" not in text


def test_without_outbound_directions_are_not_compared(worlds: dict[str, dict[str, Parsed]]) -> None:
    pages = worlds["without outbound"]
    missing = "There is no outbound prospect on record, so there is nothing to compare inbound with."
    assert missing in pages["directions"].text
    assert f"Direction {missing}" in pages["index"].text
    assert "Constraint There is not enough data" in pages["index"].text
    assert "difference-by-step" not in pages["directions"].ids
    assert "no difference is shown" not in pages["directions"].text
    assert "Nothing outbound is on record, so it has no curve." in pages["velocity"].text


def test_without_spend_nothing_has_a_cost(worlds: dict[str, dict[str, Parsed]]) -> None:
    pages = worlds["without spend"]
    assert "What a stage costs cannot be said: no spend is recorded." in pages["costs"].text
    assert pages["costs"].text.count("No spend is recorded, which is not that it cost nothing.") == 1
    assert "No spend of either direction is on record, so no cost can be said." in pages["directions"].text
    assert "credit-by-campaign" in pages["costs"].ids, "credit takes no money"


def test_without_deals_all_else_is_said_as_ever(worlds: dict[str, dict[str, Parsed]]) -> None:
    told, whole = worlds["without deals"], worlds["whole"]
    assert "No deal is recorded." in told["costs"].text
    for page in ("index", "outbound", "directions", "velocity", "constraint"):
        assert told[page].text == whole[page].text, page


def test_one_person_is_no_ground_for_rates_or_verdicts(worlds: dict[str, dict[str, Parsed]]) -> None:
    pages = worlds["one person"]
    assert "On record are 1 suspect, 1 prospect, 0 MQLs and 0 SQLs." in pages["index"].text
    assert "rate of prospects: not enough data" in pages["index"].text
    assert "There is no outbound to judge." in pages["outbound"].text
    assert "No step has been followed long enough to be timed." in pages["velocity"].text
    assert "No prospect has had the time in which the levers are judged." in pages["constraint"].text
    assert "There is no SQL yet to share the credit of." in pages["costs"].text
    assert "Nobody is sales-qualified yet" in pages["directions"].text


def test_nobody_leaves_every_page_with_what_would_mend_it(worlds: dict[str, dict[str, Parsed]]) -> None:
    pages = worlds["nobody"]
    assert "Nobody is in the funnel yet. Drop contacts and touches" in pages["index"].text
    assert "Record company touches with a campaign" in pages["outbound"].text
    assert "There is neither an inbound nor an outbound prospect to compare." in pages["directions"].text
    assert "No step has been begun. Record touches" in pages["velocity"].text
    assert "Drop campaign_spend into the landing folder" in pages["costs"].text
    assert "No prospect has had the time" in pages["constraint"].text
    assert "Drop files into the landing folder" in pages["quality"].text


def test_every_world_has_sound_pages(worlds: dict[str, dict[str, Parsed]]) -> None:
    for world, pages in worlds.items():
        for name, page in pages.items():
            place = f"{world}, {name}"
            assert len(page.ids) == len(set(page.ids)) and not page.open, place
            assert "This report could not be made." not in page.text, place
            assert not re.search(r"\bNone\b|\bnan\b|\(all\)|[-\N{MINUS SIGN}]0\.0(?!\d)", page.text), place
            linked = [link.partition("#")[2] for link in page.links if "#term-" in link]
            assert set(linked) <= set(pages["definitions"].ids), place
