"""Expectations about the reports on money and credit: all spend is allocated, all credit given, once."""

from expectations.claims.base import Claim, examine, text
from expectations.suites import (
    COST_CUTS,
    CREDIT_MODELS,
    DIRECTION_CUTS,
    DIRECTION_STEPS,
    MARTS,
    SCORE_CUTS,
    STAGES,
)


class ExpectSpendRowsCounted(Claim):
    """As many spend rows are counted as were accepted, of every source system."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            "coalesce(accepted.source_system, counted.source_system)",
            "coalesce(accepted.row_count, 0) <> coalesce(counted.row_count, 0)",
            tail=f"""from ({self._accepted()}) as accepted
                full join ({_COUNTED_SPEND}) as counted on accepted.source_system = counted.source_system""",
        )

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return f"""
            select '*' as source_system, count(*) as row_count
            from (
                select source_system from ({self._accepted()}) as accepted
                union
                select source_system from ({_COUNTED_SPEND}) as counted
            ) as systems"""

    def _accepted(self) -> str:
        return f"""
            select source_system, sum(accepted_rows) as row_count
            from {MARTS}.row_reconciliation
            where build_id = {text(self.build_id)} and entity = 'campaign_spend'
            group by source_system"""


_COUNTED_SPEND = """
    select campaign_source_system as source_system, sum(spend_rows) as row_count
    from batch
    group by campaign_source_system"""


class ExpectCostsAddUp(Claim):
    """In every cut, allocated is what was spent, to the cent, and entries are the rows of the stages."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        spent = f"select coalesce(sum(spend_amount), 0) from {MARTS}.campaign_spend"
        figures = [
            ("spend_amount", spent),
            *((table, f"select count(*) from {MARTS}.{table}") for table in STAGES),
        ]
        expected = " union all ".join(
            f"select {text(name)} as figure, ({query}) as held" for name, query in figures
        )
        added = " union all ".join(
            f"select cut, {text(name)} as figure, sum({name}) as added from batch group by cut"
            for name, _ in figures
        )
        return examine(
            "expected.figure || ' (' || cuts.cut || ')'",
            "expected.held <> coalesce(summed.added, 0)",
            tail=f"""from ({expected}) as expected
                cross join (select unnest([{", ".join(text(cut) for cut in COST_CUTS)}]) as cut) as cuts
                left join ({added}) as summed
                    on cuts.cut = summed.cut and expected.figure = summed.figure""",
        )

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return f"select '*' as source_system, {len(COST_CUTS) * (1 + len(STAGES))} as row_count"


class ExpectWholeCredit(Claim):
    """By every model, the credit for a stage is the number of those who entered it, exactly."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        held = " union all ".join(
            f"select {text(STAGES[table])} as stage, count(*) as held from {MARTS}.{table}"
            for table in _CREDITED
        )
        credit = " union all ".join(
            f"select stage, {text(model)} as model, sum({model}_credit) as credit from batch group by stage"
            for model in CREDIT_MODELS
        )
        models = ", ".join(text(model) for model in CREDIT_MODELS)
        return examine(
            "expected.stage || ' (' || models.model || ')'",
            "expected.held <> coalesce(summed.credit, 0)",
            tail=f"""from ({held}) as expected
                cross join (select unnest([{models}]) as model) as models
                left join ({credit}) as summed
                    on expected.stage = summed.stage and models.model = summed.model""",
        )

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return f"select '*' as source_system, {len(_CREDITED) * len(CREDIT_MODELS)} as row_count"


_CREDITED = ("mqls", "sqls")


class ExpectEveryJourneyCounted(Claim):
    """There are as many journeys as SQLs."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            "'sqls'",
            "counted.row_count <> held.row_count",
            tail=f"""from (select coalesce(sum(sqls), 0) as row_count from batch) as counted
                cross join (select count(*) as row_count from {MARTS}.sqls) as held""",
        )

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return "select '*' as source_system, 1 as row_count"


class ExpectDirectionsAddUp(Claim):
    """In every cut and step, entries are those into the step's last stage, and spend is the direction's.

    A first suspect's direction stands in no stage table, so suspects are counted in ``funnel_by_day``, which
    is held to the stage tables itself. Both directions' spend is that of ``cost_per_stage``.
    """

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            "concat_ws(' ', expected.direction, expected.figure, expected.funnel_step,"
            " '(' || cuts.cut || ')')",
            "expected.held <> coalesce(summed.added, 0)",
            tail=f"""from ({" union all ".join(self._held())}) as expected
                cross join (select unnest([{", ".join(map(text, DIRECTION_CUTS))}]) as cut) as cuts
                left join ({" union all ".join(self._added())}) as summed
                    on cuts.cut = summed.cut and expected.funnel_step = summed.funnel_step
                    and expected.direction = summed.direction and expected.figure = summed.figure""",
        )

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        sums = len(DIRECTION_CUTS) * len(DIRECTION_STEPS) * len(_COMPARED) * len(_FIGURES)
        return f"select '*' as source_system, {sums} as row_count"

    def _held(self) -> list[str]:
        tables = {stage: table for table, stage in STAGES.items()}
        held = []
        for step, stage in DIRECTION_STEPS.items():
            for direction in _COMPARED:
                entries = (
                    f"select coalesce(sum(entries), 0) from {MARTS}.funnel_by_day"
                    f" where stage = 'suspect' and direction = {text(direction)}"
                    if stage == "suspect"
                    else f"select count(*) from {MARTS}.{tables[stage]} where direction = {text(direction)}"
                )
                spend = (
                    f"select coalesce(sum(spend_amount), 0) from {MARTS}.cost_per_stage"
                    f" where cut = 'direction' and direction = {text(direction)}"
                )
                held += [
                    f"select {text(step)} as funnel_step, {text(direction)} as direction,"
                    f" {text(figure)} as figure, ({query}) as held"
                    for figure, query in zip(_FIGURES, (entries, spend), strict=True)
                ]
        return held

    def _added(self) -> list[str]:
        return [
            f"select cut, funnel_step, {text(direction)} as direction, {text(figure)} as figure,"
            f" sum({direction}_{figure}) as added from batch group by cut, funnel_step"
            for direction in _COMPARED
            for figure in _FIGURES
        ]


_COMPARED = ("inbound", "outbound")
_FIGURES = ("entries", "spend_amount")


class ExpectEveryScoreCounted(Claim):
    """In every cut, entries judged, maturing and sales-qualified at once are the stage's rows."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        held = " union all ".join(
            f"select {text(stage)} as stage, count(*) as held from {MARTS}.{table}"
            for table, stage in STAGES.items()
            if stage in _SCORED
        )
        return examine(
            "expected.stage || ' (' || cuts.cut || ')'",
            "expected.held <> coalesce(summed.added, 0)",
            tail=f"""from ({held}) as expected
                cross join (select unnest([{", ".join(map(text, SCORE_CUTS))}]) as cut) as cuts
                left join (
                    select cut, stage, sum(sql_n + sql_maturing_count + immediate_sqls) as added
                    from batch group by cut, stage
                ) as summed on cuts.cut = summed.cut and expected.stage = summed.stage""",
        )

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return f"select '*' as source_system, {len(SCORE_CUTS) * len(_SCORED)} as row_count"


_SCORED = ("prospect", "mql")


class ExpectEveryDealCounted(Claim):
    """As many rows of deals are counted as were accepted, and a deal is open, won or lost."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        rows = examine(
            "'deal_rows'",
            "counted.row_count <> held.row_count",
            tail=f"""from (select coalesce(sum(deal_rows), 0) as row_count from batch) as counted
                cross join (
                    select coalesce(sum(accepted_rows), 0) as row_count
                    from {MARTS}.row_reconciliation
                    where build_id = {text(self.build_id)} and entity = 'deals'
                ) as held""",
        )
        states = examine(
            "concat_ws(' ', stage_at_opening, opened_month)",
            "deals <> open_deals + won_deals + lost_deals or deals > deal_rows or deals < 1",
        )
        return f"{rows}\nunion all\n{states}"

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return "select '*' as source_system, 1 + count(*) as row_count from batch"
