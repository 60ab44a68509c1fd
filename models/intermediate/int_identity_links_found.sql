-- Grain: one pair of identity keys that some accepted row carries together.
with contact_links as (
    select distinct
        contact_key as left_key,
        'email:' || email_normalised as right_key
    from {{ ref('int_contacts_judged') }}
    where
        verdict = 'accepted'
        and email_normalised is not null
        and {{ within_increment('contact_key', 'int_keys_affected', 'identity_key') }}
),

pairs as (
    select
        left_key,
        right_key
    from contact_links
    union
    select
        contact_key as left_key,
        email_key as right_key
    from {{ ref('int_identity_keys_combined') }}
    where contact_key is not null and email_key is not null
    union
    select
        coalesce(contact_key, email_key) as left_key,
        anonymous_key as right_key
    from {{ ref('int_identity_keys_combined') }}
    where
        anonymous_key is not null
        and coalesce(contact_key, email_key) is not null
),

final as (
    select
        left_keys.key_id as left_id,
        right_keys.key_id as right_id
    from pairs
    inner join {{ ref('int_identity_keys_ranked') }} as left_keys
        on pairs.left_key = left_keys.identity_key
    inner join {{ ref('int_identity_keys_ranked') }} as right_keys
        on pairs.right_key = right_keys.identity_key
)

select * from final
