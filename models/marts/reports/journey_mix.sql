-- Grain: how a cycle came to its SQL (by which kinds of touch, in which order, how its prospect came, and whether the
-- person had ever been touched outbound), by month of the SQL and by what describes it.
with entries as (
    select *
    from {{ ref('int_entries_described') }}
    where stage in ('prospect', 'sql')
),

journeys as (
    select
        person_id,
        cycle_number,
        min(place) filter (where is_on_the_way and direction = 'inbound') as first_inbound_place,
        min(place) filter (where is_on_the_way and direction = 'outbound') as first_outbound_place,
        -- An unclassified touch may have been outbound.
        case
            when count(*) filter (where direction = 'outbound') > 0 then 'yes'
            when count(*) filter (where direction = 'unclassified') > 0 then 'unknown'
            else 'no'
        end as outbound_ever
    from {{ ref('int_conversions_traced') }}
    where stage = 'sql'
    group by
        person_id,
        cycle_number
),

described as (
    select
        sqls.*,
        prospects.direction as prospect_direction,
        case
            when journeys.first_inbound_place < journeys.first_outbound_place then 'inbound_then_outbound'
            when journeys.first_outbound_place < journeys.first_inbound_place then 'outbound_then_inbound'
            when journeys.first_inbound_place is not null then 'inbound_only'
            when journeys.first_outbound_place is not null then 'outbound_only'
            else 'unclassified_only'
        end as journey,
        journeys.outbound_ever
    from entries as sqls
    inner join entries as prospects
        on
            sqls.person_id = prospects.person_id
            and sqls.cycle_number = prospects.cycle_number
            and prospects.stage = 'prospect'
    inner join journeys
        on
            sqls.person_id = journeys.person_id
            and sqls.cycle_number = journeys.cycle_number
    where sqls.stage = 'sql'
),

counted as (
    select
        journey,
        prospect_direction,
        outbound_ever,
        entry_month,
        direction,
        segment,
        scoped_campaign_id,
        channel,
        acquisition_source,
        count(*) as sqls
    from described
    group by
        journey,
        prospect_direction,
        outbound_ever,
        entry_month,
        direction,
        segment,
        scoped_campaign_id,
        channel,
        acquisition_source
),

named as (
    {{ campaigns_named() }}
),

final as (
    select
        -- grain
        counted.journey,
        counted.prospect_direction,
        counted.outbound_ever,
        counted.entry_month,
        counted.direction,
        counted.segment,
        {{ named_campaign_columns('counted.scoped_campaign_id', 'named') }},
        counted.channel,
        counted.acquisition_source,

        -- facts
        counted.sqls
    from counted
    left join named
        on counted.scoped_campaign_id = named.scoped_campaign_id
)

select * from final
