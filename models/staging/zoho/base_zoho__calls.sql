{{ config(enabled='zoho' in var('source_systems')) }}

{#- The export repeats calls under new task ids. What is left of a row without them is the call. -#}
{%- set call_content = [
    'call_start_time', 'call_duration_in_seconds', 'call_owner', 'call_owner_id', 'subject', 'call_type',
    'call_purpose', 'billable', 'created_time', 'contactid', 'accountid', 'potentialid', 'leadid',
] -%}

-- Grain: one landed call row. Rows that differ in nothing but the task id and the modification time share their touch
-- id, so repeats supersede one another. An outbound call proves that the company dialled, not that anyone picked up.
with source as (
    {{ snapshot_rows(
        source('raw_zoho', 'calls'),
        key_columns=call_content,
        compared_columns=[],
        load_mode=load_mode('zoho.calls'),
    ) }}
),

final as (
    select
        -- ids
        'call-' || {{ content_digest(call_content, 'source') }} as source_touch_id,
        coalesce({{ zoho_id('contact', 'contactid') }}, {{ zoho_id('lead', 'leadid') }}) as source_contact_id,
        cast(null as varchar) as campaign_id,

        -- times
        source.call_start_time as occurred_at,

        -- facts
        'phone' as channel,
        {{ mapped_value('zoho', 'call_type__touch_type', clean_text('source.call_type')) }} as touch_type,
        {{ mapped_value('zoho', 'call_type__initiated_by', clean_text('source.call_type')) }} as initiated_by,
        cast(null as varchar) as own_reject_reason,
        cast(null as varchar) as own_reject_column,
        cast(null as varchar) as own_warning_columns,

        -- provenance
        {{ landing_columns('zoho', 'calls') }}
    from source
)

select * from final
