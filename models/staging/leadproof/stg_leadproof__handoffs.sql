{{ config(enabled='leadproof' in var('source_systems')) }}

-- Grain: one landed handoff row.
with source as (
    {{ snapshot_rows(
        source('raw_leadproof', 'handoffs'),
        key_columns=['source_handoff_id'],
        compared_columns=[],
        load_mode=load_mode('leadproof.handoffs'),
    ) }}
),

renamed as (
    select
        -- ids
        source_handoff_id,
        source_contact_id,
        email,

        -- times
        occurred_at,

        -- facts
        outcome,
        reason,

        -- provenance
        {{ landing_columns('leadproof', 'handoffs') }}
    from source
),

final as (
    {{ conform('handoffs', 'renamed') }}
)

select * from final
