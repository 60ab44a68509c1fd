-- Grain: one person whom an increment computes anew, or whom the last build knew and this one does not.
-- Empty where everything is built anew.
with final as (
    select former_person_id as person_id
    from {{ ref('int_keys_affected') }}
    where former_person_id is not null
    union
    select identities.person_id
    from {{ ref('int_identities_resolved') }} as identities
    inner join {{ ref('int_keys_affected') }} as affected
        on identities.identity_key = affected.identity_key
)

select * from final
