{{ replaced_rows(
    key='person_id',
    by='int_people_affected',
    compared={'key': 'transition_id', 'rows': 'int_transitions_stamped'}
) }}

with transitions as (
    select * from {{ ref('int_transitions_stamped') }}
    where {{ within_increment('person_id', 'int_people_affected', 'person_id') }}
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
        transitions.direction,
        transitions.direction_rule_id,
        {{ stamp_columns('transitions') }},

        -- verdict at that moment
        transitions.engagement_score,
        transitions.icp_version,
        transitions.is_icp_complete,
        transitions.is_icp_fit,
        transitions.mql_route,
        transitions.policy
    from transitions
),

{{ differing_rows('final', key='person_id', by='int_people_affected') }}

select * from differing
