"""The site as a reader opens it: from the disk, in Chromium, wide and narrow."""

import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from orchestration.report.site import writing
from orchestration.report.site.catalogue import catalogue_page
from tests.fixtures.release_world import make_settings
from tests.integration.compiled_world import CompiledWorld
from tests.unit.report.site_world import opened, rich_world

pytestmark = pytest.mark.slow
PAGES = ("index", "outbound", "directions", "velocity", "costs", "constraint", "quality", "definitions")
WIDTHS = (1440, 390)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
READABLE = 4.5
"""Least contrast of running text by WCAG 2.2, level AA; 3 from 24 pixels on."""

CONTRASTS = """
() => {
  const parse = (text) => {
    const found = text.match(/[\\d.]+/g).map(Number);
    return {rgb: found.slice(0, 3), alpha: found.length > 3 ? found[3] : 1};
  };
  const light = ([r, g, b]) => {
    const parts = [r, g, b].map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const found = parse(getComputedStyle(each).backgroundColor);
      if (found.alpha > 0) return found.rgb;
    }
    return [255, 255, 255];
  };
  const weak = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.closest("script, style, .unseen, .skip")) continue;
    const style = getComputedStyle(element);
    // Text of a drawing is filled, all other text is coloured.
    const one = light(parse(element.closest("svg") ? style.fill : style.color).rgb);
    const other = light(ground(element));
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < (parseFloat(style.fontSize) >= 24 ? 3 : READABLE)) {
      const where = `${element.tagName}.${element.className}`;
      weak.push(`${where}: ${contrast.toFixed(2)} ${element.textContent.slice(0, 40)}`);
    }
  }
  return weak;
}
""".replace("READABLE", str(READABLE))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("No Chromium on the PATH; on Debian: apt-get install chromium.")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory, empty_compiled_world: CompiledWorld) -> dict[str, Path]:
    """The site of a release with figures in every report, and of one with nothing in it."""
    written = {}
    catalogue = catalogue_page(empty_compiled_world.settings.warehouse / "target" / "manifest.json")
    assert catalogue is not None
    for name, rows in (("rich", rich_world()), ("empty", {})):
        folder = tmp_path_factory.mktemp(name)
        with opened(make_settings(folder), **rows) as source:
            assert writing.write_site(source, folder / "site", catalogue) == []
        written[name] = folder / "site"
    return written


class _Reader:
    """A tab that notes whatever it should not have to do."""

    def __init__(self, browser: Any, width: int, scheme: str = "light") -> None:
        self.complaints: list[str] = []
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("requestfailed", lambda request: self.complaints.append(f"failed: {request.url}"))
        self.page.on("request", self._note)

    def _note(self, request: Any) -> None:
        if not request.url.startswith(("file://", "data:")):
            self.complaints.append(f"request: {request.url}")

    def open(self, page: Path) -> Any:
        self.page.goto(page.as_uri())
        if self.page.locator("[data-chart]").count():
            self.page.wait_for_selector("html[data-drawn]", state="attached", timeout=60_000)
        return self.page


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("world", ["rich", "empty"])
def test_every_page_opens_without_complaint_and_fits(
    browser: Any, sites: dict[str, Path], world: str, width: int
) -> None:
    reader = _Reader(browser, width)
    for name in PAGES:
        page = reader.open(sites[world] / f"{name}.html")
        assert page.locator("main").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} scrolls sideways"
        for number in range(page.locator("[data-chart]").count()):
            drawing = page.locator("[data-chart]").nth(number)
            assert drawing.locator("svg").count() == 1, f"{name}: drawing {number} is empty"
            assert drawing.bounding_box()["height"] > 40, name
    assert reader.complaints == []
    reader.context.close()


def test_every_link_can_be_followed(browser: Any, sites: dict[str, Path]) -> None:
    reader = _Reader(browser, 1440)
    for name in PAGES:
        page = reader.open(sites["rich"] / f"{name}.html")
        links = page.eval_on_selector_all("a[href]", "all => [...new Set(all.map((each) => each.href))]")
        assert any(link.endswith("/catalogue.html") for link in links)
        for link in links:
            page.goto(link)
            anchor = link.partition("#")[2]
            if link.endswith("/catalogue.html"):
                # dbt's page writes itself; it has no element of ours.
                page.goto(f"{link}#!/model/model.leadproof.suspects")
                page.get_by_text("A name on a list is not a lead").first.wait_for()
                continue
            assert page.locator("main").count() == 1, link
            assert not anchor or page.locator(f"[id='{anchor}']").count() == 1, link
    assert reader.complaints == []
    reader.context.close()


def test_figures_on_the_page_are_those_of_the_mart(browser: Any, sites: dict[str, Path]) -> None:
    reader = _Reader(browser, 1440)
    page = reader.open(sites["rich"] / "index.html")
    shown = {
        " ".join(tile.locator("dt").inner_text().split()): tile.locator(".value").inner_text()
        for tile in page.locator("#funnel .tile").all()
    }
    rows = rich_world()["funnel_by_day"]
    names = {"Suspects": "suspect", "Prospects": "prospect", "MQLs": "mql", "SQLs": "sql"}
    assert shown == {
        name: f"{sum(row['entries'] for row in rows if row['stage'] == stage):,}"
        for name, stage in names.items()
    }
    # The drawing says the same: the sums at the ends of its bars.
    drawn = page.locator("#funnel-by-direction svg text").all_text_contents()
    assert set(shown.values()) <= {text.strip() for text in drawn}
    page.locator("#funnel-by-direction summary").click()
    table = page.locator("#funnel-by-direction-table")
    assert table.is_visible()
    assert table.locator("tbody tr").nth(1).inner_text().split() == [
        "Prospects",
        "200",
        "100",
        "300",
        "6.2",
        "%",
        "800",
        "5.2–8.2",
        "%",
    ]
    reader.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_can_be_read_by_ear_and_by_weak_eyes(browser: Any, sites: dict[str, Path], scheme: str) -> None:
    reader = _Reader(browser, 1440, scheme)
    for name in PAGES:
        page = reader.open(sites["rich"] / f"{name}.html")
        page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        assert page.evaluate("document.documentElement.lang") == "en"
        assert page.locator("h1").count() == 1 and page.locator("main").count() == 1
        assert page.locator("nav:not([aria-label])").count() == 0
        assert page.locator("main table:not(:has(caption))").count() == 0
        assert page.locator("thead th:not([scope=col])").count() == 0
        assert page.locator("tbody tr:not(:has(> th[scope=row], > td[colspan]))").count() == 0
        labels = page.eval_on_selector_all("[data-chart]", "all => all.map((each) => each.ariaLabel)")
        for label in labels:
            assert len(label) > 40, name
        headings = "all => all.map((each) => Number(each.tagName[1]))"
        levels = page.eval_on_selector_all("h1,h2,h3,h4", headings)
        assert all(later - earlier <= 1 for earlier, later in pairwise(levels)), name
        assert page.evaluate(CONTRASTS) == [], name
    reader.context.close()


def test_tables_speak_where_scripts_do_not_run(browser: Any, sites: dict[str, Path]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((sites["rich"] / "velocity.html").as_uri())
    assert page.locator("#steps-by-day-table").is_visible()
    context.close()


def test_print_opens_every_table(browser: Any, sites: dict[str, Path], tmp_path: Path) -> None:
    reader = _Reader(browser, 1440)
    page = reader.open(sites["rich"] / "velocity.html")
    assert not page.locator("#steps-by-day-table").is_visible()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#steps-by-day-table").is_visible()
    assert not page.locator("nav").first.is_visible()
    paper = page.pdf()
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) >= 1
    reader.context.close()


def test_security_policy_keeps_other_scripts_out(
    browser: Any, sites: dict[str, Path], tmp_path: Path
) -> None:
    text = (sites["rich"] / "index.html").read_text(encoding="utf-8")
    forged = tmp_path / "index.html"
    before, end, after = text.rpartition("</body>")
    forged.write_text(f"{before}<script>document.title = 'forged'</script>{end}{after}", encoding="utf-8")
    reader = _Reader(browser, 1440)
    page = reader.open(forged)
    assert page.title() != "forged"
    assert any("Content Security Policy" in each for each in reader.complaints)
    reader.context.close()
