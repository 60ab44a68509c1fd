"""Landing files → raw tables: discovery, ledger, readers, rejects. Knows neither dbt nor Dagster."""

from orchestration.landing.declarations import DeclaredTable, read_declarations
from orchestration.landing.discovery import LandingFile, discover
from orchestration.landing.loading import load_landing
from orchestration.landing.report import DriftNote, LoadReport, TableLoad
from orchestration.landing.summaries import TableSummary, table_summaries

__all__ = [
    "DeclaredTable",
    "DriftNote",
    "LandingFile",
    "LoadReport",
    "TableLoad",
    "TableSummary",
    "discover",
    "load_landing",
    "read_declarations",
    "table_summaries",
]
