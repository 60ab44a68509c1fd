{{ config(enabled='leadproof' in var('source_systems')) }}

-- Grain: one landed touch row.
with source as (
    {{ snapshot_rows(
        source('raw_leadproof', 'touches'),
        key_columns=['source_touch_id'],
        compared_columns=[],
        load_mode=load_mode('leadproof.touches'),
    ) }}
),

renamed as (
    select
        -- ids
        source_touch_id,
        source_contact_id,
        email,
        anonymous_id,
        campaign_id,
        answers_touch_id,
        offer_id,

        -- times
        occurred_at,

        -- facts
        channel,
        touch_type,
        placement,
        keyword_intent,
        audience_consent,
        content_fit,
        initiated_by,
        landing_page,
        response_relevance,
        response_intent,

        -- provenance
        {{ landing_columns('leadproof', 'touches') }}
    from source
),

final as (
    {{ conform('touches', 'renamed') }}
)

select * from final
