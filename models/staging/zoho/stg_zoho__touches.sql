{{ config(enabled='zoho' in var('source_systems')) }}

-- Grain: one landed call, calendar event or campaign status.
-- A status names its lead by last name only. Where exactly one lead has ever borne that name, it is the lead; else the
-- row is ambiguous, and no guess is made.
with calls as (
    select * from {{ ref('base_zoho__calls') }}
),

events as (
    select * from {{ ref('base_zoho__events') }}
),

statuses as (
    select * from {{ ref('base_zoho__campaign_lead_status') }}
),

leads_by_name as (
    select
        lower(last_name) as lead_last_name,
        min(source_contact_id) as source_contact_id
    from {{ ref('base_zoho__leads') }}
    where last_name is not null
    group by lower(last_name)
    having count(distinct source_contact_id) = 1
),

campaigns_by_name as (
    select
        campaign_name,
        case when count(distinct campaign_id) = 1 then min(campaign_id) end as campaign_id,
        case when count(distinct campaign_type) = 1 then min(lower(campaign_type)) end as campaign_type,
        case when count(distinct channel) = 1 then min(channel) end as channel
    from {{ ref('base_zoho__campaigns') }}
    where campaign_name is not null
    group by campaign_name
),

statuses_resolved as (
    select
        statuses.*,
        leads_by_name.source_contact_id,
        campaigns_by_name.campaign_id,
        campaigns_by_name.channel,
        -- What a status means depends on the campaign's type where the policy says so: to be invited by telephone is
        -- to be called.
        coalesce(
            {{ mapped_value(
                'zoho',
                'campaign_status__touch_type',
                "statuses.status || ' / ' || campaigns_by_name.campaign_type",
            ) }},
            {{ mapped_value('zoho', 'campaign_status__touch_type', 'statuses.status') }}
        ) as touch_type
    from statuses
    left join leads_by_name
        on statuses.lead_last_name = leads_by_name.lead_last_name
    left join campaigns_by_name
        on statuses.campaign_name = campaigns_by_name.campaign_name
),

statuses_judged as (
    select
        -- ids
        source_touch_id,
        source_contact_id,
        campaign_id,

        -- times
        occurred_at,

        -- facts
        coalesce(channel, 'other') as channel,
        touch_type,
        cast(null as varchar) as initiated_by,
        case when source_contact_id is null then 'ambiguous_identity' end as own_reject_reason,
        case when source_contact_id is null then 'source_contact_id' end as own_reject_column,
        concat_ws(
            '|',
            case when channel is null then 'channel' end,
            case when campaign_name is not null and campaign_id is null then 'campaign_id' end
        ) as own_warning_columns,

        -- provenance
        source_system,
        source_table,
        {{ carried_landing_columns() | join(',\n        ') }}
    from statuses_resolved
),

touches as (
    select * from calls
    union all
    select * from events
    union all
    select * from statuses_judged
),

renamed as (
    select
        -- ids
        source_touch_id,
        source_contact_id,
        null as email,
        null as anonymous_id,
        campaign_id,
        null as answers_touch_id,
        null as offer_id,

        -- times
        occurred_at,

        -- facts
        channel,
        touch_type,
        null as placement,
        null as keyword_intent,
        null as audience_consent,
        null as content_fit,
        initiated_by,
        null as landing_page,
        null as response_relevance,
        null as response_intent,

        -- provenance
        source_system,
        source_table,
        {{ carried_landing_columns() | join(',\n        ') }},
        own_reject_reason,
        own_reject_column,
        own_warning_columns
    from touches
),

final as (
    {{ conform('touches', 'renamed', own_verdict=true) }}
)

select * from final
