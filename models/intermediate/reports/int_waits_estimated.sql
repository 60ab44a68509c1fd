-- Grain: one step × cut × waiting time: how many had the event after that time, how many are only known to have waited
-- so long, and what follows from both for the share that has had it by then (Kaplan and Meier 1958, Greenwood 1926).
-- Only as-of censors. Whoever has left the cycle stays at risk until as-of and never counts as a conversion.
-- Suspects who were prospects at once have waited for nothing: they are counted beside the estimate.
with entries as (
    select * from {{ ref('int_entries_described') }}
),

-- Speed to lead: from the first response of a cycle that qualifies to the first handoff after it in that cycle.
qualifying as (
    select
        person_id,
        cycle_number,
        touch_id,
        occurred_at,
        direction,
        channel,
        campaign_source_system,
        campaign_id,
        row_number() over (
            partition by person_id, cycle_number order by occurred_at, source_system, touch_id
        ) as place
    from {{ ref('touches') }}
    where is_qualifying_response
),

-- Not `int_handoffs_identified`, which holds the people of the last build only.
handoffs as (
    select
        coalesce(by_contact.person_id, by_address.person_id) as person_id,
        handoffs.occurred_at
    from {{ ref('int_handoffs_judged') }} as handoffs
    left join {{ ref('int_identities_resolved') }} as by_contact
        on 'contact:' || handoffs.source_system || ':' || handoffs.source_contact_id = by_contact.identity_key
    left join {{ ref('int_identities_resolved') }} as by_address
        on 'email:' || {{ normalised_email('handoffs.email') }} = by_address.identity_key
    where handoffs.verdict = 'accepted'
),

reentries as (
    select
        person_id,
        cycle_number,
        entered_at as reentered_at
    from entries
    where stage = 'suspect' and cycle_number > 1
),

-- A handoff answers the cycle in which it is made: it ends no wait that a later cycle has left behind.
first_handoffs as (
    select
        qualifying.touch_id,
        min(handoffs.occurred_at) as handed_off_at
    from qualifying
    inner join handoffs
        on
            qualifying.person_id = handoffs.person_id
            and qualifying.occurred_at <= handoffs.occurred_at
    left join reentries
        on
            qualifying.person_id = reentries.person_id
            and qualifying.cycle_number + 1 = reentries.cycle_number
    where
        qualifying.place = 1
        and (reentries.reentered_at is null or handoffs.occurred_at < reentries.reentered_at)
    group by qualifying.touch_id
),

campaigns as (
    select
        source_system,
        campaign_id,
        campaign_name
    from {{ ref('campaigns') }}
    where valid_to is null
),

waits as (
    select
        stage || '_to_' || next_stage as step,
        {{ (entry_dimensions() + campaign_columns()) | join(', ') }},
        entered_at as waits_from,
        next_stage_at as happened_at,
        case when {{ is_immediate_prospect() }} then 1 else 0 end as is_immediate
    from entries
    where next_stage is not null
    union all
    select
        'response_to_handoff' as step,
        qualifying.direction,
        entries.segment,
        {{ scoped_campaign_id('qualifying.campaign_source_system', 'qualifying.campaign_id') }} as scoped_campaign_id,
        qualifying.channel,
        entries.acquisition_source,
        coalesce(qualifying.campaign_source_system, {{ no_value() }}) as campaign_source_system,
        coalesce(qualifying.campaign_id, {{ no_value() }}) as campaign_id,
        coalesce(campaigns.campaign_name, {{ no_value() }}) as campaign_name,
        qualifying.occurred_at as waits_from,
        first_handoffs.handed_off_at as happened_at,
        0 as is_immediate
    from qualifying
    inner join entries
        on
            qualifying.person_id = entries.person_id
            and qualifying.cycle_number = entries.cycle_number
            and entries.stage = 'prospect'
    left join first_handoffs
        on qualifying.touch_id = first_handoffs.touch_id
    left join campaigns
        on
            qualifying.campaign_source_system = campaigns.source_system
            and qualifying.campaign_id = campaigns.campaign_id
    where qualifying.place = 1
),

measured as (
    select
        waits.*,
        {{ seconds_between('waits_from', 'coalesce(happened_at, ' ~ as_of() ~ ')') }} as waited_seconds
    from waits
),

-- Rounded up to whole minutes on the first day and to whole hours after it: exact enough, and a year is some
-- ten thousand steps instead of one for each person.
rounded as (
    select
        measured.*,
        cast(
            case
                when waited_seconds <= 86400 then ceil(waited_seconds / 60.0)
                else ceil(waited_seconds / 3600.0) * 60
            end as bigint
        ) as waited_minutes
    from measured
),

counted as (
    select
        step,
        waited_minutes,
        {{ entry_dimensions() | join(', ') }},
        {% for column in campaign_columns() -%}
            max({{ column }}) as {{ column }},
        {% endfor -%}
        count(happened_at) - sum(is_immediate) as conversions,
        count(*) - sum(is_immediate) as ended,
        sum(is_immediate) as at_once
    from rounded
    group by
        step,
        waited_minutes,
        {{ entry_dimensions() | join(', ') }}
),

cut as (
    select
        step,
        waited_minutes,
        {{ cut_columns() }},
        sum(conversions) as conversions,
        sum(ended) as ended,
        sum(at_once) as at_once
    from counted
    group by {{ cut_grouping_sets(['step', 'waited_minutes']) }} -- noqa: PRS
),

at_risk as (
    select
        cut.*,
        sum(ended) over (
            partition by step, cut, {{ entry_dimensions() | join(', ') }}
            order by waited_minutes desc
            rows between unbounded preceding and current row
        ) as at_risk
    from cut
),

-- Where everybody still at risk converts, nobody is left: the last factor is 0 and its logarithm has no value.
summed as (
    select
        at_risk.*,
        sum(case when conversions < at_risk then ln(1 - {{ ratio('conversions', 'at_risk') }}) else 0 end) over so_far
            as log_waiting_share,
        sum(
            case
                when conversions < at_risk
                    then {{ ratio('conversions', 'at_risk') }} / (at_risk - conversions)
                else 0
            end
        ) over so_far as greenwood_sum,
        sum(conversions) over so_far as converted_so_far
    from at_risk
    window so_far as (
        partition by step, cut, {{ entry_dimensions() | join(', ') }}
        order by waited_minutes
        rows between unbounded preceding and current row
    )
),

shared as (
    select
        summed.*,
        case
            when at_risk = 0 then null
            when conversions = at_risk then 1
            else 1 - exp(log_waiting_share)
        end as converted_share,
        -- Half the width of the interval on the scale ln(-ln(share still waiting)).
        case
            when converted_so_far > 0 and conversions < at_risk
                then {{ normal_quantile() }} * sqrt(greenwood_sum) / -log_waiting_share
        end as half_width
    from summed
),

final as (
    select
        -- grain
        step,
        cut,
        direction,
        segment,
        scoped_campaign_id,
        campaign_source_system,
        campaign_id,
        campaign_name,
        channel,
        acquisition_source,
        waited_minutes,

        -- counts
        cast(at_risk as bigint) as at_risk_count,
        cast(conversions as bigint) as converted_count,
        cast(ended - conversions as bigint) as censored_count,
        cast(converted_so_far as bigint) as converted_so_far_count,
        cast(at_once as bigint) as immediate_count,

        -- estimate
        {{ rounded('converted_share') }} as converted_share,
        {{ rounded('1 - exp(log_waiting_share * exp(-half_width))') }} as converted_share_low,
        {{ rounded('1 - exp(log_waiting_share * exp(half_width))') }} as converted_share_high
    from shared
)

select * from final
