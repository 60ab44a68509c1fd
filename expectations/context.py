"""The file Data Context: suites, validation definitions and the checkpoint, saved to disk from the code.

The context is derived: it is written anew for every audit, so what is on disk can only be read, never trusted.
"""

import shutil
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import great_expectations as gx
from great_expectations.checkpoint import Checkpoint
from great_expectations.core.expectation_suite import ExpectationSuite
from great_expectations.core.validation_definition import ValidationDefinition
from great_expectations.data_context import FileDataContext

from expectations.claims import class_named
from expectations.engine import CandidateDatasource
from expectations.suites import MARTS, PlannedExpectation
from orchestration.errors import LeadproofError

CHECKPOINT = "publication"
DATASOURCE = "candidate"
SITE = "audits"
_MARKER = "gx/great_expectations.yml"
_RESULT_FORMAT = {"result_format": "COMPLETE", "exclude_unexpected_values": True}


def write_context(
    context_dir: Path,
    candidate_db: Path,
    planned: Sequence[PlannedExpectation],
    memory_limit: str | None,
    threads: int | None,
    spill_dir: Path,
) -> tuple[FileDataContext, Checkpoint]:
    """Write a fresh file Data Context for one candidate.

    Args:
        context_dir: Folder of the context; what an earlier audit wrote there is replaced.
        candidate_db: The DuckDB file to audit.
        planned: The expectations, of marts that the candidate holds.
        memory_limit: DuckDB's memory limit with its unit.
        threads: DuckDB threads.
        spill_dir: Folder for what does not fit into memory.

    Returns:
        The context and its checkpoint.

    Raises:
        LeadproofError: If the folder holds something else.
    """
    _clear(context_dir)
    context = gx.get_context(mode="file", project_root_dir=context_dir)
    context.variables.progress_bars = {"globally": False}
    context.variables.save()
    datasource = CandidateDatasource(
        name=DATASOURCE,
        connection_string=f"duckdb:///{candidate_db}",
        memory_limit=memory_limit,
        threads=threads,
        spill_dir=str(spill_dir),
    )
    datasource = context.data_sources.add_duckdb_candidate(datasource=datasource)
    definitions: list[ValidationDefinition] = []
    by_table = sorted(planned, key=lambda each: each.promise.table)
    for table, members in groupby(by_table, key=lambda each: each.promise.table):
        asset = datasource.add_table_asset(name=table, table_name=table, schema_name=MARTS)
        batch = asset.add_batch_definition_whole_table("whole_table")
        suite = ExpectationSuite(name=table, expectations=[_expectation(member) for member in members])
        suite = context.suites.add(suite)
        definitions.append(
            context.validation_definitions.add(ValidationDefinition(name=table, data=batch, suite=suite))
        )
    checkpoint = context.checkpoints.add(
        Checkpoint(name=CHECKPOINT, validation_definitions=definitions, result_format=_RESULT_FORMAT)
    )
    return context, checkpoint


def close_context(context: FileDataContext) -> None:
    """Close the candidate's database.

    Args:
        context: The context that ``write_context`` returned.
    """
    context.data_sources.get(DATASOURCE).close()


def _expectation(planned: PlannedExpectation) -> Any:
    cls = class_named(planned.promise.expectation)
    return cls(
        **planned.parameters,
        audit=planned.promise.audit,
        source_system=planned.source_system,
        tolerance=planned.tolerance.value,
        baselined_until=planned.tolerance.baselined_until,
        description=planned.promise.sentence,
    )


def _clear(context_dir: Path) -> None:
    if context_dir.exists() and any(context_dir.iterdir()):
        if not (context_dir / _MARKER).is_file():
            raise LeadproofError(
                f"The folder {context_dir} is not empty and holds no Data Context.",
                "Move its content away or choose another folder.",
            )
        shutil.rmtree(context_dir)
    context_dir.mkdir(parents=True, exist_ok=True)
