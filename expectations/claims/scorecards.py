"""Expectations about scorecards: nobody counts twice, and no verdict stands without its evidence."""

from expectations.claims.base import Claim, examine, examine_columns, text
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


class ExpectTestsLogged(Claim):
    """Every test that a scorecard counts is in the log, and the test that it shows with the same verdict."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        shown = " union all ".join(
            f"select cut, test_id, verdict, tests_count, success_n, success_count"
            f" from {MARTS}.{table} where test_id is not null or tests_count > 0"
            for table in _SCORECARDS
        )
        tests = examine_columns(
            "shown.test_id",
            {
                "test_id": "logged.test_id is null",
                "verdict": "shown.verdict <> logged.verdict",
                "success_n": "shown.success_n <> logged.success_n",
                "success_count": "shown.success_count <> logged.success_count",
            },
            tail=f"from ({shown}) as shown left join batch as logged on shown.test_id = logged.test_id",
        )
        counts = examine(
            "coalesce(counted.cut, logged.cut)",
            "coalesce(counted.tests, 0) <> coalesce(logged.tests, 0)",
            tail=f"""from (
                    select cut, sum(tests_count) as tests from ({shown}) as shown group by cut
                ) as counted
                full join (select cut, count(*) as tests from batch group by cut) as logged
                    on counted.cut = logged.cut""",
        )
        return f"{tests}\nunion all\n{counts}"

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        shown = " union all ".join(
            f"select cut, test_id from {MARTS}.{table} where test_id is not null or tests_count > 0"
            for table in _SCORECARDS
        )
        return f"""
            select '*' as source_system, count(*) as row_count from ({shown}) as shown
            union all
            select '*', count(distinct cut)
            from (select cut from ({shown}) as shown union all select cut from batch) as cuts"""


_SCORECARDS = ("campaign_scorecard", "segment_scorecard", "message_scorecard")
