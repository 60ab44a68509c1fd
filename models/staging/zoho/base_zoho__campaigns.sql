{{ config(enabled='zoho' in var('source_systems')) }}

-- Grain: one landed campaign.
with source as (
    {{ snapshot_rows(
        source('raw_zoho', 'campaigns'),
        key_columns=['campaignid'],
        compared_columns=['campaign_name', 'type', 'created_time', 'start_date', 'end_date', 'actual_cost'],
        load_mode=load_mode('zoho.campaigns'),
    ) }}
),

cleaned as (
    select
        source.*,
        {{ clean_text('type') }} as campaign_type,
        {{ clean_text('actual_cost') }} as actual_cost_text
    from source
),

final as (
    select
        -- ids
        {{ clean_text('campaignid') }} as campaign_id,

        -- times
        cleaned.start_date as starts_at,
        cleaned.end_date as ends_at,
        cleaned.created_time as created_at,
        cleaned.modified_time as updated_at,

        -- facts
        {{ clean_text('campaign_name') }} as campaign_name,
        cleaned.campaign_type,
        {{ mapped_value('zoho', 'campaign_type__channel', 'cleaned.campaign_type') }} as channel,
        {{ money_as_number('cleaned.actual_cost_text') }} as actual_cost,
        {{ currency_sign('cleaned.actual_cost_text') }} as actual_cost_sign,

        -- provenance
        {{ landing_columns('zoho', 'campaigns') }}
    from cleaned
)

select * from final
