-- Grain: one touch on the way of a cycle into a stage: every touch of an MQL's or SQL's cycle up to the entry.
with entries as (
    select
        person_id,
        cycle_number,
        stage,
        entered_at
    from {{ ref('int_entries_described') }}
    where stage in ('mql', 'sql')
),

traced as (
    select
        entries.person_id,
        entries.cycle_number,
        entries.stage,
        touches.touch_id,
        touches.source_system,
        touches.occurred_at,
        touches.direction,
        touches.channel,
        touches.is_response,
        {{ scoped_campaign_id('touches.campaign_source_system', 'touches.campaign_id') }} as scoped_campaign_id
    from entries
    inner join {{ ref('touches') }} as touches
        on
            entries.person_id = touches.person_id
            and entries.cycle_number = touches.cycle_number
            and entries.entered_at >= touches.occurred_at
),

placed as (
    select
        traced.*,
        row_number() over (
            partition by person_id, cycle_number, stage order by occurred_at, source_system, touch_id
        ) as place,
        row_number() over (
            partition by person_id, cycle_number, stage, scoped_campaign_id, is_response
            order by occurred_at, source_system, touch_id
        ) as place_in_campaign
    from traced
),

final as (
    select
        person_id,
        cycle_number,
        stage,
        touch_id,
        place,
        direction,
        channel,
        scoped_campaign_id,
        -- What a person did counts each time. What was done to the person counts once for each campaign: otherwise
        -- credit could be had by sending more.
        scoped_campaign_id <> {{ no_value() }} and (is_response or place_in_campaign = 1) as takes_part
    from placed
)

select * from final
