-- Grain: one value of one attribute that somebody or some company had, with its class: values of one class meet the
-- same rules of all that were ever written, so no verdict tells them apart. `is_leading`: it stands for its class.
with contacts as (
    select * from {{ ref('int_contacts_identified') }}
),

companies as (
    select * from {{ ref('int_companies_versioned') }}
),

found as (
    {% for relation, attributes in [('contacts', person_attributes()), ('companies', company_attributes())] -%}
        {% set is_first = loop.first -%}
        {% for attribute in attributes -%}
            {{ 'union' if not (is_first and loop.first) }}
            select
                '{{ attribute }}' as attribute_name,
                {{ attribute_value(attribute, relation) }} as attribute_value,
                {{ 'employee_count' if attribute == 'employee_count' else 'cast(null as bigint)' }} as employee_count,
                {{ 'employee_count_max' if attribute == 'employee_count' else 'cast(null as bigint)' }}
                    as employee_count_max
            from {{ relation }}
            where {{ attribute }} is not null
        {% endfor -%}
    {% endfor %}
),

spread as (
    select
        {% for attribute in person_attributes() if attribute != 'employee_count' -%}
            case when attribute_name = '{{ attribute }}' then attribute_value end as {{ attribute }},
        {% endfor -%}
        found.*
    from found
),

rules as (
    select
        attribute,
        operator,
        allowed_values,
        min_value,
        max_value
    from {{ ref('icp_profiles') }}
    union
    select
        attribute,
        operator,
        allowed_values,
        min_value,
        max_value
    from {{ ref('segment_rules') }}
),

numbered as (
    select
        rules.*,
        row_number() over (order by attribute, operator, allowed_values, min_value, max_value) as rule_number
    from rules
),

judged as (
    select
        spread.attribute_name,
        spread.attribute_value,
        numbered.rule_number,
        {{ rule_holds('spread', 'numbered') }} as is_met
    from spread
    inner join numbered
        on spread.attribute_name = numbered.attribute
),

outcomes as (
    select
        attribute_name,
        attribute_value,
        {{ string_agg("case when is_met then 'yes' when not is_met then 'no' else 'unknown' end", 'rule_number') }}
            as outcome
    from judged
    group by
        attribute_name,
        attribute_value
),

classed as (
    select
        spread.*,
        dense_rank() over (partition by spread.attribute_name order by coalesce(outcomes.outcome, '')) as class_number
    from spread
    left join outcomes
        on
            spread.attribute_name = outcomes.attribute_name
            and spread.attribute_value = outcomes.attribute_value
),

final as (
    select
        classed.*,
        row_number() over (partition by attribute_name, class_number order by attribute_value) = 1 as is_leading
    from classed
)

select * from final
