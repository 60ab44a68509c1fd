-- Grain: one touch of a person up to an entry into MQL or SQL. On the way to it are those since the cycle before ended.
-- What lies between an end and the next opening carries the number of the ended cycle, which it comes too late for: it
-- may be what brought the person back.
{{ replaced_rows(key='person_id', by='int_people_affected') }}

with entries as (
    select
        entries.person_id,
        entries.cycle_number,
        entries.stage,
        entries.entered_at,
        earlier.left_at as earlier_left_at
    from {{ ref('int_entries_described') }} as entries
    left join {{ ref('int_entries_described') }} as earlier
        on
            entries.person_id = earlier.person_id
            and entries.cycle_number - 1 = earlier.cycle_number
            and earlier.stage = 'suspect'
    where
        entries.stage in ('mql', 'sql')
        and {{ within_increment('entries.person_id', 'int_people_affected', 'person_id') }}
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
        (
            entries.cycle_number = touches.cycle_number
            or coalesce(entries.earlier_left_at < touches.occurred_at, false)
        ) as is_on_the_way,
        {{ scoped_campaign_id('touches.campaign_source_system', 'touches.campaign_id') }} as scoped_campaign_id
    from entries
    inner join {{ ref('touches') }} as touches
        on
            entries.person_id = touches.person_id
            and entries.entered_at >= touches.occurred_at
),

placed as (
    select
        traced.*,
        row_number() over (
            partition by person_id, cycle_number, stage, is_on_the_way order by occurred_at, source_system, touch_id
        ) as place,
        row_number() over (
            partition by person_id, cycle_number, stage, is_on_the_way, scoped_campaign_id, is_response
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
        is_on_the_way,
        place,
        direction,
        channel,
        scoped_campaign_id,
        -- What a person did counts each time. What was done to the person counts once for each campaign: otherwise
        -- credit could be had by sending more.
        (
            is_on_the_way
            and scoped_campaign_id <> {{ no_value() }}
            and (is_response or place_in_campaign = 1)
        ) as takes_part
    from placed
)

select * from final
