-- The only relation after intermediate that holds personal data. It is written beside a release, never into it.
{{ replaced_rows(key='person_id', by='int_people_affected') }}

with addresses as (
    select
        person_id,
        substr(identity_key, 7) as email
    from {{ ref('int_identities_resolved') }}
    where
        kind_rank = 1
        and {{ within_increment('person_id', 'int_people_affected', 'person_id') }}
    union
    select
        person_id,
        email_normalised as email
    from {{ ref('int_contacts_identified') }}
    where email_normalised is not null
),

known as (
    select person_id
    from {{ ref('int_people_known') }}
    where first_known_at is not null
),

names as (
    select
        person_id,
        full_name,
        row_number() over (
            partition by person_id order by updated_at desc, source_system desc, source_contact_id desc
        ) as recency
    from {{ ref('int_contacts_identified') }}
    where full_name is not null
),

phones as (
    select
        person_id,
        phone,
        row_number() over (
            partition by person_id order by updated_at desc, source_system desc, source_contact_id desc
        ) as recency
    from {{ ref('int_contacts_identified') }}
    where phone is not null
),

consents as (
    select
        person_id,
        case when is_opt_out then 'opted_out' else 'granted' end as consent,
        occurred_at as consent_since,
        row_number() over (
            partition by person_id order by occurred_at desc, order_rank desc, source_system desc, source_touch_id desc
        ) as recency
    from {{ ref('int_touches_permitted') }}
    where
        is_opt_out
        or grants_permission
),

final as (
    select
        known.person_id,
        names.full_name,
        addresses.email,
        phones.phone,
        coalesce(consents.consent, 'unknown') as consent,
        consents.consent_since
    from known
    left join addresses
        on known.person_id = addresses.person_id
    left join names
        on
            known.person_id = names.person_id
            and names.recency = 1
    left join phones
        on
            known.person_id = phones.person_id
            and phones.recency = 1
    left join consents
        on
            known.person_id = consents.person_id
            and consents.recency = 1
)

select * from final
