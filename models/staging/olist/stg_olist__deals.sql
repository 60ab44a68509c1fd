{{ config(enabled='olist' in var('source_systems')) }}

-- Grain: one landed row of the won deals. The declared revenue is what the seller says it earns, not the deal's value.
with source as (
    {{ snapshot_rows(
        source('raw_olist', 'closed_deals'),
        key_columns=['seller_id'],
        compared_columns=[],
        load_mode=load_mode('olist.closed_deals'),
    ) }}
),

renamed as (
    select
        -- ids
        seller_id as source_deal_id,
        mql_id as source_contact_id,
        null as email,

        -- times
        won_date as occurred_at,

        -- facts
        'won' as status,
        null as amount,
        null as currency,

        -- provenance
        {{ landing_columns('olist', 'closed_deals') }}
    from source
),

final as (
    {{ conform('deals', 'renamed') }}
)

select * from final
