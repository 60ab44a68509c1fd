"""dbt's models, seeds and tests as assets and checks. What they mean belongs to ``models/``."""

import contextlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliResource,
    DbtProject,
    dbt_assets,
)
from packaging import version

from orchestration import dbt_child
from orchestration.dbt import AUDITED_TESTS, dbt_args, dbt_executable, target_path
from orchestration.defs.session import BuildSession, told_to_dagster
from orchestration.errors import LeadproofError
from orchestration.progress import say
from orchestration.release.files import out_of_resources
from orchestration.settings import PROJECT_ROOT

_LOG_BYTES = 200_000


class FunnelTranslator(DagsterDbtTranslator):
    """Names assets ``[schema, table]`` and groups them by layer."""

    def __init__(self) -> None:
        super().__init__(settings=DagsterDbtTranslatorSettings(enable_code_references=True))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Return ``[schema, table]``, for sources too, so raw assets and dbt's sources are one."""
        name = dbt_resource_props.get("identifier") or dbt_resource_props.get("alias")
        return dg.AssetKey([dbt_resource_props["schema"], name or dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Return the layer: ``policy``, ``staging_<system>``, ``intermediate``, ``marts``, ``restricted``."""
        schema = str(dbt_resource_props["schema"])
        if schema == "staging":
            return f"staging_{dbt_resource_props['fqn'][2]}"
        return schema

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Return dbt's description; the SQL is one click away and would bury it."""
        return str(dbt_resource_props.get("description") or dbt_resource_props["name"])


class FunnelDbt(DbtCliResource):
    """dbt's command line without the two things that a build here must not do.

    ``dbt --version`` asks the package index for a newer release, which takes seconds and the network; and
    a second adapter in this process would open the database that dbt is writing.
    """

    @cached_property
    def _cli_version(self) -> version.Version:
        from importlib.metadata import version as installed

        return version.parse(installed("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Any) -> Any:
        return None


def make_dbt_resource() -> FunnelDbt:
    """Return dbt for this project, from the environment that this process runs in."""
    return FunnelDbt(
        project_dir=os.fspath(PROJECT_ROOT),
        profiles_dir=os.fspath(PROJECT_ROOT / "dbt_project"),
        dbt_executable=dbt_executable("leadproof-dbt"),
        global_config_flags=["--no-use-colors", "--log-format-file", "text", "--log-level-file", "info"],
    )


def make_dbt_assets(manifest: Path) -> dg.AssetsDefinition:
    """Make the assets of every enabled seed and model.

    Args:
        manifest: dbt's manifest.

    Returns:
        The assets, computed by one dbt command.
    """
    project = DbtProject(
        project_dir=PROJECT_ROOT,
        profiles_dir=PROJECT_ROOT / "dbt_project",
        target_path=os.path.relpath(target_path(), PROJECT_ROOT),
    )

    @dbt_assets(
        manifest=json.loads(manifest.read_text(encoding="utf-8")),
        name="funnel_models",
        exclude=AUDITED_TESTS,
        project=project,
        dagster_dbt_translator=FunnelTranslator(),
    )
    def funnel_models(
        context: dg.AssetExecutionContext, dbt: FunnelDbt, session: BuildSession
    ) -> Iterator[Any]:
        with told_to_dagster():
            yield from _run_dbt(context, dbt, session)

    assets: dg.AssetsDefinition = funnel_models
    return assets


def _run_dbt(context: dg.AssetExecutionContext, dbt: FunnelDbt, session: BuildSession) -> Iterator[Any]:
    build = session.build
    record = build.begin()
    if not context.is_subset and build.is_unchanged():
        context.log.info("Nothing is new, so the current release stays as it is.")
        return
    is_full = build.choose_start(is_in_part=context.is_subset)
    with build.phase("dbt"):
        say("Running dbt on everyone" if is_full else "Running dbt on whom something new has touched")
        # dbt started by hand is none of our builds: what it leaves cannot be continued.
        os.environ["LEADPROOF_BUILD_ID"] = record.build_id
        os.environ[dbt_child.PARENT] = str(os.getpid())
        # Beside the database it writes, under the same lock: two warehouses never share artifacts.
        target = build.settings.build_db.parent / "dbt"
        # A dbt that dies early writes no results, and what an earlier one left would be taken for its own.
        for left in ("run_results.json", "dbt.log"):
            (target / left).unlink(missing_ok=True)
        invocation = dbt.cli(
            dbt_args("build", build.settings, full_refresh=is_full, models_at_once=build.models_at_once()),
            context=context,
            target_path=target,
            raise_on_error=False,
        )
        # Great Expectations takes seconds to import; dbt has a process of its own meanwhile.
        threading.Thread(target=_warm_up_audit, daemon=True).start()
        yield from invocation.stream()
        if invocation.process.returncode != 0:
            raise dbt_failure(target / "run_results.json", build.settings.build_db.parent)
        if not context.is_subset:
            build.finish_models()


def _warm_up_audit() -> None:
    # What goes wrong here goes wrong again in the audit, where it is told.
    with contextlib.suppress(Exception):
        import expectations

        expectations.warm_up()


def dbt_failure(run_results: Path, written: Path) -> LeadproofError:
    """Say what failed in a dbt run, from its results.

    Args:
        run_results: dbt's ``run_results.json``.
        written: Folder that dbt writes to.

    Returns:
        An error that names the failed models and tests; their rows lie in the build database. If the disk was
        full or memory too small, that is said instead: the models are not at fault.
    """
    failed: list[str] = []
    log = run_results.with_name("dbt.log")
    if not run_results.exists() and log.exists():
        with log.open("rb") as lines:
            lines.seek(max(0, log.stat().st_size - _LOG_BYTES))
            told = lines.read().decode("utf-8", "replace")
        exhausted = out_of_resources(told, "Building the models", written)
        if exhausted is not None:
            return exhausted
    if run_results.exists():
        results = json.loads(run_results.read_text(encoding="utf-8"))["results"]
        broken = [result for result in results if result["status"] in ("error", "fail", "runtime error")]
        for result in broken:
            exhausted = out_of_resources(str(result.get("message")), "Building the models", written)
            if exhausted is not None:
                return exhausted
        failed = [_told(result) for result in broken]
    return LeadproofError(
        f"dbt failed in {len(failed) or 'an unknown number of'} models or tests"
        + (f": {'; '.join(failed[:3])}." if failed else "."),
        "See the compiled SQL and the log under build/dbt in the warehouse.",
        failed,
    )


def _told(result: Mapping[str, Any]) -> str:
    kind, _, name = str(result["unique_id"]).partition(".")
    name = name.split(".")[1] if "." in name else name
    rows = f" in {result['failures']} rows" if kind == "test" and result.get("failures") else ""
    return f"{kind} {name}{rows}"
