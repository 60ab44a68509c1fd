"""Data Docs: Great Expectations' own pages of the last audit, made readable without a network.

The pages as rendered fetch scripts, styles and a logo that names the context from other hosts. All of
that is taken out, one style sheet is put in, and the start page, empty without scripts, is written here.
"""

import html
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from expectations.audit import warm_up
from orchestration.errors import LeadproofError

_STYLE = Path(__file__).with_name("docs.css")
_REMOTE = r"""["'](?:https?:)?//[^"']*["']"""
_REMOVED = (
    re.compile(r"<script\b.*?</script>", re.DOTALL | re.IGNORECASE),
    re.compile(r"<style\b.*?</style>", re.DOTALL | re.IGNORECASE),
    re.compile(r"<link\b[^>]*>", re.DOTALL | re.IGNORECASE),
    re.compile(rf"<(?:img|iframe|source)\b[^>]*{_REMOTE}[^>]*>", re.DOTALL | re.IGNORECASE),
    re.compile(r"<footer\b.*?</footer>", re.DOTALL | re.IGNORECASE),
    # The only folded part of a page is taken out, so its link would do nothing.
    re.compile(r"<a data-toggle=\"collapse\".*?</a>", re.DOTALL | re.IGNORECASE),
    re.compile(r"\son[a-z]+=\"[^\"]*\"", re.IGNORECASE),
)
_FOLDED = re.compile(r"<div\b[^>]*\bclass=\"[^\"]*\bcollapse\b[^>]*>", re.IGNORECASE)
_DIV = re.compile(r"</?div\b[^>]*>", re.IGNORECASE)


def build_data_docs(context_dir: Path, out_dir: Path) -> Path:
    """Write the Data Docs of the audit whose Data Context lies in a folder.

    Args:
        context_dir: The folder that was given to ``run_audit``.
        out_dir: Folder for the pages; what lay in it is replaced.

    Returns:
        The start page.

    Raises:
        LeadproofError: If the folder holds no Data Context.
    """
    if not (context_dir / "gx" / "great_expectations.yml").is_file():
        raise LeadproofError(
            f"There is no Data Context in {context_dir}.", "Run the audit with this context folder first."
        )
    warm_up()
    import great_expectations as gx

    from expectations.context import SITE

    context = gx.get_context(mode="file", project_root_dir=context_dir)
    context.build_data_docs(site_names=[SITE])
    rendered = context_dir / "gx" / "uncommitted" / "data_docs"
    fresh = out_dir.with_name(f".{out_dir.name}.{os.getpid()}.tmp")
    shutil.rmtree(fresh, ignore_errors=True)
    style = _STYLE.read_text(encoding="utf-8")
    for page in sorted(rendered.rglob("*.html")):
        target = fresh / page.relative_to(rendered)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self_contained(page.read_text(encoding="utf-8"), style), encoding="utf-8")
    start = fresh / "index.html"
    start.write_text(_start_page(context_dir, fresh, style), encoding="utf-8")
    if out_dir.exists():
        shutil.rmtree(out_dir)
    fresh.replace(out_dir)
    return out_dir / "index.html"


def self_contained(page: str, style: str) -> str:
    """Take everything out of a page that would be fetched or run, and put a style sheet in.

    Args:
        page: The HTML that Great Expectations rendered.
        style: The style sheet.

    Returns:
        HTML that a browser shows without opening a connection.
    """
    for pattern in _REMOVED:
        page = pattern.sub("", page)
    page = _without_folded_parts(page)
    return page.replace("</head>", f"<style>\n{style}</style>\n</head>", 1)


def _without_folded_parts(page: str) -> str:
    """Take out what is folded up: the engine's own notes of the run, in words that say nothing to people."""
    while folded := _FOLDED.search(page):
        depth, end = 0, folded.start()
        for tag in _DIV.finditer(page, folded.start()):
            depth += -1 if tag.group().startswith("</") else 1
            end = tag.end()
            if not depth:
                break
        page = page[: folded.start()] + page[end:]
    return page


def _start_page(context_dir: Path, site: Path, style: str) -> str:
    rows = "\n".join(_rows(context_dir, site))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8">
<meta name="viewport" content="width=device-width, initial-scale=1.0">
<title>Data Docs of the last audit</title>
<style>
{style}</style>
</head>
<body>
<main class="container-fluid">
<h1>Data Docs of the last audit</h1>
<p>Each table's expectations and what came of them: counts and keys, no values. Whether the build may be
published is decided in its audit record, which also counts tables that are missing.</p>
<table class="table main-index">
<thead><tr><th>Status</th><th>Table</th><th>Held</th><th>Pages</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</main>
</body>
</html>
"""


def _rows(context_dir: Path, site: Path) -> Iterator[str]:
    stored = context_dir / "gx" / "uncommitted" / "validations"
    for path in sorted(stored.rglob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        name = html.escape(result["suite_name"])
        counts = result["statistics"]
        page = (site / "validations" / path.relative_to(stored)).with_suffix(".html")
        held = f"{counts['successful_expectations']} of {counts['evaluated_expectations']}"
        status = ("text-success", "passed") if result["success"] else ("text-danger", "failed")
        yield (
            f'<tr><td class="{status[0]}">{status[1]}</td><td>{name}</td><td>{held}</td>'
            f'<td><a href="{html.escape(page.relative_to(site).as_posix())}">results</a> '
            f'<a href="expectations/{name}.html">expectations</a></td></tr>'
        )
