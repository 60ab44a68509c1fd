-- Grain: one identity key that links nobody, with the reason: a shared mailbox, an address on too many contact
-- records, an anonymous id that touches join with too many people. Linking through them would merge strangers.
{{ replaced_rows(key='identity_key', by='int_keys_changed') }}

with limits as (
    select max_contacts_per_address
    from {{ ref('int_stage_policy_versioned') }}
    where
        valid_from <= {{ as_of() }}
        and valid_to > {{ as_of() }}
),

contact_addresses as (
    select distinct
        email_normalised,
        contact_key
    from {{ ref('int_contacts_judged') }}
    where
        verdict = 'accepted'
        and email_normalised is not null
        and {{ within_increment("'email:' || email_normalised", 'int_keys_changed', 'identity_key') }}
),

crowded_addresses as (
    select
        'email:' || email_normalised as identity_key,
        'address_on_many_contacts' as reason
    from contact_addresses
    group by email_normalised
    having count(*) > (select limits.max_contacts_per_address from limits)
),

-- Of a repeated touch only the row loaded last stands.
standing_touches as (
    select
        screened.contact_key,
        screened.email_normalised,
        screened.anonymous_key
    from {{ ref('int_touches_screened') }} as screened
    left join {{ ref('int_touches_repeated') }} as repeated
        on
            screened.touch_id = repeated.touch_id
            and screened._load_id = repeated._load_id
            and screened._source_file = repeated._source_file
            and screened._source_row = repeated._source_row
    where
        screened.standing = 'accepted'
        and coalesce(repeated.recency, 1) = 1
        and screened.anonymous_key is not null
        and {{ within_increment('screened.anonymous_key', 'int_keys_changed', 'identity_key') }}
),

-- A shared mailbox is one on any row: whether a waiting or repeated row identifies somebody is asked too.
addresses as (
    select email_normalised from contact_addresses
    union
    select email_normalised from {{ ref('int_touches_screened') }}
    where
        email_normalised is not null
        and standing <> 'quarantined'
        and {{ within_increment("'email:' || email_normalised", 'int_keys_changed', 'identity_key') }}
),

shared_addresses as (
    select
        'email:' || addresses.email_normalised as identity_key,
        'shared_mailbox' as reason
    from addresses
    inner join {{ ref('shared_mailboxes') }} as shared_mailboxes
        on split_part(addresses.email_normalised, '@', 1) = lower(shared_mailboxes.local_part)
),

crowded_visitors as (
    select
        anonymous_key as identity_key,
        'anonymous_id_of_many' as reason
    from standing_touches
    group by anonymous_key
    having
        count(distinct email_normalised) > (select limits.max_contacts_per_address from limits)
        or count(distinct contact_key) > (select limits.max_contacts_per_address from limits)
),

found as (
    select * from shared_addresses
    union all
    select * from crowded_addresses
    union all
    select * from crowded_visitors
),

final as (
    select
        identity_key,
        min(reason) as reason
    from found
    group by identity_key
)

select * from final
