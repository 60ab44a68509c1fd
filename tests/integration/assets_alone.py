"""Launches each of Dagster's assets from the candidate on by itself, as somebody may do by hand."""

ASSETS_ALONE = """
import json, logging
import dagster as dg
from orchestration.definitions import defs
from orchestration.defs.event_storage import own_process_instance
from orchestration.settings import load_settings
logging.getLogger("dagster").setLevel(logging.CRITICAL)
chosen = {
    "/".join(key): dg.AssetSelection.assets(dg.AssetKey(key)).without_checks()
    for key in (["release", "candidate"], ["release", "current"], ["quality", "report"])
}
chosen["audit"] = dg.AssetSelection.checks_for_assets(dg.AssetKey(["release", "candidate"]))
jobs = {name: dg.define_asset_job(f"alone_{place}", chosen[name]) for place, name in enumerate(chosen)}
every = dg.Definitions.merge(defs, dg.Definitions(jobs=list(jobs.values())))
told = {}
with own_process_instance(load_settings()) as instance:
    for name, alone in jobs.items():
        result = every.resolve_job_def(alone.name).execute_in_process(instance=instance, raise_on_error=False)
        failed = [event.step_failure_data for event in result.all_events if event.is_step_failure]
        told[name] = {
            "steps": sum(event.is_step_start for event in result.all_events),
            "failures": [
                each.user_failure_data.description if each.user_failure_data else each.error.cls_name
                for each in failed
            ],
        }
print(json.dumps(told))
"""
"""A piece of Python that prints as JSON, by asset, how many steps started and why some failed."""
