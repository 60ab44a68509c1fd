"""The reports as a static site: made from a release, for people. A page is one file and fetches nothing."""

from orchestration.report.site.released import write_released_site, write_staged_site
from orchestration.report.site.writing import SITE

__all__ = ["SITE", "write_released_site", "write_staged_site"]
