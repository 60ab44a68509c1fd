-- Grain: one combination of identity keys that accepted touches carry, and since when. Touches share few combinations,
-- so who is who is asked of these.
with final as (
    select
        contact_key,
        email_key,
        anonymous_key,
        min(occurred_at) as first_touch_at
    from {{ ref('int_touches_judged') }}
    where
        verdict = 'accepted'
        and {{ within_increment('identity_key', 'int_keys_affected', 'identity_key') }}
    group by
        contact_key,
        email_key,
        anonymous_key
)

select * from final
