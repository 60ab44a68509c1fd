-- Grain: one staged touch with the identity keys that it carries. Nothing here moves with as-of or depends on other
-- rows, so an increment stages new rows only; verdicts are asked of this table again and again.
-- depends_on: {{ ref('int_rows_changed') }}
{{ replaced_rows(key=['source_system', '_load_id'], by='int_loads_restaged') }}

with staged as (
    {{ union_staging('touches', loads=ref('int_loads_restaged') if is_increment()) }}
),

final as (
    select
        source_system || ':' || source_touch_id as touch_id,
        {{ contact_key('source_system', 'source_contact_id') }} as contact_key,
        {{ normalised_email('email') }} as email_normalised,
        {{ anonymous_key('source_system', 'anonymous_id') }} as anonymous_key,
        staged.*
    from staged
)

select * from final
