"""What every own expectation shares: the metric that tallies rows inside the database, and the verdict on it.

An expectation states two queries. ``rows_sql`` returns what it examines; ``scope_sql`` counts, in another
way, how many rows there are to examine. A check whose two numbers differ has looked past rows and fails,
so no expectation can pass by examining nothing. Values of rows never leave the database: only counts and
keys do.
"""

import html
from collections.abc import Mapping
from typing import Any, ClassVar

import sqlalchemy
from great_expectations.compatibility import pydantic
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import ExecutionEngine, SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation, Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metrics.metric_provider import MetricProvider, metric_value
from great_expectations.render import LegacyDiagnosticRendererType
from great_expectations.render.renderer.renderer import renderer
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validator import ValidationDependencies

from expectations.record import COLUMN_OF_KEY, MAX_FAILING_KEYS, counts_in_words, safe_key
from expectations.thresholds import ANY_SYSTEM
from orchestration.source_text import one_line

TALLY = "leadproof.tally"

# Not materialised: DuckDB would otherwise write every examined row of a large table down before counting.
_TALLY_SQL = """
with batch as not materialized (
{batch_sql}
),

examined as not materialized (
{rows_sql}
),

tallied as not materialized (
    select
        coalesce(source_system, '') as source_system,
        sum(coalesce(examined_rows, 0)) as evaluated_rows,
        sum(coalesce(failing_rows, examined_rows, 0)) as failing_rows,
        max(observed) as observed,
        min(key, {max_keys}) filter (
            where coalesce(failing_rows, examined_rows) > 0 or examined_rows = 0
        ) as failing_keys
    from examined
    group by 1
),

scope as not materialized (
    select coalesce(source_system, '') as source_system, sum(row_count) as scope_rows
    from (
{scope_sql}
    ) as counted
    group by 1
)

select
    coalesce(tallied.source_system, scope.source_system) as source_system,
    coalesce(tallied.evaluated_rows, 0)::bigint as evaluated_rows,
    coalesce(tallied.failing_rows, 0)::bigint as failing_rows,
    coalesce(scope.scope_rows, 0)::bigint as scope_rows,
    tallied.observed::double as observed,
    tallied.failing_keys as failing_keys
from tallied
full join scope on tallied.source_system = scope.source_system
"""


def tally_sql(batch_sql: str, rows_sql: str, scope_sql: str) -> str:
    """The statement that tallies one expectation.

    Args:
        batch_sql: The query for the rows of the table.
        rows_sql: What is examined.
        scope_sql: What there is to examine.

    Returns:
        SQL that selects counts and failing keys by source system.
    """
    return (
        _TALLY_SQL.replace("{rows_sql}", rows_sql)
        .replace("{scope_sql}", scope_sql)
        .replace("{max_keys}", str(MAX_FAILING_KEYS))
        .replace("{batch_sql}", batch_sql)
    )


class Tally(MetricProvider):
    """Rows examined, rows failing, rows in scope and failing keys, by source system."""

    metric_name = TALLY
    domain_keys = ("batch_id",)
    value_keys = ("rows_sql", "scope_sql")

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,
        execution_engine: SqlAlchemyExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> dict[str, Any]:
        selectable, _, _ = execution_engine.get_compute_domain(
            metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE
        )
        batch_sql = selectable.compile(
            dialect=execution_engine.engine.dialect, compile_kwargs={"literal_binds": True}
        )
        statement = tally_sql(
            str(batch_sql), metric_value_kwargs["rows_sql"], metric_value_kwargs["scope_sql"]
        )
        try:
            # A colon before a word is SQLAlchemy's bind parameter; these queries bind nothing.
            rows = execution_engine.execute_query(sqlalchemy.text(statement.replace(":", r"\:"))).fetchall()
        except Exception as error:
            # The connection is held, so a query that breaks off would take all later ones with it.
            with execution_engine.get_connection() as connection:
                connection.rollback()
            # Returned, not raised: Great Expectations stores and shows what is raised, and the
            # driver's text may quote a value ("could not convert 'a@b.example'").
            return {"error": _safe_text(error), "rows": []}
        return {"error": None, "rows": [dict(row._mapping) for row in rows]}


class Claim(BatchExpectation):
    """Base of the project's expectations.

    Args:
        audit: The audit it belongs to.
        source_system: The source system whose rows it judges; ``*`` for all.
        tolerance: Largest observed value that passes: a share of rows (0-1), or hours.
        baselined_until: Last day (ISO) of the baseline that set the tolerance.
        build_id: The build that is audited.
        as_of: The build's clock, ISO, UTC.
    """

    audit: str = ""
    source_system: str = ANY_SYSTEM
    tolerance: float = pydantic.Field(0.0, ge=0)
    baselined_until: str | None = None
    build_id: str = ""
    as_of: str = ""

    metric_dependencies: ClassVar[tuple[str, ...]] = (TALLY,)
    success_keys: ClassVar[tuple[str, ...]] = ("source_system", "tolerance", "build_id", "as_of")

    def rows_sql(self) -> str:
        """The query for what is examined.

        Returns:
            SQL that selects ``key`` (text), ``source_system``, ``examined_rows``, ``failing_rows`` and
            ``observed`` (a number where the share is not what is judged, else null). A row that
            examines nothing only lends its key. Null in ``failing_rows`` counts as failing.
        """
        raise NotImplementedError

    def scope_sql(self) -> str:
        """The query that counts, independently of ``rows_sql``, what there is to examine.

        Returns:
            SQL that selects ``source_system`` and ``row_count``.
        """
        return f"select '{ANY_SYSTEM}' as source_system, count(*) as row_count from batch"

    def observe(self, evaluated: int, failing: int, observed: float | None) -> float:
        """The number that is compared with the tolerance.

        Args:
            evaluated: Rows examined.
            failing: Rows failing.
            observed: The largest of the query's ``observed``.

        Returns:
            The share of failing rows, unless a subclass judges something else.
        """
        return failing / evaluated if evaluated else 0.0

    def get_validation_dependencies(
        self,
        execution_engine: ExecutionEngine | None = None,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> ValidationDependencies:
        """Ask for the tally of this expectation's queries.

        Instances that differ only in source system share one tally, so a table is scanned once for
        all of them.

        Args:
            execution_engine: The engine that will resolve the tally.
            runtime_configuration: Great Expectations' own settings of the run.

        Returns:
            The dependencies: one metric.
        """
        dependencies = Expectation.get_validation_dependencies(
            self, execution_engine=execution_engine, runtime_configuration=runtime_configuration
        )
        dependencies.set_metric_configuration(
            metric_name=TALLY,
            metric_configuration=MetricConfiguration(
                metric_name=TALLY,
                metric_domain_kwargs={"batch_id": self._get_success_kwarg("batch_id")},
                metric_value_kwargs={"rows_sql": self.rows_sql(), "scope_sql": self.scope_sql()},
            ),
        )
        return dependencies

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: ExecutionEngine | None = None,
    ) -> dict[str, Any]:
        tally = metrics[TALLY]
        if tally["error"] is not None:
            details = {"error": tally["error"]}
            return {"success": False, "result": {"observed_value": None, "details": details}}
        rows = [row for row in tally["rows"] if self.source_system in (ANY_SYSTEM, row["source_system"])]
        evaluated = sum(row["evaluated_rows"] for row in rows)
        failing = sum(row["failing_rows"] for row in rows)
        scope = sum(row["scope_rows"] for row in rows)
        keys = sorted({safe_key(key) for row in rows for key in row["failing_keys"] or [] if key is not None})
        numbers = [row["observed"] for row in rows if row["observed"] is not None]
        observed = self.observe(evaluated, failing, max(numbers, default=None))
        return {
            "success": evaluated == scope and observed <= self.tolerance,
            "result": {
                "observed_value": observed,
                "details": {
                    "evaluated_rows": evaluated,
                    "failing_rows": failing,
                    "scope_rows": scope,
                    "failing_keys": keys[:MAX_FAILING_KEYS] if failing else [],
                },
            },
        }

    @classmethod
    @renderer(renderer_type=LegacyDiagnosticRendererType.OBSERVED_VALUE)
    def _diagnostic_observed_value_renderer(
        cls,
        configuration: ExpectationConfiguration | None = None,
        result: Any = None,
        runtime_configuration: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> str:
        details = (result.result or {}).get("details") if result else None
        if not details:
            return "--"
        return in_html(details)


def in_html(details: Mapping[str, Any]) -> str:
    """Say what was found, for the pages of Great Expectations, which escape nothing.

    Args:
        details: The details of a result.

    Returns:
        HTML. Keys are ids that a source has chosen, so anything may stand in them.
    """
    if "error" in details:
        told = f"Could not be examined: {details['error']}"
    else:
        counts = counts_in_words(details["evaluated_rows"], details["failing_rows"])
        told = ": ".join((counts, ", ".join(details["failing_keys"]))) if details["failing_keys"] else counts
    return html.escape(one_line(told))


def count_by_system(condition: str = "true", table: str = "batch") -> str:
    """A scope query: rows by source system.

    Args:
        condition: A SQL condition on the table's columns.
        table: The table; the batch by default.

    Returns:
        SQL for ``scope_sql``.
    """
    return f"select source_system, count(*) as row_count from {table} where {condition} group by 1"


def examine(
    key: str, failing: str, *, source_system: str = f"'{ANY_SYSTEM}'", tail: str = "from batch"
) -> str:
    """A rows query in which every selected row is examined once.

    Args:
        key: SQL expression for the key that is reported.
        failing: SQL condition under which the row fails; null counts as failing.
        source_system: SQL expression for the source system.
        tail: The query from ``from`` on.

    Returns:
        SQL for ``rows_sql``.
    """
    return (
        f"select cast({key} as varchar) as key, {source_system} as source_system, 1 as examined_rows,\n"
        f"    case when not coalesce({failing}, true) then 0 else 1 end as failing_rows,\n"
        f"    cast(null as double) as observed\n{tail}"
    )


def examine_columns(
    key: str, failing: Mapping[str, str], *, source_system: str = f"'{ANY_SYSTEM}'", tail: str = "from batch"
) -> str:
    """A rows query in which every selected row is examined once, and the column that fails is told.

    Args:
        key: SQL expression for the key that is reported, after the first column that fails.
        failing: SQL condition under which the row fails, by column; null counts as failing.
        source_system: SQL expression for the source system.
        tail: The query from ``from`` on.

    Returns:
        SQL for ``rows_sql``.
    """
    cases = " ".join(f"when coalesce({each}, true) then {text(column)}" for column, each in failing.items())
    return f"""
        select case when column_found is null then own_key
                else column_found || {text(COLUMN_OF_KEY)} || coalesce(own_key, '(no key)') end as key,
            own_system as source_system, 1 as examined_rows,
            case when column_found is null then 0 else 1 end as failing_rows, cast(null as double) as observed
        from (
            select cast({key} as varchar) as own_key, {source_system} as own_system,
                case {cases} end as column_found
            {tail}
        ) as looked"""


def text(value: str) -> str:
    """A SQL text literal.

    Args:
        value: The text.

    Returns:
        The quoted literal.
    """
    return "'" + value.replace("'", "''") + "'"


def name(identifier: str) -> str:
    """A quoted SQL identifier.

    Args:
        identifier: A column's name.

    Returns:
        The quoted identifier.
    """
    return '"' + identifier.replace('"', '""') + '"'


def joined_key(columns: list[str]) -> str:
    """A SQL expression that joins key columns with colons.

    Args:
        columns: The key's columns.

    Returns:
        The expression.
    """
    return "concat_ws(':', " + ", ".join(name(column) for column in columns) + ")"


def _safe_text(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    kind = type(cause).__name__
    if kind in ("CatalogException", "BinderException", "ParserException"):
        return f"{kind}: {str(cause).splitlines()[0]}"
    return kind
