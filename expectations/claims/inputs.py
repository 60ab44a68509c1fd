"""Expectations about what went in: conservation, emptiness, freshness, quarantine, classification."""

from expectations.claims.base import Claim, count_by_system, examine, name, text
from expectations.suites import MARTS


class _OfThisBuild(Claim):
    """Base for expectations on ``row_reconciliation``, which also holds earlier builds."""

    def of_build(self) -> str:
        """The SQL condition that keeps this build's rows."""
        return f"build_id = {text(self.build_id)}"

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return f"select '*' as source_system, count(*) as row_count from batch where {self.of_build()}"


_TABLE_KEY = "concat_ws('.', source_system, source_table) || ' (' || entity || ')'"


class ExpectConservation(_OfThisBuild):
    """Every landed row is accounted for, exactly once."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            _TABLE_KEY,
            """landed_rows <> accepted_rows + superseded_rows + quarantined_rows + pending_rows
                or least(accepted_rows, superseded_rows, quarantined_rows, pending_rows) < 0""",
            tail=f"from batch where {self.of_build()}",
        )


class ExpectLandedRows(_OfThisBuild):
    """Something has landed at all: an empty warehouse is not published over a full one."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return f"""
            select 'no landed rows' as key, '*' as source_system, 1 as examined_rows,
                case when sum(landed_rows) > 0 then 0 else 1 end as failing_rows,
                cast(null as double) as observed
            from batch where {self.of_build()}"""

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return "select '*' as source_system, 1 as row_count"


class ExpectStagedWhereLanded(_OfThisBuild):
    """No staging table is empty although rows landed for it."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            _TABLE_KEY,
            "landed_rows > 0 and accepted_rows + superseded_rows + quarantined_rows + pending_rows = 0",
            tail=f"from batch where {self.of_build()}",
        )


class ExpectCountedTables(_OfThisBuild):
    """Every source table that left rows in the candidate has its line of this build.

    Which lines there must be is read from what the rows became: a conservation that is only asked of the
    lines there are holds when a line is lost. Who has no touch is known by contact records alone, so the
    systems of such people brought contacts. ``stage_claims`` and deals are not asked: no verdict follows from
    a claim or a sale.
    ``people`` names its systems in one text, so what is no name there is not repeated as a key.
    """

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            """concat_ws('.', case when regexp_full_match(held.source_system, '\\w+')
                    then held.source_system else 'no source system' end, held.source_table)
                || ' (' || held.entities || ')'""",
            f"""not exists (
                select 1 from batch as line
                where line.{self.of_build()}
                    and line.source_system = held.source_system
                    and line.source_table = coalesce(held.source_table, line.source_table)
                    and list_contains(string_split(held.entities, '|'), line.entity)
                    and (line.accepted_rows > 0 or held.source_table is not null)
            )""",
            tail=f"from ({self._held()}) as held",
        )

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return f"""
            select '*' as source_system, count(distinct (source_system, source_table, entities)) as row_count
            from ({_HELD}) as held"""

    def _held(self) -> str:
        return f"select source_system, source_table, entities from ({_HELD}) as each_row group by all"


_HELD = f"""
    select source_system, source_table, entity as entities from {MARTS}.quarantine where entity <> 'deals'
    union all
    select source_system, null, 'touches' from {MARTS}.touches
    union all
    select source_system, null, 'campaigns' from {MARTS}.campaigns
    union all
    select unnest(string_split(source_systems, '|')), null,
        case when first_touch_at is null then 'contacts' else 'contacts|touches' end
    from {MARTS}.people"""
"""Source systems and tables whose rows the candidate holds; `entities`: one of which they must have fed."""


class ExpectListedQuarantine(_OfThisBuild):
    """As many rows are counted in quarantine, and as open there, as ``quarantine`` lists, for every entity.

    A released row is listed for its history, and counted as what it has become.
    """

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            """concat_ws('.', coalesce(counted.source_system, listed.source_system),
                coalesce(counted.source_table, listed.source_table))
                || ' (' || coalesce(counted.entity, listed.entity) || ')'""",
            """counted.open_quarantined_rows is distinct from coalesce(listed.open_rows, 0)
                or counted.quarantined_rows is distinct from coalesce(listed.listed_rows, 0)""",
            tail=f"""from (select * from batch where {self.of_build()}) as counted
                full join (
                    select source_system, source_table, entity, count(*) as listed_rows,
                        count(*) filter (where status = 'open') as open_rows
                    from {MARTS}.quarantine where status <> 'released' group by all
                ) as listed
                    on counted.source_system = listed.source_system
                    and counted.source_table = listed.source_table
                    and counted.entity = listed.entity""",
        )

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return f"""
            select '*' as source_system, count(distinct (source_system, source_table, entity)) as row_count
            from (
                select source_system, source_table, entity from batch where {self.of_build()}
                union all
                select source_system, source_table, entity from {MARTS}.quarantine where status <> 'released'
            ) as tables"""


class ExpectOpenQuarantineShare(_OfThisBuild):
    """The share of landed rows that lie open in quarantine stays within the tolerance.

    Rows of deals are listed and counted elsewhere, but never judged: no verdict depends on a sale.
    """

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return f"""
            select cast(null as varchar) as key, source_system, landed_rows as examined_rows,
                open_quarantined_rows as failing_rows, cast(null as double) as observed
            from batch where {self._is_judged()}
            union all
            select quarantine_id, source_system, 0, 0, null
            from {MARTS}.quarantine where status = 'open' and entity <> 'deals'"""

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return (
            "select source_system, sum(landed_rows) as row_count from batch"
            f" where {self._is_judged()} group by 1"
        )

    def _is_judged(self) -> str:
        return f"{self.of_build()} and entity <> 'deals'"


class ExpectFreshness(_OfThisBuild):
    """A source system's newest row is not older, at as-of, than the tolerance in hours.

    Where a system brings touches, only the tables of its touches count: contacts may change when nobody
    acts. The newest of them decides. Deals never count: no verdict depends on a sale. A system of which
    nothing else was accepted has no age; its share of open quarantined rows speaks for it.
    """

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return f"""
            select key, source_system, 1 as examined_rows,
                case when hours <= {float(self.tolerance)} then 0 else 1 end as failing_rows,
                coalesce(hours, 'infinity'::double) as observed
            from (
                select {_TABLE_KEY} as key, source_system,
                    min(epoch(timestamp {text(self.as_of)} - latest_row_at) / 3600.0)
                        over (partition by source_system) as hours
                from batch
                where {self._is_judged()}
            ) as aged"""

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return count_by_system(self._is_judged())

    def observe(self, evaluated: int, failing: int, observed: float | None) -> float:
        """Hours since the newest row.

        Args:
            evaluated: Tables examined.
            failing: Tables of stale systems.
            observed: Hours since the newest row; infinite when no row carries a time.

        Returns:
            The hours, zero when there is nothing to examine.
        """
        return observed or 0.0

    def _is_judged(self) -> str:
        own = f"{self.of_build()} and accepted_rows > 0 and entity <> 'deals'"
        return f"""{own} and (
            entity = 'touches'
            or source_system not in (select source_system from batch where {own} and entity = 'touches')
        )"""


class ExpectUnclassifiedShare(Claim):
    """The share of touches that no direction rule classifies stays within the tolerance."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine("touch_id", "direction not in ('inbound', 'outbound')", source_system="source_system")

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return count_by_system()


class ExpectNotEmptyWhereInputs(Claim):
    """The table holds rows of every source system of which rows were accepted.

    Args:
        entities: The entities that feed the table.
    """

    entities: list[str]

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return f"""
            select source_system as key, '*' as source_system, 1 as examined_rows,
                case when source_system in ({self._present()}) then 0 else 1 end as failing_rows,
                cast(null as double) as observed
            from {MARTS}.row_reconciliation where {self._has_inputs()}
            group by source_system"""

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return f"""
            select '*' as source_system, count(distinct source_system) as row_count
            from {MARTS}.row_reconciliation where {self._has_inputs()}"""

    def _has_inputs(self) -> str:
        entities = ", ".join(text(entity) for entity in self.entities)
        return f"build_id = {text(self.build_id)} and entity in ({entities}) and accepted_rows > 0"

    def _present(self) -> str:
        if "contacts" in self.entities:
            return "select unnest(string_split(source_systems, '|')) from batch"
        return "select source_system from batch"


class ExpectRowsOfInputs(Claim):
    """No source system has fewer rows in the table than rows of its inputs were accepted.

    A landed row counts once, though several rows may be staged from it, and a campaign's version is split
    where the registry fills it in: so there may be more rows, never fewer.

    Args:
        entity: The entity that the table is made of.
    """

    entity: str

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return f"""
            select accepted.source_system as key, '*' as source_system, 1 as examined_rows,
                case when coalesce(present.row_count, 0) >= accepted.accepted_rows then 0 else 1 end
                    as failing_rows,
                cast(null as double) as observed
            from (
                select source_system, sum(accepted_rows) as accepted_rows
                from {MARTS}.row_reconciliation where {self._is_counted()} group by 1
            ) as accepted
            left join (
                select source_system, count(*) as row_count from batch group by 1
            ) as present on accepted.source_system = present.source_system"""

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return f"""
            select '*' as source_system, count(distinct source_system) as row_count
            from {MARTS}.row_reconciliation where {self._is_counted()}"""

    def _is_counted(self) -> str:
        return f"build_id = {text(self.build_id)} and entity = {text(self.entity)}"


class ExpectKnownSourceSystem(Claim):
    """Every row comes from a source system of which this build accepted rows of that entity.

    Args:
        entity: The entity that the table is made of.
        key: The column that is reported.
    """

    entity: str
    key: str

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            name(self.key),
            f"""source_system is null or source_system not in (
                select source_system from {MARTS}.row_reconciliation
                where build_id = {text(self.build_id)} and entity = {text(self.entity)} and accepted_rows > 0
            )""",
        )
