with transitions as (
    select * from {{ ref('int_transitions_evidenced') }}
),

final as (
    select
        -- ids
        transitions.transition_id,
        transitions.person_id,
        transitions.cycle_number,

        -- facts
        transitions.from_stage,
        transitions.to_stage,
        transitions.transition_kind,
        transitions.occurred_at,

        -- evidence
        transitions.evidence_touch_id,
        touches.direction,
        touches.direction_rule_id,
        {{ stamp_columns('touches') }},

        -- verdict at that moment
        transitions.engagement_score,
        transitions.icp_version,
        transitions.is_icp_complete,
        transitions.is_icp_fit,
        transitions.mql_route,
        transitions.policy
    from transitions
    left join {{ ref('touches') }} as touches
        on transitions.evidence_touch_id = touches.touch_id
)

select * from final
