-- Grain: one stage transition with the whole stamp of its evidence touch and where its cycle stands. What the stage
-- tables and the log of transitions publish, but for the columns that move with as-of.
{{ replaced_rows(key='person_id', by='int_people_affected') }}

with evidence as (
    select
        touches.touch_id,
        touches.source_system,
        touches.direction,
        touches.direction_rule_id,
        {{ stamp_columns('touches', texts='campaigns') }}
    from {{ ref('int_evidence_stamped') }} as touches
    left join {{ ref('int_campaigns_versioned') }} as campaigns
        on touches.campaign_key = campaigns.campaign_key
),

final as (
    select
        -- ids
        transitions.transition_id,
        transitions.person_id,
        transitions.cycle_number,
        coalesce(evidence.source_system, people.first_source_system) as source_system,

        -- facts
        transitions.from_stage,
        transitions.to_stage,
        transitions.transition_kind,
        transitions.occurred_at,

        -- evidence
        transitions.evidence_touch_id,
        evidence.direction,
        evidence.direction_rule_id,
        {{ stamp_columns('evidence') }},

        -- verdict at that moment
        transitions.engagement_score,
        transitions.icp_version,
        transitions.is_icp_complete,
        transitions.is_icp_fit,
        transitions.mql_route,
        transitions.person_segment,
        transitions.policy,

        -- the cycle
        cycles.became_suspect_at,
        cycles.became_prospect_at,
        cycles.became_mql_at,
        cycles.became_sql_at,
        cycles.current_stage,
        cycles.current_stage_since
    from {{ ref('int_transitions_evidenced') }} as transitions
    inner join {{ ref('int_cycles_progressed') }} as cycles
        on
            transitions.person_id = cycles.person_id
            and transitions.cycle_number = cycles.cycle_number
    inner join {{ ref('int_people_known') }} as people
        on transitions.person_id = people.person_id
    left join evidence
        on transitions.evidence_touch_id = evidence.touch_id
)

select * from final
