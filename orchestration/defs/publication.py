"""From the marts to a release: candidate, audit checks, publication, report.

Each asset calls one phase of the build. The checks block inside a run; publication itself checks the
audit record again, so launching it alone gains nothing.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from expectations.suites import PROMISES
from orchestration.defs.session import TRANSIENT_RETRIES, BuildSession, told_to_dagster

if TYPE_CHECKING:
    from expectations.record import AuditRecord, AuditResult

CANDIDATE_KEY = dg.AssetKey(["release", "candidate"])
RELEASE_KEY = dg.AssetKey(["release", "current"])
REPORT_KEY = dg.AssetKey(["quality", "report"])
_SHOWN_KEYS = 20


def make_publication_assets(marts: Sequence[dg.AssetKey]) -> list[dg.AssetsDefinition]:
    """Make the assets that follow the marts.

    Args:
        marts: Keys of the published marts and of what is published beside them.

    Returns:
        Candidate, release and report.
    """

    @dg.asset(
        key=CANDIDATE_KEY,
        deps=list(marts),
        group_name="release",
        kinds={"duckdb"},
        description="All marts in one file of their own: what is audited is what is published.",
        retry_policy=TRANSIENT_RETRIES,
    )
    def candidate(session: BuildSession) -> dg.MaterializeResult[Any]:
        with told_to_dagster():
            written = session.build.write_candidate()
        return dg.MaterializeResult(
            metadata={
                "path": dg.MetadataValue.path(written.path),
                "sha256": written.sha256,
                "dagster/row_count": sum(written.row_counts.values()),
                "rows": dg.MetadataValue.json(dict(written.row_counts)),
            }
        )

    @dg.asset(
        key=RELEASE_KEY,
        deps=[CANDIDATE_KEY],
        group_name="release",
        kinds={"duckdb", "parquet"},
        description="The release that BI reads (`current`): immutable, audited, swapped in at once.",
        output_required=False,
        retry_policy=TRANSIENT_RETRIES,
    )
    def current_release(
        context: dg.AssetExecutionContext, session: BuildSession
    ) -> Iterator[dg.MaterializeResult[Any]]:
        with told_to_dagster():
            published = session.build.publish()
            if published is None:
                context.log.info("Nothing is published, as asked for; the record says who would move.")
                return
        yield dg.MaterializeResult(
            metadata={
                "release_id": published.release_id,
                "path": dg.MetadataValue.path(published.path),
                "as_of": str(published.as_of),
            }
        )

    @dg.asset(
        key=REPORT_KEY,
        deps=[RELEASE_KEY],
        group_name="quality",
        kinds={"html"},
        description=(
            "The quality report of the build, pages for people without personal values. A run that fails "
            "earlier writes it too, when it ends."
        ),
    )
    def quality_report(session: BuildSession) -> dg.MaterializeResult[Any]:
        with told_to_dagster():
            # Launched alone, it has no build of its own, and must not pass for the end of one.
            page = session.build.write_report() or session.build.rewrite_report()
        return dg.MaterializeResult(metadata={"page": dg.MetadataValue.path(str(page))})

    return [candidate, current_release, quality_report]


def make_audit_checks() -> dg.AssetChecksDefinition:
    """Make one blocking check on the candidate for each promise of the suite."""

    @dg.multi_asset_check(
        name="audit",
        specs=[
            dg.AssetCheckSpec(
                name=promise.check_name,
                asset=CANDIDATE_KEY,
                description=promise.sentence,
                blocking=True,
                metadata={"audit": promise.audit, "table": promise.table},
            )
            for promise in PROMISES
        ],
    )
    def audit(session: BuildSession) -> Iterator[dg.AssetCheckResult]:
        with told_to_dagster():
            record = session.build.audit()
        yield from check_results(record)

    return audit


def check_results(record: "AuditRecord") -> Iterator[dg.AssetCheckResult]:
    """Turn an audit record into Dagster's check results, source systems of one promise together.

    Args:
        record: The audit record.

    Yields:
        One result for each promise; a promise that the audit did not report has failed.
    """
    found: dict[str, list[AuditResult]] = defaultdict(list)
    for result in record.results:
        found[f"{result.expectation}_{result.table_name}"].append(result)
    for promise in PROMISES:
        results = found.get(promise.check_name, [])
        yield dg.AssetCheckResult(
            check_name=promise.check_name,
            asset_key=CANDIDATE_KEY,
            passed=bool(results) and all(result.is_success for result in results),
            severity=dg.AssetCheckSeverity.ERROR,
            description="; ".join(r.message for r in results if not r.is_success) or promise.sentence,
            metadata=_metadata(results),
        )


def _metadata(results: Sequence["AuditResult"]) -> Mapping[str, Any]:
    if not results:
        return {"evaluated_rows": 0}
    keys = [key for result in results for key in result.failing_keys][:_SHOWN_KEYS]
    baselined = sorted({result.baselined_until for result in results if result.baselined_until})
    return {
        "evaluated_rows": sum(result.evaluated_rows for result in results),
        "failing_rows": sum(result.failing_rows for result in results),
        "by_source_system": dg.MetadataValue.table(
            [
                dg.TableRecord(
                    {
                        "source_system": result.source_system,
                        "holds": result.is_success,
                        "evaluated_rows": result.evaluated_rows,
                        "failing_rows": result.failing_rows,
                        "observed_value": float(result.observed_value or 0.0),
                        "tolerance": float(result.tolerance),
                    }
                )
                for result in results
            ]
        ),
        **({"failing_keys": dg.MetadataValue.json(keys)} if keys else {}),
        **({"baselined_until": ", ".join(baselined)} if baselined else {}),
    }
