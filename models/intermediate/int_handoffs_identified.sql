-- Grain: one accepted handoff of a person. It follows the contact key if a person has it, else the address.
with identified as (
    select
        handoffs.source_system,
        handoffs.source_handoff_id,
        handoffs.occurred_at,
        handoffs.outcome,
        handoffs.reason,
        coalesce(by_contact.person_id, by_address.person_id) as person_id
    from {{ ref('int_handoffs_judged') }} as handoffs
    left join {{ ref('int_identities_resolved') }} as by_contact
        on 'contact:' || handoffs.source_system || ':' || handoffs.source_contact_id = by_contact.identity_key
    left join {{ ref('int_identities_resolved') }} as by_address
        on 'email:' || {{ normalised_email('handoffs.email') }} = by_address.identity_key
    where handoffs.verdict = 'accepted'
),

final as (
    select * from identified
    where
        person_id is not null
        and {{ within_increment('person_id', 'int_people_affected', 'person_id') }}
)

select * from final
