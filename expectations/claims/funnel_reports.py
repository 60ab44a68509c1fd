"""Expectations about the reports on stages and time: nobody is lost, nobody is counted twice."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from expectations.claims.base import Claim, examine, text
from expectations.suites import MARTS, REPORT_CUTS, STAGES

Sums = tuple[str, str, str, Sequence[str], Sequence[str]]
_STAGE_OF_STEP = "split_part(step, '_to_', 1)"
_BY_MONTH = "cut || case when cohort = '(all)' then '' else ' by month' end"
_ENTRIES: Mapping[str, Sums] = {
    "funnel_by_day": ("entries", "stage", "'all'", ("all",), ("suspect", "prospect", "mql", "sql")),
    "conversion_by_cohort": (
        "entries",
        "stage",
        _BY_MONTH,
        tuple(f"{cut}{grain}" for cut in REPORT_CUTS for grain in ("", " by month")),
        ("suspect", "prospect", "mql"),
    ),
    "stage_velocity": ("entries", _STAGE_OF_STEP, "cut", REPORT_CUTS, ("suspect", "prospect", "mql")),
}
"""Per mart: what is added up, of which stage a row is, of which cut, and all cuts and stages there are."""
_OPEN: Mapping[str, Sums] = {
    "funnel_by_day": (
        "entries - exits",
        "stage",
        "'all'",
        ("all",),
        ("suspect", "prospect", "mql", "sql"),
    ),
    "stage_age": ("open_count", "stage", "cut", REPORT_CUTS, ("suspect", "prospect", "mql", "sql")),
}


class _EveryoneCounted(Claim):
    """Base: in every cut, the counts of a stage add up to what the stage's own table holds.

    Which sums there must be follows from the stages and the cuts, not from the rows: a cut that is missing
    altogether is missed.
    """

    table: str

    sums: ClassVar[Mapping[str, Sums]] = {}
    stands: ClassVar[str] = "true"
    """Which rows of a stage's table are counted; ``{stage}`` stands for the stage."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        summed, stage, cut, cuts, stages = self.sums[self.table]
        held = " union all ".join(
            f"select {text(name)} as stage, count(*) as held"
            f" from {MARTS}.{table} where {self.stands.format(stage=text(name))}"
            for table, name in STAGES.items()
            if name in stages
        )
        return examine(
            "expected.stage || ' (' || expected.cut || ')'",
            "expected.held <> coalesce(counted.counted, 0)",
            tail=f"""from (
                    select held.stage, cuts.cut, held.held
                    from ({held}) as held
                    cross join (select unnest([{", ".join(text(each) for each in cuts)}]) as cut) as cuts
                ) as expected
                left join (
                    select {stage} as stage, {cut} as cut, sum({summed}) as counted from batch group by all
                ) as counted on expected.stage = counted.stage and expected.cut = counted.cut""",
        )

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        _, _, _, cuts, stages = self.sums[self.table]
        return f"select '*' as source_system, {len(cuts) * len(stages)} as row_count"


class ExpectEveryEntryCounted(_EveryoneCounted):
    """In every cut, as many entries are counted as the stage's table has rows.

    Args:
        table: The mart.
    """

    sums: ClassVar[Mapping[str, Sums]] = _ENTRIES


class ExpectOpenStockCounted(_EveryoneCounted):
    """In every cut, as many people × cycles stand in a stage as its table says stand there now.

    Args:
        table: The mart.
    """

    sums: ClassVar[Mapping[str, Sums]] = _OPEN
    stands: ClassVar[str] = "current_stage = {stage}"


class ExpectStockCarriedForward(Claim):
    """Stock is that of the row before, plus who entered, less who left, and never below 0."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            "concat_ws(' ', funnel_date, stage, scoped_campaign_id)",
            "open_stock < 0 or open_stock <> entries - exits + coalesce(stock_before, 0)"
            " or exits <> exits_advanced + exits_recycled + exits_disqualified",
            tail="""from (
                select
                    *,
                    lag(open_stock) over (
                        partition by stage, direction, segment, scoped_campaign_id, channel,
                            acquisition_source
                        order by funnel_date
                    ) as stock_before
                from batch
            ) as carried""",
        )


class ExpectRestatementsAddUp(Claim):
    """Figures told before, plus the changes of all causes, are the figures told now."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            "concat_ws(' ', build_id, stage, entry_month)",
            """entries_now <> entries_before + sum(changed_count) over (
                    partition by build_id, stage, entry_month, direction, segment, scoped_campaign_id,
                        channel, acquisition_source
                )
                or changed_count <> added_count - removed_count
                or least(entries_before, entries_now, added_count, removed_count) < 0""",
        )


class ExpectNoContactAfterOptOut(Claim):
    """No outbound contact follows an opt-out that stands; an unclassified one may be outbound.

    Judged by the share of such contacts. The tolerance decides whether it blocks: the past cannot be
    undone, and what happened has to be published.
    """

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            "batch.touch_id",
            "breaches.touch_id is not null",
            source_system="batch.source_system",
            tail=f"""from batch left join {MARTS}.opt_out_breaches as breaches
                on batch.touch_id = breaches.touch_id
                where {_OUTBOUND_CONTACT}""",
        )

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return f"""
            select source_system, count(*) as row_count
            from batch where {_OUTBOUND_CONTACT} group by source_system"""


_OUTBOUND_CONTACT = "batch.actor = 'company' and batch.direction in ('outbound', 'unclassified')"
