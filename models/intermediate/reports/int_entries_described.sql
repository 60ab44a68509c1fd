-- Grain: one entry of a person's cycle into a stage, with what came of it and with everything that reports are cut by.
-- A cycle's evidence describes its entries. The first entry of a person has none (a name became known, nothing more),
-- so it is described by the person's first touch of any kind: by whom the person was reached, or how the person came.
{{ replaced_rows(key='person_id', by='int_people_affected') }}

with transitions as (
    select
        person_id,
        cycle_number,
        source_system,
        to_stage as stage,
        occurred_at as entered_at,
        case to_stage
            when 'suspect' then 'prospect'
            when 'prospect' then 'mql'
            when 'mql' then 'sql'
        end as next_stage,
        case to_stage
            when 'suspect' then became_prospect_at
            when 'prospect' then became_mql_at
            when 'mql' then became_sql_at
        end as next_stage_at,
        case when current_stage in ('recycled', 'disqualified') then current_stage_since end as left_at,
        case when current_stage in ('recycled', 'disqualified') then current_stage end as left_as,
        evidence_touch_id,
        -- As a key of its own: a condition on the left side of an outer join alone makes DuckDB compare each with each.
        case when evidence_touch_id is null then person_id end as person_id_without_evidence,
        direction,
        campaign_id,
        message_name,
        person_segment,
        is_icp_complete,
        is_icp_fit,
        engagement_score,
        mql_route
    from {{ ref('int_transitions_stamped') }}
    where
        to_stage in ('suspect', 'prospect', 'mql', 'sql')
        and {{ within_increment('person_id', 'int_people_affected', 'person_id') }}
),

-- A campaign's name may change; a report that adds a campaign up gives it the one that it bears now.
campaigns as (
    select
        source_system,
        campaign_id,
        campaign_name
    from {{ ref('campaigns') }}
    where valid_to is null
),

people as (
    select
        person_id,
        acquisition_source,
        first_touch_at
    from {{ ref('people') }}
    where {{ within_increment('person_id', 'int_people_affected', 'person_id') }}
),

evidence as (
    select
        touch_id,
        occurred_at,
        channel,
        campaign_source_system
    from {{ ref('touches') }}
    where touch_id in (select transitions.evidence_touch_id from transitions)
),

first_touches as (
    select
        touches.touch_id,
        touches.person_id,
        touches.occurred_at,
        touches.direction,
        touches.channel,
        touches.campaign_source_system,
        touches.campaign_id,
        touches.message_name,
        row_number() over (
            partition by touches.person_id order by touches.source_system, touches.touch_id
        ) as place
    from {{ ref('touches') }} as touches
    inner join people
        on
            touches.person_id = people.person_id
            and touches.occurred_at = people.first_touch_at
),

described as (
    select
        transitions.*,
        people.acquisition_source as known_acquisition_source,
        coalesce(transitions.evidence_touch_id, first_touches.touch_id) as described_by_touch_id,
        coalesce(evidence.occurred_at, first_touches.occurred_at) as described_at,
        coalesce(evidence.channel, first_touches.channel) as described_channel,
        coalesce(transitions.direction, first_touches.direction) as described_direction,
        case
            when transitions.evidence_touch_id is null then first_touches.campaign_source_system
            else evidence.campaign_source_system
        end as campaign_source_system,
        case
            when transitions.evidence_touch_id is null then first_touches.campaign_id
            else transitions.campaign_id
        end as described_campaign_id,
        case
            when transitions.evidence_touch_id is null then first_touches.message_name
            else transitions.message_name
        end as described_message_name,
        {{ local_date('transitions.entered_at') }} as entered_on
    from transitions
    inner join people
        on transitions.person_id = people.person_id
    left join evidence
        on transitions.evidence_touch_id = evidence.touch_id
    left join first_touches
        on
            transitions.person_id_without_evidence = first_touches.person_id
            and first_touches.place = 1
),

final as (
    select
        -- ids
        described.person_id,
        described.cycle_number,
        described.source_system,
        described.evidence_touch_id,
        described.described_by_touch_id,

        -- the entry and what came of it
        described.stage,
        described.entered_at,
        described.entered_on,
        {{ month_of('described.entered_on') }} as entry_month,
        described.next_stage,
        described.next_stage_at,
        described.left_at,
        described.left_as,

        -- dimensions
        described.described_at,
        coalesce(described.described_direction, {{ no_value() }}) as direction,
        coalesce(described.person_segment, {{ no_value() }}) as segment,
        {{ scoped_campaign_id('described.campaign_source_system', 'described.described_campaign_id') }}
            as scoped_campaign_id,
        coalesce(described.campaign_source_system, {{ no_value() }}) as campaign_source_system,
        coalesce(described.described_campaign_id, {{ no_value() }}) as campaign_id,
        coalesce(campaigns.campaign_name, {{ no_value() }}) as campaign_name,
        coalesce(described.described_message_name, {{ no_value() }}) as message_name,
        coalesce(described.described_channel, {{ no_value() }}) as channel,
        coalesce(described.known_acquisition_source, 'unknown') as acquisition_source,

        -- verdict at that moment
        described.is_icp_complete,
        described.is_icp_fit,
        described.engagement_score,
        described.mql_route
    from described
    left join campaigns
        on
            described.campaign_source_system = campaigns.source_system
            and described.described_campaign_id = campaigns.campaign_id
)

select * from final
