"""The file Data Context: suites, validation definitions and the checkpoint, saved to disk from the code.

The context is derived: every audit writes it anew, so what is on disk can only be read, never trusted.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

import great_expectations as gx
from great_expectations.checkpoint import Checkpoint, CheckpointResult
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.core.expectation_suite import ExpectationSuite
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.core.validation_definition import ValidationDefinition
from great_expectations.data_context import FileDataContext
from great_expectations.datasource.fluent.sql_datasource import TableAsset

from expectations.claims import Claim, class_named
from expectations.engine import CandidateDatasource
from expectations.suites import MARTS, PlannedExpectation
from expectations.thresholds import ANY_SYSTEM
from orchestration.errors import LeadproofError

CHECKPOINT = "publication"
DATASOURCE = "candidate"
SITE = "audits"
_WHOLE_TABLE = "whole_table"
_HOME = "gx"
_MARKER = "great_expectations.yml"
_RESULT_FORMAT = {"result_format": "COMPLETE", "exclude_unexpected_values": True}
# Written before the context is opened: the default file names a file of variables, which Great
# Expectations then reads again at every look-up (hundreds of times in one audit).
_CONFIG = f"""\
# Written by every audit from expectations/suites.py; changes made here are lost.
config_version: 4.0
analytics_enabled: false
progress_bars:
  globally: false
stores:
  expectations_store:
    class_name: ExpectationsStore
    store_backend:
      class_name: TupleFilesystemStoreBackend
      base_directory: expectations/
  validation_results_store:
    class_name: ValidationResultsStore
    store_backend:
      class_name: TupleFilesystemStoreBackend
      base_directory: uncommitted/validations/
  checkpoint_store:
    class_name: CheckpointStore
    store_backend:
      class_name: TupleFilesystemStoreBackend
      suppress_store_backend_id: true
      base_directory: checkpoints/
  validation_definition_store:
    class_name: ValidationDefinitionStore
    store_backend:
      class_name: TupleFilesystemStoreBackend
      base_directory: validation_definitions/
expectations_store_name: expectations_store
validation_results_store_name: validation_results_store
checkpoint_store_name: checkpoint_store
data_docs_sites:
  {SITE}:
    class_name: SiteBuilder
    show_how_to_buttons: false
    store_backend:
      class_name: TupleFilesystemStoreBackend
      base_directory: uncommitted/data_docs/
    site_index_builder:
      class_name: DefaultSiteIndexBuilder
"""


def write_context(
    context_dir: Path,
    candidate_db: Path,
    planned: Sequence[PlannedExpectation],
    memory_limit: str | None,
    threads: int | None,
    spill_dir: Path,
    shared_files: Sequence[Path] = (),
) -> tuple[FileDataContext, Checkpoint]:
    """Write a fresh file Data Context for one candidate.

    Args:
        context_dir: Folder of the context; what an earlier audit wrote there is replaced.
        candidate_db: The DuckDB file to audit.
        planned: The expectations, of marts that the candidate holds.
        memory_limit: DuckDB's memory limit with its unit.
        threads: DuckDB threads.
        spill_dir: Folder for what does not fit into memory.
        shared_files: Files that views of the candidate read.

    Returns:
        The context and its checkpoint.

    Raises:
        LeadproofError: If the folder holds something else.
    """
    _start_afresh(context_dir)
    tables = sorted({each.promise.table for each in planned})
    context = gx.get_context(mode="file", project_root_dir=context_dir)
    datasource = context.data_sources.add_duckdb_candidate(
        datasource=CandidateDatasource(
            name=DATASOURCE,
            candidate=str(candidate_db),
            memory_limit=memory_limit,
            threads=threads,
            spill_dir=str(spill_dir),
            shared_files=tuple(str(path) for path in shared_files),
            assets=[_asset(table) for table in tables],
        )
    )
    definitions: list[ValidationDefinition] = []
    for table in tables:
        batch = datasource.get_asset(table).get_batch_definition(_WHOLE_TABLE)
        members = [to_expectation(each) for each in planned if each.promise.table == table]
        suite = context.suites.add(ExpectationSuite(name=table, expectations=members))
        definitions.append(
            context.validation_definitions.add(ValidationDefinition(name=table, data=batch, suite=suite))
        )
    checkpoint = context.checkpoints.add(
        Checkpoint(name=CHECKPOINT, validation_definitions=definitions, result_format=_RESULT_FORMAT)
    )
    return context, checkpoint


def run_checkpoint(checkpoint: Checkpoint, build_id: str) -> CheckpointResult:
    """Examine everything.

    Args:
        checkpoint: The checkpoint that ``write_context`` returned.
        build_id: The build that is audited; Data Docs call the run by it.

    Returns:
        Great Expectations' results.
    """
    return checkpoint.run(run_id=RunIdentifier(run_name=build_id))


def close_context(context: FileDataContext) -> None:
    """Close the candidate's database.

    Args:
        context: The context that ``write_context`` returned.
    """
    context.data_sources.get(DATASOURCE).close()


def to_expectation(planned: PlannedExpectation) -> Claim:
    """Make the expectation that a plan asks for.

    Args:
        planned: The planned expectation.

    Returns:
        An instance of its class, with the tolerance and the run as parameters.
    """
    cls = class_named(planned.promise.expectation)
    return cls(
        **planned.parameters,
        audit=planned.promise.audit,
        source_system=planned.source_system,
        tolerance=planned.tolerance.value,
        baselined_until=planned.tolerance.baselined_until,
        description=_description(planned),
    )


def _description(planned: PlannedExpectation) -> str:
    """The sentence that Data Docs show; they show nothing else of an expectation."""
    tolerance = planned.tolerance
    text = planned.promise.sentence
    if planned.source_system != ANY_SYSTEM:
        text += f" Source system {planned.source_system}."
    if tolerance.value:
        hours = planned.promise.audit == "freshness"
        text += (
            f" Tolerated: {tolerance.value:g} hours."
            if hours
            else f" Tolerated: {tolerance.value:.2%} of rows."
        )
    if tolerance.baselined_until:
        text += f" Baselined until {tolerance.baselined_until}."
    return text


def _asset(table: str) -> TableAsset:
    # Given to the datasource ready-made: adding assets one by one saves the whole configuration each time.
    return TableAsset(
        name=table,
        table_name=f"{MARTS}.{table}",
        batch_definitions=[BatchDefinition(name=_WHOLE_TABLE, partitioner=None)],
    )


def _start_afresh(context_dir: Path) -> None:
    home = context_dir / _HOME
    if home.exists() and not (home / _MARKER).is_file():
        raise LeadproofError(
            f"The folder {home} exists and holds no Data Context.",
            "Move it away or choose another folder.",
        )
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / _MARKER).write_text(_CONFIG, encoding="utf-8")
