-- Grain: one accepted contact version with its person.
with contacts as (
    select * from {{ ref('int_contacts_judged') }}
    where verdict = 'accepted'
),

final as (
    select
        contacts.*,
        identities.person_id
    from contacts
    inner join {{ ref('int_identities_resolved') }} as identities
        on contacts.contact_key = identities.identity_key
)

select * from final
