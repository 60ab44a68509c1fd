-- Grain: one value of one attribute that somebody or some company had, with its class: values of one class meet the same
-- rules of all that were ever written, so no verdict tells them apart. `is_leading`: it stands for its class.
with contacts as (
    select * from {{ ref('int_contacts_identified') }}
),

companies as (
    select * from {{ ref('int_companies_versioned') }}
),

found as (
    {% for attribute in person_attributes() -%}
        {% for relation in ['contacts', 'companies'] if relation == 'contacts' or attribute in company_attributes() -%}
            select
                '{{ attribute }}' as attribute,
                {{ attribute_value(attribute, relation) }} as value,
                {% for name in person_attributes() + ['employee_count_max'] -%}
                    {% if name == attribute or (name, attribute) == ('employee_count_max', 'employee_count') -%}
                        {{ relation }}.{{ name }}{{ ',' if not loop.last }}
                    {% else -%}
                        cast(null as {{ 'bigint' if 'employee_count' in name else 'varchar' }})
                            as {{ name }}{{ ',' if not loop.last }}
                    {% endif -%}
                {% endfor %}
            from {{ relation }}
            where {{ relation }}.{{ attribute }} is not null
            {{ 'union' if not loop.last }}
        {% endfor %}
        {{ 'union' if not loop.last }}
    {% endfor %}
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
        found.attribute,
        found.value,
        numbered.rule_number,
        {{ rule_holds('found', 'numbered') }} as is_met
    from found
    inner join numbered
        on found.attribute = numbered.attribute
),

outcomes as (
    select
        attribute,
        value,
        {{ string_agg("case when is_met then 'yes' when not is_met then 'no' else 'unknown' end", 'rule_number') }}
            as outcome
    from judged
    group by
        attribute,
        value
),

classed as (
    select
        found.*,
        dense_rank() over (partition by found.attribute order by coalesce(outcomes.outcome, '')) as class_number
    from found
    left join outcomes
        on
            found.attribute = outcomes.attribute
            and found.value = outcomes.value
),

final as (
    select
        classed.*,
        row_number() over (partition by attribute, class_number order by value) = 1 as is_leading
    from classed
)

select * from final
