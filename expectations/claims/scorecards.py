"""Expectations about scorecards: nobody counts twice, and no verdict stands without its evidence."""

from expectations.claims.base import Claim, examine, text
from expectations.suites import ACCEPTED, MARTS


class ExpectSameContactsInEveryCut(Claim):
    """Every cut of a scorecard holds the same contacts, and so does another scorecard of the same people.

    Args:
        table: The scorecard.
        like: The scorecard with which it is compared, in its first cut.
    """

    table: str
    like: str

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            "expected.direction || ' (' || expected.cut || ')'",
            "expected.reached <> coalesce(counted.reached, 0)",
            tail=f"""from (
                    select directions.direction, cuts.cut, directions.reached
                    from ({self._directions()}) as directions
                    cross join (select unnest([{self._cuts()}]) as cut) as cuts
                ) as expected
                left join (
                    select direction, cut, sum(reached_count) as reached from batch group by all
                ) as counted
                    on expected.direction = counted.direction and expected.cut = counted.cut""",
        )

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return f"""
            select '*' as source_system, count(*) * {len(ACCEPTED[self.table]["cut"])} as row_count
            from ({self._directions()}) as directions"""

    def _directions(self) -> str:
        first = ACCEPTED[self.like]["cut"][0]
        return f"""
            select direction, sum(reached_count) as reached
            from {MARTS}.{self.like} where cut = {text(first)} group by direction"""

    def _cuts(self) -> str:
        return ", ".join(text(cut) for cut in ACCEPTED[self.table]["cut"])


class ExpectEvidenceForVerdict(Claim):
    """A verdict on a promise that could be read has the evidence that it needs, on its own side."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            "coalesce(test_id, verdict)",
            """case verdict
                when 'scale' then evidence_above_log10 < evidence_required_log10 or promised_rate is null
                when 'stop' then evidence_below_log10 < evidence_required_log10 or promised_rate is null
                else false
            end or success_count > success_n""",
        )
