-- Grain: one staged contact version with the identity keys that it carries. Nothing here moves with as-of or depends on
-- other rows, so an increment stages new rows only. What the CRM claims (source_stage) is left behind here: nothing
-- that proves a stage may read it.
-- depends_on: {{ ref('int_rows_changed') }}
{{ replaced_rows(key=['source_system', '_load_id'], by='int_loads_restaged') }}

with staged as (
    {{ union_staging(
        'contacts', omitted=['source_stage'], loads=ref('int_loads_restaged') if is_increment()
    ) }}
),

final as (
    select
        {{ contact_key('source_system', 'source_contact_id') }} as contact_key,
        {{ normalised_email('email') }} as email_normalised,
        staged.*
    from staged
)

select * from final
