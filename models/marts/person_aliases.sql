{{ replaced_rows(key='person_id', by='int_people_affected') }}

with aliases as (
    select
        {{ person_id_of('identity_key') }} as alias_id,
        person_id
    from {{ ref('int_identities_resolved') }}
    where
        not is_leading
        and {{ within_increment('person_id', 'int_people_affected', 'person_id') }}
),

final as (
    select distinct
        alias_id,
        person_id
    from aliases
)

select * from final
