{{ config(enabled='zoho' in var('source_systems')) }}

-- Grain: one landed calendar event. An entry in a calendar says that a meeting was arranged. It does not say who asked
-- for it or who came, and therefore is no response unless the policy maps it to one.
with source as (
    {{ snapshot_rows(
        source('raw_zoho', 'events'),
        key_columns=['eventid'],
        compared_columns=[],
        load_mode=load_mode('zoho.events'),
    ) }}
),

final as (
    select
        -- ids
        'event-' || {{ clean_text('eventid') }} as source_touch_id,
        coalesce({{ zoho_id('contact', 'contactid') }}, {{ zoho_id('lead', 'leadid') }}) as source_contact_id,
        cast(null as varchar) as campaign_id,

        -- times
        start_datetime as occurred_at,

        -- facts
        'other' as channel,
        {{ mapped_value('zoho', 'event_record__touch_type', "'meeting'") }} as touch_type,
        cast(null as varchar) as initiated_by,
        cast(null as varchar) as own_reject_reason,
        cast(null as varchar) as own_reject_column,
        cast(null as varchar) as own_warning_columns,

        -- provenance
        {{ landing_columns('zoho', 'events') }}
    from source
)

select * from final
