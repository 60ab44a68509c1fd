"""Expectations about the reports on stages and time: nobody is lost, nobody is counted twice."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from expectations.claims.base import Claim, examine, examine_columns, name, text
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


class ExpectHorizonsAddUp(Claim):
    """Of the entries of a cohort, each has converted at once, is matured or matures still."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        horizons = ("within_30_days", "within_60_days", "within_90_days", "ever")
        wrong = {
            f"{horizon}_n": f"entries <> coalesce(immediate_prospects, 0) + {horizon}_n"
            f" + {horizon}_maturing_count"
            for horizon in horizons
        }
        wrong["ever_open_count"] = "ever_open_count not between 0 and ever_n - ever_count"
        return examine_columns("stage || ' ' || cohort || ' (' || cut || ')'", wrong)


class ExpectWaitsAddUp(Claim):
    """Whoever began a step has converted, at once or later, or is still waited for; shares are shares."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        low, share, high = "converted_share_low", "converted_share", "converted_share_high"
        return examine_columns(
            "step || ' (' || cut || ')'",
            {
                "entries": "entries <> coalesce(immediate_prospects, 0) + converted_count + censored_count",
                share: f"coalesce({share} not between 0 and 1, false)"
                f" or coalesce({share} not between {low} - 0.000001 and {high} + 0.000001, false)",
                "median_days": "coalesce(median_days > p90_days, false)",
            },
        )


class ExpectCurveOfWaits(Claim):
    """The curve of a step rises to the share that ``stage_velocity`` gives, by as many conversions.

    Args:
        dimensions: What tells one curve from another.
    """

    dimensions: list[str]

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        columns = ", ".join(name(each) for each in self.dimensions)
        return examine_columns(
            "coalesce(waits.step, curves.step) || ' (' || coalesce(waits.cut, curves.cut) || ')'",
            {
                **{
                    figure: f"coalesce(waits.{figure}, 0) <> coalesce(curves.{figure}, 0)"
                    for figure in ("converted_count", "converted_share")
                },
                "elapsed_days": "not coalesce(curves.is_rising, true)",
            },
            tail=f"""from (select * from {MARTS}.stage_velocity) as waits
                full join ({self._curves(columns)}) as curves using ({columns})""",
        )

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        columns = ", ".join(name(each) for each in self.dimensions)
        return f"""
            select '*' as source_system, count(*) as row_count
            from (
                select {columns} from {MARTS}.stage_velocity union select {columns} from batch
            ) as curves"""

    @staticmethod
    def _curves(columns: str) -> str:
        return f"""
            select {columns}, sum(converted_count) as converted_count,
                max(converted_share) as converted_share,
                bool_and(converted_share >= share_before and at_risk_count >= converted_count) as is_rising
            from (
                select *, lag(converted_share, 1, 0) over (
                    partition by {columns} order by elapsed_days
                ) as share_before
                from batch
            ) as steps
            group by {columns}"""


class ExpectAgesAddUp(Claim):
    """Everybody who stands in a stage stands in one band of ages; half no longer than nine tenths."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        bands = " + ".join(f"coalesce(open_{band}_days_count, 0)" for band in _BANDS)
        return examine_columns(
            "stage || ' (' || cut || ')'",
            {
                "open_count": f"open_count <> {bands}",
                "median_age_days": "median_age_days not between 0 and p90_age_days",
                "p90_age_days": "p90_age_days > max_age_days",
            },
        )


_BANDS = ("0_to_7", "7_to_30", "30_to_90", "90_to_180", "from_180")


class ExpectWorkOfPeople(Claim):
    """The worklist says of a person what ``people`` says, and leaves out nobody who is sure to be due.

    Whoever fits the ICP and stands between suspect and SQL, or has left, is due for something. Whether an SQL
    was handed off, and whether the record of a prospect who does not fit lacks something, is not asked.
    """

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        copied = (
            "current_stage", "segment", "is_icp_fit", "engagement_score", "last_touch_at", "blocked_by",
        )  # fmt: skip
        return examine_columns(
            "coalesce(batch.person_id, people.person_id)",
            {
                "person_id": "batch.person_id is null",
                **{
                    column: f"people.person_id is null or batch.{column} is distinct from people.{column}"
                    for column in copied
                },
                "action": """case batch.action
                    when 'hand_off' then batch.current_stage <> 'sql' or people.is_excluded
                    when 'enrich' then batch.current_stage <> 'prospect' or people.is_excluded
                    when 'nurture' then batch.current_stage in ('suspect', 'sql') or people.is_excluded
                        or not coalesce(batch.is_icp_fit, false)
                    else false
                end""",
                "waiting_days": f"""abs(
                    batch.waiting_days - epoch(timestamp {text(self.as_of)} - batch.since) / 86400
                ) > 0.00001""",
            },
            tail=f"""from batch full join {MARTS}.people on batch.person_id = people.person_id
                where batch.person_id is not null or ({_DUE})""",
        )

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return f"""
            select '*' as source_system, count(*) as row_count
            from (
                select person_id from batch
                union
                select person_id from {MARTS}.people where {_DUE}
            ) as due"""


_DUE = """not people.is_excluded and people.is_icp_fit
    and people.current_stage in ('prospect', 'mql', 'recycled', 'disqualified')"""
