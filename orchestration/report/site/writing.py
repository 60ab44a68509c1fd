"""Writes the site: pages from what they tell, the scripts inlined, dbt's documentation beside them."""

import json
import logging
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from orchestration.report.rendering import environment, harmless, write_page
from orchestration.report.site.charts import plain
from orchestration.report.site.constraint import constraint
from orchestration.report.site.costs import costs
from orchestration.report.site.definitions import definitions
from orchestration.report.site.directions import directions
from orchestration.report.site.outbound import outbound
from orchestration.report.site.overview import overview
from orchestration.report.site.parts import Figure, Gap, Items, Page, Section, Table, Tiles, kind_of
from orchestration.report.site.quality import quality
from orchestration.report.site.scripts import chart_script, page_script, source_hash
from orchestration.report.site.source import Source
from orchestration.report.site.velocity import velocity
from orchestration.report.words import minute

SITE = "site"
_LOG = logging.getLogger(__name__)
_PAGES: tuple[tuple[str, str, Callable[[Source], Page]], ...] = (
    ("index", "Overview", overview),
    ("outbound", "Outbound control room", outbound),
    ("directions", "Inbound and outbound", directions),
    ("velocity", "Velocity", velocity),
    ("costs", "Costs and credit", costs),
    ("constraint", "Constraint", constraint),
    ("quality", "Data quality", quality),
)


def write_site(source: Source, folder: Path, catalogue: str | None = None) -> list[Path]:
    """Write the pages of a release.

    Args:
        source: The release.
        folder: Where to; what lies there under the same names is replaced.
        catalogue: dbt's documentation as one page; None leaves it out.

    Returns:
        The pages that could not be made and say so; empty if all is well.
    """
    pages, failed = [], []
    for name, title, make in _PAGES:
        try:
            pages.append(make(source))
        except Exception:
            # One report that cannot be told must keep neither the release nor the other reports back.
            _LOG.exception("The page %s of release %s could not be made.", name, source.release_id)
            pages.append(_unmade(name, title))
            failed.append(folder / f"{name}.html")
    terms = used_terms(pages)
    known = {term for term in terms if any(term in columns for columns in source.comments.values())}
    pages.append(definitions(source, known))
    known |= {
        term
        for term in used_terms(pages[-1:])
        if any(term in columns for columns in source.comments.values()) and term in terms
    }
    site = {
        "pages": pages,
        "release_id": source.release_id,
        "build_id": source.build_id,
        "as_of": minute(source.as_of),
        "published_at": minute(source.published_at),
        "code_version": source.code_version,
        "terms": known,
        "has_catalogue": catalogue is not None,
    }
    for page in pages:
        write_page(folder / f"{page.name}.html", _render(page, site))
    if catalogue is not None:
        write_page(folder / "catalogue.html", catalogue)
    return failed


def used_terms(pages: Sequence[Page]) -> set[str]:
    """List the published columns to which pages refer for what a figure means.

    Args:
        pages: The pages.

    Returns:
        Names of columns.
    """
    found: set[str] = set()
    for page in pages:
        found |= {term for _, term in page.terms}
        for section in page.sections:
            for block in section.blocks:
                if isinstance(block, Figure | Items):
                    found |= {term for _, term in block.terms}
                table = block.table if isinstance(block, Figure) else block
                if isinstance(table, Table):
                    found |= {column.term for column in table.columns}
                elif isinstance(table, Tiles):
                    found |= {term for tile in table.tiles for term in (tile.term, tile.rate_term)}
    return found - {""}


def _unmade(name: str, title: str) -> Page:
    gap = Gap(
        "This report could not be made.",
        "The build's log says why; leadproof report --out writes the pages of this release again.",
    )
    return Page(name, title, f"{title}: not available in this release.", [Section("missing", title, [gap])])


def _render(page: Page, site: dict[str, Any]) -> str:
    charts, drawing = (chart_script(), page_script()) if page.has_charts else ("", "")
    hashes = f"{source_hash(charts)} {source_hash(drawing)}" if page.has_charts else ""
    return (
        _environment()
        .get_template("site/page.html.j2")
        .render(
            page=page,
            site=site,
            # Both are this project's, not a source's.
            chart_script=Markup(charts),
            page_script=Markup(drawing),
            script_hashes=Markup(hashes),
        )
    )


@cache
def _environment() -> jinja2.Environment:
    found = environment().overlay(finalize=_set)
    filters: dict[str, Callable[..., Any]] = {
        "role": lambda tone: tone.replace("_", "-"),
        "data": _data,
        "coded": _coded,
    }
    found.filters = environment().filters | filters
    found.globals = environment().globals | {"kind_of": kind_of}
    return found


def _set(value: Any) -> Any:
    """Keep a number and its sign on one line."""
    shown = harmless(value)
    if not isinstance(shown, str) or hasattr(shown, "__html__"):
        return shown
    return shown.replace(" %", "\N{NO-BREAK SPACE}%")


def _coded(text: str) -> Markup:
    """Set what stands between backticks as code."""
    parts = harmless(text).split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 and number < len(parts) - 1 else part
        for number, part in enumerate(parts)
    )


def _data(spec: dict[str, Any]) -> Markup:
    """Write a drawing's data so that nothing in it can end the script it stands in, or name a person."""
    text = json.dumps(_harmless(plain(spec)), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(
        text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e").replace("'", "\\u0027")
    )


def _harmless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _harmless(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_harmless(each) for each in value]
    return harmless(value)
