-- Grain: one combination of what the direction rules look at, in one period of equal rules, with the rule that wins.
-- Touches share few combinations, so the rules are matched once per combination and not once per touch.
with rules as (
    select
        touch_direction_rules.*,
        coalesce(touch_direction_rules.effective_from, {{ beginning_of_time() }}) as rule_from,
        coalesce(touch_direction_rules.effective_to, {{ end_of_time() }}) as rule_to
    from {{ ref('touch_direction_rules') }} as touch_direction_rules
),

combinations as (
    select distinct
        period_from,
        channel,
        touch_type,
        placement,
        keyword_intent,
        audience_consent,
        content_fit,
        initiated_by,
        has_prior_permission
    from {{ ref('int_touches_permitted') }}
),

matched as (
    select
        combinations.period_from,
        combinations.channel,
        combinations.touch_type,
        combinations.placement,
        combinations.keyword_intent,
        combinations.audience_consent,
        combinations.content_fit,
        combinations.initiated_by,
        combinations.has_prior_permission,
        rules.rule_id,
        rules.direction,
        rules.permission,
        row_number() over (
            partition by
                combinations.period_from,
                combinations.channel,
                combinations.touch_type,
                combinations.placement,
                combinations.keyword_intent,
                combinations.audience_consent,
                combinations.content_fit,
                combinations.initiated_by,
                combinations.has_prior_permission
            order by rules.priority, rules.rule_id
        ) as place
    from combinations
    inner join rules
        on
            combinations.period_from >= rules.rule_from
            and rules.rule_to > combinations.period_from
            {% for field in direction_rule_fields() -%}
                and (lower(rules.{{ field }}) = combinations.{{ field }} or rules.{{ field }} = '*')
            {% endfor -%}
            and (
                rules.has_prior_permission = '*'
                or (lower(rules.has_prior_permission) = 'true') = combinations.has_prior_permission
            )
),

final as (
    select
        period_from,
        channel,
        touch_type,
        placement,
        keyword_intent,
        audience_consent,
        content_fit,
        initiated_by,
        has_prior_permission,
        rule_id,
        direction,
        permission
    from matched
    where place = 1
)

select * from final
