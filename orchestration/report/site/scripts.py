"""The scripts that pages carry: Vega, Vega-Lite and Vega-Embed as one text, kept from build to build."""

import base64
import hashlib
import os
from importlib.metadata import version
from pathlib import Path

from orchestration.dbt import target_path


def chart_script() -> str:
    """Give Vega, Vega-Lite and Vega-Embed as one script that sets ``window.vegaEmbed``.

    Putting it together takes seconds, so it is kept beside dbt's manifest, under its version.

    Returns:
        JavaScript, fit to stand inside a page.
    """
    kept = target_path() / f"vega-{version('vl-convert-python')}.js"
    if kept.is_file():
        return kept.read_text(encoding="utf-8")
    import vl_convert

    bundle = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stub omits the default
    # In a function of its own, so that its names do not become the page's.
    script = f"(()=>{{{bundle}\n}})();".replace("</script", "<\\/script").replace("<!--", "<\\!--")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        beside = kept.with_name(f".{kept.name}.{os.getpid()}")
        beside.write_text(script, encoding="utf-8")
        beside.replace(kept)
    except OSError:
        # A folder that cannot be written costs time, and nothing else.
        return script
    return script


def source_hash(script: str) -> str:
    """Name a script by its content, as a page's security policy does.

    Args:
        script: The text between the tags, exactly.

    Returns:
        ``'sha256-…'`` with its quotes.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def page_script() -> str:
    """Give the script that draws a page's charts."""
    return (Path(__file__).parents[1] / "templates" / "site" / "site.js").read_text(encoding="utf-8")
