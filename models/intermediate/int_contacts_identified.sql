-- Grain: one accepted contact version with its person.
select
    contacts.*,
    identities.person_id
from {{ ref('int_contacts_judged') }} as contacts
inner join {{ ref('int_identities_resolved') }} as identities
    on contacts.contact_key = identities.identity_key
where contacts.verdict = 'accepted'
