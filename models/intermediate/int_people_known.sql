-- Grain: one person. Since when the person is known (null: only anonymous visits), by how many keys, and whether policy
-- keeps the person out of every stage.
with people as (
    select
        person_id,
        max(case when is_leading then identity_key end) as leading_key,
        bool_or(kind_rank = 1) as has_address,
        count(*) as identity_keys
    from {{ ref('int_identities_resolved') }}
    where {{ within_increment('person_id', 'int_people_affected', 'person_id') }}
    group by person_id
),

records_by_system as (
    select
        person_id,
        source_system,
        min(created_at) as first_created_at
    from {{ ref('int_contacts_identified') }}
    group by
        person_id,
        source_system
),

records as (
    select
        person_id,
        min(first_created_at) as first_created_at
    from records_by_system
    group by person_id
),

visits_by_system as (
    select
        person_id,
        source_system,
        min(occurred_at) as first_touch_at
    from {{ ref('int_touches_permitted') }}
    group by
        person_id,
        source_system
),

visits as (
    select
        person_id,
        min(first_touch_at) as first_touch_at
    from visits_by_system
    group by person_id
),

appearances as (
    select
        person_id,
        source_system,
        first_created_at as appeared_at
    from records_by_system
    union all
    select
        person_id,
        source_system,
        first_touch_at as appeared_at
    from visits_by_system
),

systems as (
    select
        person_id,
        source_system,
        min(appeared_at) as appeared_at
    from appearances
    group by
        person_id,
        source_system
),

systems_placed as (
    select
        systems.*,
        row_number() over (partition by person_id order by appeared_at, source_system) as place
    from systems
),

systems_listed as (
    select
        person_id,
        max(case when place = 1 then source_system end) as first_source_system,
        {{ string_agg('source_system', 'source_system') }} as source_systems
    from systems_placed
    group by person_id
),

addresses as (
    select
        person_id,
        substr(identity_key, 7) as address
    from {{ ref('int_identities_resolved') }}
    where
        kind_rank = 1
        and {{ within_increment('person_id', 'int_people_affected', 'person_id') }}
    union
    select
        person_id,
        email_normalised as address
    from {{ ref('int_contacts_identified') }}
    where email_normalised is not null
),

traits as (
    select distinct
        person_id,
        'email' as kind,
        address as trait
    from addresses
    union
    select distinct
        person_id,
        'email_domain' as kind,
        split_part(address, '@', 2) as trait
    from addresses
    union
    select distinct
        person_id,
        'company_domain' as kind,
        lower(company_domain) as trait
    from {{ ref('int_contacts_identified') }}
    where company_domain is not null
    union
    select distinct
        contacts.person_id,
        'company_domain' as kind,
        lower(companies.company_domain) as trait
    from {{ ref('int_contacts_identified') }} as contacts
    inner join {{ ref('int_companies_judged') }} as companies
        on
            contacts.source_system = companies.source_system
            and contacts.source_company_id = companies.source_company_id
    where
        companies.verdict = 'accepted'
        and companies.company_domain is not null
    union
    select distinct
        person_id,
        'job_title' as kind,
        job_title as trait
    from {{ ref('int_contacts_identified') }}
    where job_title is not null
),

patterns as (
    select
        kind,
        reason,
        case
            when kind = 'job_title' then '(?i)' || pattern
            else '^' || replace({{ escaped_pattern('lower(pattern)') }}, '*', '.*') || '$'
        end as pattern
    from {{ ref('exclusions') }}
),

distinct_traits as (
    select distinct
        kind,
        trait
    from traits
),

traits_excluded as (
    select
        distinct_traits.kind,
        distinct_traits.trait,
        min(patterns.reason) as reason
    from distinct_traits
    inner join patterns
        on
            distinct_traits.kind = patterns.kind
            and {{ regexp_like('distinct_traits.trait', 'patterns.pattern') }}
    group by
        distinct_traits.kind,
        distinct_traits.trait
),

excluded as (
    select
        traits.person_id,
        min(traits_excluded.reason) as exclusion_reason
    from traits
    inner join traits_excluded
        on
            traits.kind = traits_excluded.kind
            and traits.trait = traits_excluded.trait
    group by traits.person_id
),

final as (
    select
        people.person_id,
        people.leading_key,
        case
            when records.person_id is not null or people.has_address
                then least(
                        coalesce(records.first_created_at, visits.first_touch_at),
                        coalesce(visits.first_touch_at, records.first_created_at)
                    )
        end as first_known_at,
        excluded.person_id is not null as is_excluded,
        excluded.exclusion_reason,
        systems_listed.first_source_system,
        systems_listed.source_systems,
        people.identity_keys
    from people
    left join records
        on people.person_id = records.person_id
    left join visits
        on people.person_id = visits.person_id
    left join excluded
        on people.person_id = excluded.person_id
    left join systems_listed
        on people.person_id = systems_listed.person_id
)

select * from final
