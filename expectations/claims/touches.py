"""Expectations that hold touches against what they follow from and what follows from them."""

from expectations.claims.base import Claim, examine, examine_columns, name, text
from expectations.suites import MARTS


class ExpectStampInForce(Claim):
    """The stamped campaign context is that of a version of the campaign, for a touch's own the one in force.

    A context that was taken from another touch is that of a version which began earlier. Where no version was
    in force, nothing is stamped.

    Args:
        columns: The columns that a touch copies from the campaign's version.
    """

    columns: list[str]

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine_columns(
            "batch.touch_id",
            {
                "context_source": """(batch.context_source = 'none') <> (batch.campaign_id is null)
                    or (batch.campaign_source_system is null) <> (batch.campaign_id is null)""",
                **{column: self._is_wrong(column) for column in self.columns},
            },
            tail=f"""from batch
                left join {MARTS}.campaigns as versions
                    on batch.campaign_source_system = versions.source_system
                    and case when batch.context_source = 'own' then batch.campaign_id end
                        = versions.campaign_id
                    and batch.occurred_at >= versions.valid_from
                    and batch.occurred_at < coalesce(versions.valid_to, timestamp 'infinity')
                left join ({self._values_of_campaigns()}) as held
                    on batch.campaign_source_system = held.source_system
                    and batch.campaign_id = held.campaign_id""",
        )

    def _values_of_campaigns(self) -> str:
        """Write the query for all values that each campaign ever had.

        These are few rows. To ask its versions once for each column of each touch takes more memory than any
        machine has.

        Returns:
            SQL that selects a campaign's key and a list of values for each column.
        """
        lists = ", ".join(f"list(distinct {name(column)}) as {name(column)}" for column in self.columns)
        return f"""
            select source_system, campaign_id, {lists}
            from {MARTS}.campaigns group by source_system, campaign_id"""

    def _is_wrong(self, column: str) -> str:
        stamped = f"batch.{name(column)}"
        return f"""case
                when batch.context_source in ('answered', 'window')
                    then {stamped} is not null
                        and not coalesce(list_contains(held.{name(column)}, {stamped}), false)
                else {stamped} is distinct from versions.{name(column)}
            end"""


class ExpectTouchIdOfSource(Claim):
    """A touch is called by its source system and the id that it has there."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine("touch_id", "not starts_with(touch_id, source_system || ':')")


class ExpectCycleOfMoment(Claim):
    """A touch of somebody who can be in a stage lies in the cycle that had begun last when it occurred."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine_columns(
            "batch.touch_id",
            {"cycle_number": "batch.cycle_number is distinct from cycles.cycle_number"},
            tail=f"""from batch
                inner join ({_STAGED}) as staged on batch.person_id = staged.person_id
                left join (
                    select person_id, cycle_number, became_suspect_at,
                        lead(became_suspect_at, 1, timestamp 'infinity') over (
                            partition by person_id order by cycle_number
                        ) as next_suspect_at
                    from {MARTS}.suspects
                ) as cycles
                    on batch.person_id = cycles.person_id
                    and batch.occurred_at >= cycles.became_suspect_at
                    and batch.occurred_at < cycles.next_suspect_at""",
        )

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return f"""
            select '*' as source_system, count(*) as row_count
            from batch where person_id in ({_STAGED})"""


_STAGED = f"select distinct person_id from {MARTS}.suspects"


class ExpectTouchesOfPeople(Claim):
    """First and last touch of a person, and the number of each direction, are those of the touches."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        directions = ("inbound", "outbound", "unclassified")
        counts = ", ".join(
            f"count(*) filter (where direction = {text(direction)}) as {direction}_touches"
            for direction in directions
        )
        return examine_columns(
            "batch.person_id",
            {
                **{
                    f"{end}_touch_at": f"batch.{end}_touch_at is distinct from counted.{end}_touch_at"
                    for end in ("first", "last")
                },
                **{
                    f"{direction}_touches": f"batch.{direction}_touches is distinct from"
                    f" coalesce(counted.{direction}_touches, 0)"
                    for direction in directions
                },
            },
            tail=f"""from batch
                left join (
                    select person_id, min(occurred_at) as first_touch_at, max(occurred_at) as last_touch_at,
                        {counts}
                    from {MARTS}.touches group by person_id
                ) as counted on batch.person_id = counted.person_id""",
        )


class ExpectBreachesOfTouches(Claim):
    """Every breach is a company's touch after an opt-out of the same person, and none is left out.

    A company's touch without permission after an opt-out is a breach. Where another touch shares its instant,
    that touch may have granted permission, and nothing is asked.
    """

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        copied = ("person_id", "source_system", "occurred_at", "channel", "touch_type", "direction")
        looked_at = examine_columns(
            "coalesce(batch.touch_id, contacts.touch_id)",
            {
                "touch_id": "batch.touch_id is null or touches.actor is distinct from 'company'",
                **{column: f"batch.{column} is distinct from touches.{column}" for column in copied},
                "campaign_id": "batch.campaign_id is distinct from coalesce(touches.campaign_id, 'none')",
                "opted_out_at": """batch.opted_out_at >= batch.occurred_at or not exists (
                    select 1 from withdrawn as opt_outs
                    where opt_outs.is_opt_out and opt_outs.person_id = batch.person_id
                        and opt_outs.occurred_at = batch.opted_out_at
                )""",
                "days_after_opt_out": """abs(
                    batch.days_after_opt_out - epoch(batch.occurred_at - batch.opted_out_at) / 86400
                ) > 0.00001""",
            },
            tail=f"""from batch
                left join withdrawn as touches on batch.touch_id = touches.touch_id
                full join ({_BREACHES}) as contacts on batch.touch_id = contacts.touch_id""",
        )
        return f"with {_WITHDRAWN} {looked_at}"

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return f"""
            select '*' as source_system, count(distinct touch_id) as row_count
            from (select touch_id from batch union all (with {_WITHDRAWN} {_BREACHES})) as contacts"""


# The touches of whoever opted out are few, and all that is asked is asked of them.
_WITHDRAWN = f"""
    withdrawn as materialized (
        select touch_id, person_id, source_system, occurred_at, channel, touch_type, direction, actor,
            campaign_id, audience_consent, is_opt_out, has_prior_permission,
            min(occurred_at) filter (where is_opt_out) over (partition by person_id) as first_opted_out_at,
            min(touch_id) over instant = max(touch_id) over instant as is_alone
        from {MARTS}.touches
        where person_id in (select person_id from {MARTS}.touches where is_opt_out)
        window instant as (partition by person_id, occurred_at)
    )"""

_BREACHES = """
    select touch_id
    from withdrawn
    where actor = 'company' and occurred_at > first_opted_out_at
        and (direction in ('outbound', 'unclassified') or audience_consent = 'opt_in')
        and not is_opt_out and not has_prior_permission
        and is_alone"""
