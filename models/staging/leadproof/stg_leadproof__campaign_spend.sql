{{ config(enabled='leadproof' in var('source_systems')) }}

-- Grain: one landed spend row.
with source as (
    {{ snapshot_rows(
        source('raw_leadproof', 'campaign_spend'),
        key_columns=['campaign_id', 'spend_date', 'currency'],
        compared_columns=[],
        load_mode=load_mode('leadproof.campaign_spend'),
    ) }}
),

renamed as (
    select
        -- ids
        campaign_id,

        -- times
        spend_date,

        -- facts
        amount,
        currency,

        -- provenance
        {{ landing_columns('leadproof', 'campaign_spend') }}
    from source
),

final as (
    {{ conform('campaign_spend', 'renamed') }}
)

select * from final
