with aliases as (
    select
        {{ person_id_of('identity_key') }} as alias_id,
        person_id
    from {{ ref('int_identities_resolved') }}
    where not is_leading
),

final as (
    select distinct
        alias_id,
        person_id
    from aliases
)

select * from final
