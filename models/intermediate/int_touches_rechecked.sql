-- Grain: one touch of which an increment asks again whether it answers a touch of another key: itself or the one it
-- answers changed, or carries a key that began or ceased to link nobody. Empty where everything is built anew.
{% if is_increment() -%}
    with flipped as (
        {{ keys_flipped() }}
    ),

    rechecked as (
        select touch_id from {{ ref('int_rows_changed') }}
        where touch_id is not null
        union
        select touch_id from {{ ref('int_touches_staged') }}
        where 'email:' || email_normalised in (select flipped.identity_key from flipped)
        union
        select touch_id from {{ ref('int_touches_staged') }}
        where anonymous_key in (select flipped.identity_key from flipped)
    ),

    final as (
        select touch_id from rechecked
        union
        select touch_id from {{ ref('int_touches_staged') }}
        where source_system || ':' || answers_touch_id in (select rechecked.touch_id from rechecked)
    )
{%- else -%}
    with final as (
        select cast(null as varchar) as touch_id
        where 1 = 0
    )
{%- endif %}

select * from final
