"""dbt's documentation as one page, made from the manifest that is there: no query, no second run of dbt."""

import importlib.util
import json
import logging
import re
from pathlib import Path
from typing import Any

from orchestration.dbt import manifest_path

_LOG = logging.getLogger(__name__)
_POLICY = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'"
    " 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: 'self'; font-src data:; base-uri 'none'\">"
)
_ICON = re.compile(r'<link rel="shortcut icon"[^>]*>')
_KEPT = (
    "metadata",
    "nodes",
    "sources",
    "macros",
    "docs",
    "exposures",
    "metrics",
    "groups",
    "semantic_models",
    "parent_map",
    "child_map",
)
_PRIVATE = (
    "root_path",
    "build_path",
    "compiled_path",
    "created_at",
    "compiled_code",
    "relation_name",
    "checksum",
)


def catalogue_page(manifest: Path | None = None) -> str | None:
    """Make dbt's documentation of every table and column.

    ``dbt docs generate --static`` takes ten seconds, for it asks the database for the columns; the contracts
    state them already.

    Args:
        manifest: dbt's manifest; by default the one that the build was made with.

    Returns:
        A page that fetches nothing; None where there is no manifest, or dbt brings no such page.
    """
    path = manifest or manifest_path()
    package = importlib.util.find_spec("dbt.task.docs")
    places = list(package.submodule_search_locations or []) if package else []
    template = Path(places[0]) / "index.html" if places else None
    if template is None or not template.is_file() or not path.is_file():
        _LOG.warning("dbt's documentation is left out of the site: there is no manifest, or no page for it.")
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    page = template.read_text(encoding="utf-8")
    for mark, data in (("MANIFEST.JSON", _shortened(content)), ("CATALOG.JSON", _catalogue(content))):
        text = json.dumps(data, separators=(",", ":")).replace("</", "<\\/").replace("<!--", "<\\!--")
        page = page.replace(f'"{mark} INLINE DATA"', text)
    # Before its script has filled it in, the browser would look for a picture of that name.
    page = page.replace('xlink:href="{{', 'ng-attr-xlink:href="{{')
    # dbt's own build has left the icon's name unfilled, and without any a browser asks the server for one.
    page = _ICON.sub('<link rel="icon" href="data:,">', page, count=1)
    return page.replace("<head>", f"<head>{_POLICY}", 1)


def _shortened(manifest: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is the machine's, what changes without a reason, and other packages' macros."""
    metadata = manifest["metadata"]
    own = metadata["project_name"]
    kept = {name: manifest.get(name, {}) for name in _KEPT}
    kept["metadata"] = {
        name: metadata.get(name)
        for name in ("dbt_schema_version", "dbt_version", "project_name", "project_id", "adapter_type")
    } | {"send_anonymous_usage_stats": False, "generated_at": None}
    kept["macros"] = {
        name: macro for name, macro in kept["macros"].items() if macro.get("package_name") == own
    }
    kept["docs"] = {name: doc for name, doc in kept["docs"].items() if doc.get("package_name") == own}
    for kind in ("nodes", "sources", "macros"):
        kept[kind] = {
            name: {key: value for key, value in node.items() if key not in _PRIVATE}
            for name, node in kept[kind].items()
        }
    return kept


def _catalogue(manifest: dict[str, Any]) -> dict[str, Any]:
    """Say what a catalogue would, from what contracts declare."""

    def relation(node: dict[str, Any]) -> dict[str, Any]:
        return {
            "unique_id": node["unique_id"],
            "metadata": {
                "type": (node.get("config") or {}).get("materialized") or "table",
                "database": node.get("database"),
                "schema": node.get("schema"),
                "name": node.get("alias") or node.get("name"),
                "owner": "",
                "comment": None,
            },
            "columns": {
                name: {"name": name, "index": index, "type": column.get("data_type") or "", "comment": None}
                for index, (name, column) in enumerate((node.get("columns") or {}).items(), start=1)
            },
            "stats": {},
        }

    return {
        "metadata": {
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json",
            "generated_at": None,
        },
        "nodes": {
            name: relation(node)
            for name, node in manifest["nodes"].items()
            if node["resource_type"] in ("model", "seed", "snapshot")
        },
        "sources": {name: relation(node) for name, node in manifest["sources"].items()},
        "errors": None,
    }
