-- Grain: one identity key with the person it belongs to. People are the connected components of the links; the
-- component's leading key gives the person's id, so the id survives enrichment and newly linked visits.
{{ replaced_rows(key='identity_key', by='int_keys_affected') }}

with recursive {{ connected_components(ref('int_identity_links_found')) }},

assigned as (
    select
        keys.key_id,
        keys.identity_key,
        keys.kind_rank,
        keys.first_appeared_at,
        coalesce(components.component_id, keys.key_id) as leading_key_id
    from {{ ref('int_identity_keys_ranked') }} as keys
    left join components
        on keys.key_id = components.node_id
),

final as (
    select
        assigned.identity_key,
        assigned.kind_rank,
        assigned.first_appeared_at,
        assigned.key_id = assigned.leading_key_id as is_leading,
        {{ person_id_of('leaders.identity_key') }} as person_id
    from assigned
    inner join {{ ref('int_identity_keys_ranked') }} as leaders
        on assigned.leading_key_id = leaders.key_id
)

select * from final
