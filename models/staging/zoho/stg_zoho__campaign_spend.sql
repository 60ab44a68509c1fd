{{ config(enabled='zoho' in var('source_systems')) }}

-- Grain: one landed campaign, as the whole of its actual cost on the day it started: the CRM keeps no other date.
with campaigns as (
    select * from {{ ref('base_zoho__campaigns') }}
),

renamed as (
    select
        -- ids
        campaign_id,

        -- times
        starts_at as spend_date,

        -- facts
        actual_cost as amount,
        {{ mapped_value('zoho', 'actual_cost__currency', 'campaigns.actual_cost_sign') }} as currency,

        -- provenance
        source_system,
        source_table,
        {{ carried_landing_columns() | join(',\n        ') }}
    from campaigns
),

final as (
    {{ conform('campaign_spend', 'renamed') }}
)

select * from final
