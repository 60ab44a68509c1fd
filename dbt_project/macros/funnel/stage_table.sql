{#-
    One published stage table: every person × cycle that reached `stage`, with its evidence. The four tables differ
    only in how many of the dates they carry, so that one query serves them all.
-#}
{% macro stage_table(stage) %}
{% set stages = ['suspect', 'prospect', 'mql', 'sql'] %}
{% set reached = stages[:stages.index(stage) + 1] %}
with transitions as (
    select * from {{ ref('int_transitions_stamped') }}
    where to_stage = '{{ stage }}'
),

final as (
    select
        -- ids
        transitions.person_id,
        transitions.cycle_number,
        transitions.source_system,

        -- times
        {% for name in reached -%}
        transitions.became_{{ name }}_at,
        {% endfor %}
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
        {% if stage in ('mql', 'sql') -%}
        transitions.mql_route,
        {% endif -%}
        transitions.person_segment,
        transitions.policy,

        -- where the cycle stands now
        transitions.current_stage,
        transitions.current_stage_since,
        {{ seconds_between('transitions.current_stage_since', as_of()) }} / 86400 as days_in_stage
    from transitions
)

select * from final
{% endmacro %}
