"""Expectations about stages: order, containment, evidence, context, ICP, transitions."""

from expectations.claims.base import Claim, count_by_system, examine, examine_columns, name, text
from expectations.suites import MARTS, STAGES

_PERSON = "batch.person_id"


class ExpectIcpComplete(Claim):
    """Every row has every attribute that the ICP version in force requires."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            "person_id", "not is_icp_complete or icp_version is null", source_system="source_system"
        )

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return count_by_system()


class ExpectIcpFit(Claim):
    """Every row lies within the bounds of the ICP version in force."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine("person_id", "not is_icp_fit")


class ExpectContextComplete(Claim):
    """Every row carries the campaign context that its direction requires.

    Args:
        direction: Only rows of this direction; empty for all. The rows there are to examine are then
            counted on the evidence touches, so that a direction lost on the way is noticed.
    """

    direction: str = ""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        # A touch that interrupts hangs on a campaign, whatever the policy calls required.
        failing = "not is_context_complete or (direction <> 'inbound' and campaign_id is null)"
        tail = "from batch"
        if self.direction:
            tail += f" where direction = {text(self.direction)}"
        return examine("person_id", failing, source_system="source_system", tail=tail)

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        if not self.direction:
            return count_by_system()
        return f"""
            select batch.source_system, count(*) as row_count
            from batch
            inner join {MARTS}.touches on batch.evidence_touch_id = touches.touch_id
            where touches.direction = {text(self.direction)}
            group by 1"""


class ExpectOrderedStageDates(Claim):
    """The stages were reached in their order.

    Args:
        columns: The times of the stages, in the order in which they may be reached.
    """

    columns: list[str]

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        pairs = zip(self.columns, self.columns[1:], strict=False)
        failing = " or ".join(f"coalesce({name(early)} > {name(late)}, true)" for early, late in pairs)
        return examine("person_id", failing)


class ExpectStageContainment(Claim):
    """Every row has its row in the stage before, in the same cycle and with the same times.

    Args:
        parent: Table of the stage before.
        columns: Times that both tables carry.
    """

    parent: str
    columns: list[str]

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        same = " and ".join(f"parent.{name(column)} = batch.{name(column)}" for column in self.columns)
        return examine(
            _PERSON,
            f"""not exists (
                select 1 from {MARTS}.{self.parent} as parent
                where parent.person_id = batch.person_id
                    and parent.cycle_number = batch.cycle_number and {same}
            )""",
        )


class ExpectIcpVerdictCarried(Claim):
    """Every SQL carries the ICP version and verdict of its MQL."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            _PERSON,
            f"""not exists (
                select 1 from {MARTS}.mqls
                where mqls.person_id = batch.person_id and mqls.cycle_number = batch.cycle_number
                    and mqls.icp_version = batch.icp_version
                    and mqls.is_icp_complete = batch.is_icp_complete
                    and mqls.is_icp_fit = batch.is_icp_fit
            )""",
        )


class ExpectEvidenceTouch(Claim):
    """The evidence is a response of the same person, in the same cycle, at the right moment.

    The first suspect has none. A prospect's evidence is the response that made it one, and a re-entry's
    the response that opened the cycle. An MQL's lies at or before its time, with a complete context. A
    qualifying response is an SQL's: it came last of the two conditions, or the MQL did.

    Args:
        stage: The stage of the table.
    """

    stage: str

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        moment = {
            "suspect": "touches.occurred_at = batch.became_suspect_at",
            "prospect": "touches.occurred_at = batch.became_prospect_at",
            "mql": "touches.occurred_at <= batch.became_mql_at and touches.is_context_complete",
            "sql": "greatest(touches.occurred_at, batch.became_mql_at) = batch.became_sql_at"
            " and touches.is_context_complete and touches.is_qualifying_response",
        }[self.stage]
        proved = f"""(
            touches.touch_id is not null and touches.person_id = batch.person_id
            and touches.cycle_number = batch.cycle_number and touches.is_response and {moment}
        )"""
        failing = f"not coalesce({proved}, false)"
        if self.stage == "suspect":
            failing = (
                "case when batch.cycle_number = 1"
                f" then batch.evidence_touch_id is not null else {failing} end"
            )
        return examine(
            _PERSON,
            failing,
            tail=f"from batch left join {MARTS}.touches on batch.evidence_touch_id = touches.touch_id",
        )


class ExpectFrozenStamp(Claim):
    """The row carries the direction, rule and whole context stamp of its evidence touch.

    Without evidence there is no stamp either.

    Args:
        columns: The columns that both carry.
    """

    columns: list[str]

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine_columns(
            _PERSON,
            {
                column: f"touches.{name(column)} is distinct from batch.{name(column)}"
                for column in self.columns
            },
            tail=f"from batch left join {MARTS}.touches on batch.evidence_touch_id = touches.touch_id",
        )


class ExpectJustifiedRoute(Claim):
    """The route to MQL is borne out by the touches of the cycle.

    By qualifying response: there is one at or before the time. By score: the score is above zero and no
    higher than the undecayed points of the cycle's responses up to then, which it can only fall below.
    """

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return f"""
            select batch.person_id as key, '*' as source_system, 1 as examined_rows,
                case
                    when batch.mql_route = 'qualifying_response' and responses.qualifying > 0 then 0
                    when batch.mql_route = 'score' and batch.engagement_score > 0
                        and batch.engagement_score <= responses.points + 0.00001 then 0
                    else 1
                end as failing_rows,
                cast(null as double) as observed
            from batch
            left join (
                select mqls.person_id, mqls.cycle_number,
                    count(*) filter (where touches.is_qualifying_response) as qualifying,
                    sum(touches.points) filter (
                        where touches.response_relevance is distinct from 'irrelevant'
                    ) as points
                from batch as mqls
                inner join {MARTS}.touches
                    on mqls.person_id = touches.person_id and mqls.cycle_number = touches.cycle_number
                where touches.is_response and touches.occurred_at <= mqls.became_mql_at
                group by 1, 2
            ) as responses
                on batch.person_id = responses.person_id
                and batch.cycle_number = responses.cycle_number"""


class ExpectSuspectWhenKnown(Claim):
    """Who is known and not excluded is a suspect since that moment; nobody else has been in a stage."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            _PERSON,
            """(suspects.person_id is null and not batch.is_excluded and batch.first_known_at is not null)
                or (suspects.person_id is not null and (
                    batch.is_excluded or batch.first_known_at is distinct from suspects.became_suspect_at
                ))""",
            tail=f"""from batch
                left join (
                    select person_id, min(became_suspect_at) as became_suspect_at
                    from {MARTS}.suspects where cycle_number = 1 group by 1
                ) as suspects on batch.person_id = suspects.person_id""",
        )


class ExpectProspectOfResponse(Claim):
    """Every response of somebody who can be in a stage has a prospect of its cycle, no later than itself.

    A prospect that is lost is missed by its touches; what holds of the prospects alone would still hold.
    """

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            "batch.touch_id",
            "coalesce(prospects.became_prospect_at > batch.occurred_at, true)",
            tail=f"""from batch
                inner join {MARTS}.people
                    on batch.person_id = people.person_id
                    and not people.is_excluded and people.first_known_at is not null
                left join (
                    select person_id, cycle_number, min(became_prospect_at) as became_prospect_at
                    from {MARTS}.prospects group by 1, 2
                ) as prospects
                    on batch.person_id = prospects.person_id
                    and batch.cycle_number = prospects.cycle_number
                where batch.is_response""",
        )

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return f"""
            select '*' as source_system, count(*) filter (where is_response) as row_count
            from batch
            where person_id in (
                select person_id from {MARTS}.people where not is_excluded and first_known_at is not null
            )"""


class ExpectSqlWhereQualified(Claim):
    """An MQL with a qualifying response in its cycle is an SQL since the later of the two."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            _PERSON,
            """sqls.became_sql_at is distinct from
                case when qualifying.first_at is not null
                    then greatest(qualifying.first_at, batch.became_mql_at) end""",
            tail=f"""from batch
                left join (
                    select person_id, cycle_number, min(occurred_at) as first_at
                    from {MARTS}.touches where is_qualifying_response group by 1, 2
                ) as qualifying
                    on batch.person_id = qualifying.person_id
                    and batch.cycle_number = qualifying.cycle_number
                left join (
                    select person_id, cycle_number, min(became_sql_at) as became_sql_at
                    from {MARTS}.sqls group by 1, 2
                ) as sqls
                    on batch.person_id = sqls.person_id
                    and batch.cycle_number = sqls.cycle_number""",
        )


class ExpectContiguousCycles(Claim):
    """The cycles of a person are numbered from one without a gap."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            "person_id",
            "cycle_number <> position",
            tail="""from (
                select person_id, cycle_number,
                    row_number() over (partition by person_id order by cycle_number) as position
                from batch
            ) as numbered""",
        )


class ExpectTransition(Claim):
    """Every row has exactly one transition into its stage, at the same moment and with the same verdict.

    Args:
        stage: The stage of the table.
    """

    stage: str

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        columns = (
            "evidence_touch_id", "direction", "direction_rule_id", "engagement_score", "icp_version",
            "is_icp_complete", "is_icp_fit", "policy",
            *(("mql_route",) if self.stage in ("mql", "sql") else ()),
        )  # fmt: skip
        same = " and ".join(f"transitions.{column} is not distinct from batch.{column}" for column in columns)
        return examine(
            _PERSON,
            f"""(
                select count(*) from {MARTS}.stage_transitions as transitions
                where transitions.person_id = batch.person_id
                    and transitions.cycle_number = batch.cycle_number
                    and transitions.to_stage = {text(self.stage)}
                    and transitions.occurred_at = batch.became_{self.stage}_at
                    and {same}
            ) <> 1""",
        )


class ExpectStageRow(Claim):
    """Every transition into a stage has its row in the stage's table."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        rows = " union all ".join(
            f"select person_id, cycle_number, {text(stage)} as stage, became_{stage}_at as reached_at"
            f" from {MARTS}.{table}"
            for table, stage in STAGES.items()
        )
        return examine(
            "batch.transition_id",
            "stage_rows.person_id is null",
            tail=f"""from batch
                left join ({rows}) as stage_rows
                    on batch.person_id = stage_rows.person_id
                    and batch.cycle_number = stage_rows.cycle_number
                    and batch.to_stage = stage_rows.stage
                    and batch.occurred_at = stage_rows.reached_at
                where batch.to_stage in ('suspect', 'prospect', 'mql', 'sql')""",
        )

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return " union all ".join(
            f"select '*' as source_system, count(*) as row_count from {MARTS}.{table}" for table in STAGES
        )


class ExpectConsistentTransitions(Claim):
    """Every transition leads from a stage that allows it, and its id says which it is."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            "transition_id",
            """transition_id <> concat_ws(':', person_id, cycle_number, to_stage) or not coalesce(
                case
                    when transition_kind = 'advance' and to_stage = 'suspect'
                        then cycle_number = 1 and from_stage is null
                    when transition_kind = 're_enter'
                        then to_stage = 'suspect' and cycle_number > 1
                            and from_stage in ('recycled', 'disqualified')
                    when transition_kind = 'advance' and to_stage = 'prospect' then from_stage = 'suspect'
                    when transition_kind = 'advance' and to_stage = 'mql' then from_stage = 'prospect'
                    when transition_kind = 'advance' and to_stage = 'sql' then from_stage = 'mql'
                    when transition_kind = 'recycle'
                        then to_stage = 'recycled' and from_stage in ('suspect', 'prospect', 'mql', 'sql')
                    when transition_kind = 'disqualify'
                        then to_stage = 'disqualified' and from_stage in ('suspect', 'prospect', 'mql', 'sql')
                end, false)""",
        )


class ExpectTransitionEvidence(Claim):
    """Evidence is a touch of the same person, not later than the transition; only some need none.

    The first suspect and exits other than an opt-out carry no evidence; every other transition does.
    """

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            "batch.transition_id",
            """case
                when batch.evidence_touch_id is null
                    then batch.transition_kind not in ('recycle', 'disqualify')
                        and not (batch.to_stage = 'suspect' and batch.cycle_number = 1)
                else not coalesce(
                    touches.person_id = batch.person_id and touches.occurred_at <= batch.occurred_at, false
                )
            end""",
            tail=f"from batch left join {MARTS}.touches on batch.evidence_touch_id = touches.touch_id",
        )


class ExpectProvedStage(Claim):
    """The stage that is called proved is the furthest that the stage tables hold of the person.

    Asked of the proof alone: no verdict follows from what a CRM claims.
    """

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        furthest = " ".join(
            f"when batch.person_id in (select person_id from {MARTS}.{table}) then {text(stage)}"
            for table, stage in reversed(STAGES.items())
        )
        return examine(_PERSON, f"batch.proved_stage is distinct from case {furthest} end")


_STATES = "['suspect', 'prospect', 'mql', 'sql', 'recycled', 'disqualified']"


class ExpectStandingOfCycle(Claim):
    """Where a cycle stands, and since when, is what its last transition says; the days follow from as-of."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine_columns(
            _PERSON,
            {
                "current_stage": "batch.current_stage is distinct from latest.to_stage",
                "current_stage_since": "batch.current_stage_since is distinct from latest.occurred_at",
                "days_in_stage": days_differ(self.as_of),
            },
            tail=f"""from batch
                left join (
                    select person_id, cycle_number,
                        max_by(to_stage, array_position({_STATES}, to_stage)) as to_stage,
                        max_by(occurred_at, array_position({_STATES}, to_stage)) as occurred_at
                    from {MARTS}.stage_transitions group by person_id, cycle_number
                ) as latest
                    on batch.person_id = latest.person_id and batch.cycle_number = latest.cycle_number""",
        )


def days_differ(as_of: str) -> str:
    """A SQL condition: the days in a stage are not those between its beginning and as-of.

    Args:
        as_of: The build's clock, ISO, UTC.

    Returns:
        The condition on the batch's columns; true where days stand and no beginning does.
    """
    days = f"epoch(timestamp {text(as_of)} - batch.current_stage_since) / 86400"
    return f"coalesce(abs(batch.days_in_stage - {days}) > 0.00001, batch.days_in_stage is not null)"


class ExpectCurrentStage(Claim):
    """A person's current stage and cycle are those of the person's last transition.

    Who has no transition is in no stage.
    """

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            _PERSON,
            """batch.current_stage is distinct from latest.to_stage
                or (latest.to_stage is not null and (
                    batch.current_cycle is distinct from latest.cycle_number
                    or batch.current_stage_since is distinct from latest.occurred_at
                ))
                or (batch.is_excluded and batch.current_stage is not null)
                or """
            + days_differ(self.as_of),
            tail=f"""from batch
                left join (
                    select person_id, to_stage, cycle_number, occurred_at
                    from {MARTS}.stage_transitions
                    qualify row_number() over (
                        partition by person_id
                        order by cycle_number desc, array_position(
                            ['suspect', 'prospect', 'mql', 'sql', 'recycled', 'disqualified'], to_stage
                        ) desc
                    ) = 1
                ) as latest on batch.person_id = latest.person_id""",
        )
