"""Landing folders for staging tests: loading, running the staging models, counting rows.

What a test expects does not belong here.
"""

from datetime import datetime
from pathlib import Path

from orchestration.landing import load_landing
from orchestration.landing.declarations import read_declarations
from orchestration.settings import PROJECT_ROOT, Settings
from tests.integration.harness import begin_build, fetch, load_policy, run_dbt

AS_OF = datetime(2025, 1, 1)
SYSTEMS = ("leadproof", "zoho", "olist")


def load(settings: Settings, now: datetime) -> None:
    """Load what lies in the landing folder at one moment (UTC)."""
    load_landing(settings, now=now)


def stage(settings: Settings, target: Path | None = None) -> None:
    """Run the staging models on what is loaded, with the project's own policy."""
    load_policy(settings, PROJECT_ROOT / "seeds")
    begin_build(settings, AS_OF)
    run_dbt(settings, "run", "--select", "path:models/staging", target=target)


def unstaged_rows(settings: Settings) -> dict[tuple[str, str, str], int]:
    """Count landed rows without a staged row, by system, table and entity that the table feeds."""
    counts = {}
    for (system, table), declared in read_declarations(PROJECT_ROOT, settings.source_systems).items():
        for entity in declared.feeds:
            rows = fetch(
                settings,
                f"""
                select count(*) as missing
                from raw_{system}.{table} as landed
                left join (
                    select distinct _load_id, _source_file, _source_row
                    from staging.stg_{system}__{entity}
                    where source_table = '{table}' and not _is_synthetic
                ) as staged using (_load_id, _source_file, _source_row)
                where staged._source_file is null
                """,
            )
            counts[system, table, entity] = rows[0]["missing"]
    return counts
