{{ config(enabled='leadproof' in var('source_systems')) }}

-- Grain: one landed deal row.
with source as (
    {{ snapshot_rows(
        source('raw_leadproof', 'deals'),
        key_columns=['source_deal_id', 'status'],
        compared_columns=[],
        load_mode=load_mode('leadproof.deals'),
    ) }}
),

renamed as (
    select
        -- ids
        source_deal_id,
        source_contact_id,
        email,

        -- times
        occurred_at,

        -- facts
        status,
        amount,
        currency,

        -- provenance
        {{ landing_columns('leadproof', 'deals') }}
    from source
),

final as (
    {{ conform('deals', 'renamed') }}
)

select * from final
