-- Grain: one value of one attribute that somebody or some company had, with its class: values of one class meet the
-- same rules of all that were ever written, so no verdict tells them apart. `is_leading`: it stands for its class.
with found as (
    {% for attribute in person_attributes() -%}
        {% set is_count = attribute == 'employee_count' -%}
        select
            '{{ attribute }}' as attribute_name,
            {{ attribute_value(attribute, 'contacts') }} as attribute_value,
            {{ 'contacts.employee_count' if is_count else 'cast(null as bigint)' }} as employee_count,
            {{ 'contacts.employee_count_max' if is_count else 'cast(null as bigint)' }} as employee_count_max
        from {{ ref('int_contacts_identified') }} as contacts
        where contacts.{{ attribute }} is not null
        union
    {% endfor -%}
    {% for attribute in company_attributes() -%}
        {% set is_count = attribute == 'employee_count' -%}
        select
            '{{ attribute }}' as attribute_name,
            {{ attribute_value(attribute, 'companies') }} as attribute_value,
            {{ 'companies.employee_count' if is_count else 'cast(null as bigint)' }} as employee_count,
            {{ 'companies.employee_count_max' if is_count else 'cast(null as bigint)' }} as employee_count_max
        from {{ ref('int_companies_versioned') }} as companies
        where companies.{{ attribute }} is not null
        {{ 'union' if not loop.last }}
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
