-- Grain: one day on which something happened × stage × all dimensions of the entries. Whoever is in a cycle stands in
-- the furthest stage that it has reached, so entering the next stage is a way out of this one.
with entries as (
    select * from {{ ref('int_entries_described') }}
),

events as (
    select
        entered_on as funnel_date,
        stage,
        {{ (entry_dimensions() + campaign_columns()) | join(', ') }},
        1 as entries,
        0 as exits_advanced,
        0 as exits_recycled,
        0 as exits_disqualified
    from entries
    union all
    select
        {{ local_date('coalesce(next_stage_at, left_at)') }} as funnel_date,
        stage,
        {{ (entry_dimensions() + campaign_columns()) | join(', ') }},
        0 as entries,
        case when next_stage_at is not null then 1 else 0 end as exits_advanced,
        case when next_stage_at is null and left_as = 'recycled' then 1 else 0 end as exits_recycled,
        case when next_stage_at is null and left_as = 'disqualified' then 1 else 0 end as exits_disqualified
    from entries
    where
        next_stage_at is not null
        or left_at is not null
),

counted as (
    select
        funnel_date,
        stage,
        {{ entry_dimensions() | join(', ') }},
        {% for column in campaign_columns() -%}
            max({{ column }}) as {{ column }},
        {% endfor -%}
        sum(entries) as entries,
        sum(exits_advanced + exits_recycled + exits_disqualified) as exits,
        sum(exits_advanced) as exits_advanced,
        sum(exits_recycled) as exits_recycled,
        sum(exits_disqualified) as exits_disqualified
    from events
    group by
        funnel_date,
        stage,
        {{ entry_dimensions() | join(', ') }}
),

final as (
    select
        -- grain; week and month follow from the day
        funnel_date,
        {{ week_of('funnel_date') }} as funnel_week,
        {{ month_of('funnel_date') }} as funnel_month,
        stage,
        direction,
        segment,
        scoped_campaign_id,
        campaign_source_system,
        campaign_id,
        campaign_name,
        channel,
        acquisition_source,

        -- counts
        cast(entries as bigint) as entries,
        cast(exits as bigint) as exits,
        cast(exits_advanced as bigint) as exits_advanced,
        cast(exits_recycled as bigint) as exits_recycled,
        cast(exits_disqualified as bigint) as exits_disqualified,
        cast(
            sum(entries - exits) over (
                partition by stage, {{ entry_dimensions() | join(', ') }}
                order by funnel_date
                rows between unbounded preceding and current row
            ) as bigint
        ) as open_stock
    from counted
)

select * from final
