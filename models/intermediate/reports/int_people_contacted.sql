-- Grain: one person who was contacted with one message of one campaign, and whether the time to answer is over. That
-- alone moves with as-of, so what came of a contact is kept, and not asked anew of everybody's touches in each build.
{{ config(materialized='view') }}

with final as (
    select
        followed.*,
        followed.matures_at <= {{ as_of() }} as is_matured
    from {{ ref('int_contacts_followed') }} as followed
)

select * from final
