-- Grain: one accepted touch with the direction that its own fields decide; null where no rule matches.
{{ config(materialized='view') }}

with touches as (
    select * from {{ ref('int_touches_permitted') }}
),

rulings as (
    select * from {{ ref('int_touch_contexts_ruled') }}
),

final as (
    select
        touches.*,
        rulings.direction as own_direction,
        rulings.rule_id as own_rule_id,
        rulings.permission as own_permission
    from touches
    left join rulings
        on
            touches.period_from = rulings.period_from
            and touches.has_prior_permission = rulings.has_prior_permission
            {%- for field in direction_rule_fields() %}
                and touches.{{ field }} is not distinct from rulings.{{ field }}
            {%- endfor %}
)

select * from final
