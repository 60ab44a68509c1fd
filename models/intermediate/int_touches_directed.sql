-- Grain: one accepted touch with its direction, its own or that of the touch it answers, and whose campaign is its
-- context.
{{ config(materialized='view') }}

with inherited as (
    select * from {{ ref('int_responses_answered') }}
),

final as (
    select
        classified.*,
        coalesce(
            case when inherited.touch_id is null then classified.own_direction else inherited.direction end,
            'unclassified'
        ) as direction,
        case when inherited.touch_id is null then classified.own_rule_id else inherited.direction_rule_id end
            as direction_rule_id,
        case when inherited.touch_id is null then classified.own_permission else inherited.permission end as permission,
        case
            when classified.campaign_id is not null then 'own'
            else coalesce(inherited.context_source, 'none')
        end as context_source,
        coalesce(inherited.context_system, classified.source_system) as stamp_system,
        coalesce(inherited.context_campaign_id, classified.campaign_id) as stamp_campaign_id,
        coalesce(inherited.context_at, classified.occurred_at) as stamp_at
    from {{ ref('int_touches_classified') }} as classified
    left join inherited
        on classified.touch_id = inherited.touch_id
)

select * from final
