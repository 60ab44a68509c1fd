{#-
    One published stage table: every person × cycle that reached `stage`, with its evidence. The four tables differ
    only in how many of the dates they carry, so that one query serves them all.
-#}
{% macro stage_table(stage) %}
{% set stages = ['suspect', 'prospect', 'mql', 'sql'] %}
{% set reached = stages[:stages.index(stage) + 1] %}
with transitions as (
    select * from {{ ref('int_transitions_evidenced') }}
    where to_stage = '{{ stage }}'
),

final as (
    select
        -- ids
        transitions.person_id,
        transitions.cycle_number,
        coalesce(touches.source_system, people.first_source_system) as source_system,

        -- times
        {% for name in reached -%}
        cycles.became_{{ name }}_at,
        {% endfor %}
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
        {% if stage in ('mql', 'sql') -%}
        transitions.mql_route,
        {% endif -%}
        transitions.person_segment,
        transitions.policy,

        -- where the cycle stands now
        cycles.current_stage,
        cycles.current_stage_since,
        {{ seconds_between('cycles.current_stage_since', as_of()) }} / 86400 as days_in_stage
    from transitions
    inner join {{ ref('int_cycles_progressed') }} as cycles
        on
            transitions.person_id = cycles.person_id
            and transitions.cycle_number = cycles.cycle_number
    inner join {{ ref('int_people_known') }} as people
        on transitions.person_id = people.person_id
    left join {{ ref('touches') }} as touches
        on transitions.evidence_touch_id = touches.touch_id
)

select * from final
{% endmacro %}
