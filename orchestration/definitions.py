"""Assembly only: collects assets, checks, job, schedule, sensor and resources for Dagster.

Definitions belong to ``defs/``, work to the packages that they call.
"""

import json
from pathlib import Path

import dagster as dg

from orchestration.dbt import ensure_manifest
from orchestration.defs.automation import (
    abandoned_run_sensor,
    failed_run_sensor,
    funnel_daily_schedule,
    funnel_job,
    landing_sensor,
    stale_release_sensor,
)
from orchestration.defs.dbt import make_dbt_assets, make_dbt_resource
from orchestration.defs.publication import make_audit_checks, make_publication_assets
from orchestration.defs.raw import declared_tables, make_external_assets, make_raw_assets
from orchestration.defs.session import BuildSession
from orchestration.environment import load_env_file, prepare_environment
from orchestration.settings import Settings, load_settings

_PUBLISHED_FROM = ("marts", "restricted")


def build_definitions(settings: Settings, manifest_path: Path) -> dg.Definitions:
    """Assemble the definitions.

    Args:
        settings: Source systems that are on.
        manifest_path: dbt's manifest.

    Returns:
        Everything Dagster sees.
    """
    manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    tables = declared_tables(manifest, settings)
    models = make_dbt_assets(manifest_path)
    marts = sorted(key for key in models.keys if key.path[0] in _PUBLISHED_FROM)
    return dg.Definitions(
        assets=[
            *make_external_assets(manifest, tables),
            make_raw_assets(manifest, tables),
            models,
            *make_publication_assets(marts),
        ],
        asset_checks=[make_audit_checks()],
        jobs=[funnel_job],
        schedules=[funnel_daily_schedule],
        sensors=[landing_sensor, abandoned_run_sensor, failed_run_sensor, stale_release_sensor],
        resources={"dbt": make_dbt_resource(), "session": BuildSession()},
    )


def _load() -> dg.Definitions:
    load_env_file()
    settings = load_settings()
    prepare_environment(settings)
    return build_definitions(settings, ensure_manifest(settings))


defs = _load()
