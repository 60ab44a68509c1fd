-- Grain: one identity key that may link people. `key_id` numbers the keys in the order in which they lead a person:
-- e-mail before contact before anonymous, earlier before later, then by the bytes of the text. So the smallest key_id
-- of a component is its leading key.
with contact_keys as (
    select
        contact_key as identity_key,
        2 as kind_rank,
        min(updated_at) as first_appeared_at
    from {{ ref('int_contacts_judged') }}
    where
        verdict = 'accepted'
        and {{ within_increment('contact_key', 'int_keys_affected', 'identity_key') }}
    group by contact_key
),

contact_addresses as (
    select
        'email:' || email_normalised as identity_key,
        1 as kind_rank,
        min(updated_at) as first_appeared_at
    from {{ ref('int_contacts_judged') }}
    where
        verdict = 'accepted'
        and email_normalised is not null
        and {{ within_increment('contact_key', 'int_keys_affected', 'identity_key') }}
    group by email_normalised
),

linking_addresses as (
    select contact_addresses.*
    from contact_addresses
    left join {{ ref('int_identity_hubs_found') }} as hubs
        on contact_addresses.identity_key = hubs.identity_key
    where hubs.identity_key is null
),

touch_contacts as (
    select
        contact_key as identity_key,
        2 as kind_rank,
        min(first_touch_at) as first_appeared_at
    from {{ ref('int_identity_keys_combined') }}
    where contact_key is not null
    group by contact_key
),

touch_addresses as (
    select
        email_key as identity_key,
        1 as kind_rank,
        min(first_touch_at) as first_appeared_at
    from {{ ref('int_identity_keys_combined') }}
    where email_key is not null
    group by email_key
),

touch_visitors as (
    select
        anonymous_key as identity_key,
        3 as kind_rank,
        min(first_touch_at) as first_appeared_at
    from {{ ref('int_identity_keys_combined') }}
    where anonymous_key is not null
    group by anonymous_key
),

found as (
    select * from contact_keys
    union all
    select * from linking_addresses
    union all
    select * from touch_contacts
    union all
    select * from touch_addresses
    union all
    select * from touch_visitors
),

keys as (
    select
        identity_key,
        kind_rank,
        min(first_appeared_at) as first_appeared_at
    from found
    group by
        identity_key,
        kind_rank
),

final as (
    select
        identity_key,
        kind_rank,
        first_appeared_at,
        row_number() over (order by kind_rank, first_appeared_at, identity_key) as key_id
    from keys
)

select * from final
