{{ config(enabled='olist' in var('source_systems')) }}

-- Grain: one landed row of the marketing leads, as the inquiry on a landing page that made it a lead.
-- What the origin leaves open stays open: paid search without a keyword, mail without a consent and a social network
-- that may be paid or not give no direction.
with source as (
    {{ snapshot_rows(
        source('raw_olist', 'marketing_qualified_leads'),
        key_columns=['mql_id'],
        compared_columns=[],
        load_mode=load_mode('olist.marketing_qualified_leads'),
    ) }}
),

cleaned as (
    select
        source.*,
        {{ clean_text('mql_id') }} as lead_id,
        {{ clean_text('origin') }} as origin_text
    from source
),

mapped as (
    select
        cleaned.*,
        {{ mapped_value('olist', 'origin__channel', 'cleaned.origin_text') }} as channel_code,
        {{ mapped_value('olist', 'origin__placement', 'cleaned.origin_text') }} as placement_code
    from cleaned
),

renamed as (
    select
        -- ids
        'inquiry-' || lead_id as source_touch_id,
        lead_id as source_contact_id,
        null as email,
        null as anonymous_id,
        null as campaign_id,
        null as answers_touch_id,
        null as offer_id,

        -- times
        first_contact_date as occurred_at,

        -- facts
        -- A lead without origin came by a channel all the same, and it is required: `other`.
        coalesce(channel_code, 'other') as channel,
        'form_submit' as touch_type,
        placement_code as placement,
        null as keyword_intent,
        null as audience_consent,
        null as content_fit,
        null as initiated_by,
        landing_page_id as landing_page,
        null as response_relevance,
        null as response_intent,

        -- provenance
        {{ landing_columns('olist', 'marketing_qualified_leads') }},
        null as own_reject_reason,
        null as own_reject_column,
        case when origin_text is not null and channel_code is null then 'channel' end as own_warning_columns
    from mapped
),

final as (
    {{ conform('touches', 'renamed', own_verdict=true) }}
)

select * from final
