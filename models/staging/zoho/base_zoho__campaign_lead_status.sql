{{ config(enabled='zoho' in var('source_systems')) }}

{#- Nothing but names and a time: together they are the only id that a status has. -#}
{%- set status_content = [
    'campaign_name', 'lead_first_name', 'lead_last_name', 'status', 'last_modified_time',
] -%}

-- Grain: one landed campaign status. It names its lead and its campaign instead of referring to them.
with source as (
    {{ snapshot_rows(
        source('raw_zoho', 'campaign_lead_status'),
        key_columns=status_content,
        compared_columns=[],
        load_mode=load_mode('zoho.campaign_lead_status'),
    ) }}
),

final as (
    select
        -- ids
        'status-' || {{ content_digest(status_content, 'source') }} as source_touch_id,

        -- times
        source.last_modified_time as occurred_at,

        -- facts
        {{ clean_text('campaign_name') }} as campaign_name,
        lower({{ clean_text('lead_last_name') }}) as lead_last_name,
        lower({{ clean_text('status') }}) as status,

        -- provenance
        {{ landing_columns('zoho', 'campaign_lead_status') }}
    from source
)

select * from final
