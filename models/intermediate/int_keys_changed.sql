-- Grain: one identity key on a row that changed, or on another row of the same touch, and whether it linked nobody
-- until now. That may change with how many rows carry it. What an earlier build found and did not complete stays here.
{% if is_increment() -%}
    with changed as (
        select * from {{ ref('int_rows_changed') }}
    ),

    touches as (
        select
            contact_key,
            email_normalised,
            anonymous_key
        from {{ ref('int_touches_staged') }}
        where touch_id in (select changed.touch_id from changed)
    ),

    keys as (
        select contact_key as identity_key from changed
        union
        select 'email:' || email_normalised as identity_key from changed
        union
        select anonymous_key as identity_key from changed
        union
        select contact_key as identity_key from touches
        union
        select 'email:' || email_normalised as identity_key from touches
        union
        select anonymous_key as identity_key from touches
    ),

    unfinished as (
        select
            identity_key,
            was_hub
        from {{ kept('int_keys_changed') }}
        where since_build_id = {{ since_build_id() }}
    ),

    final as (
        select
            keys.identity_key,
            coalesce(unfinished.was_hub, hubs.identity_key is not null) as was_hub,
            {{ since_build_id() }} as since_build_id
        from keys
        left join unfinished
            on keys.identity_key = unfinished.identity_key
        left join {{ kept('int_identity_hubs_found') }} as hubs
            on keys.identity_key = hubs.identity_key
        where keys.identity_key is not null
        union
        select
            identity_key,
            was_hub,
            {{ since_build_id() }} as since_build_id
        from unfinished
    )
{%- else -%}
    with final as (
        select
            cast(null as varchar) as identity_key,
            cast(null as boolean) as was_hub,
            cast(null as varchar) as since_build_id
        where 1 = 0
    )
{%- endif %}

select * from final
