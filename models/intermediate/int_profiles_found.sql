-- Grain: one combination of what the rules can tell apart in people's attributes, with values that stand for it. Few,
-- however many people there are: a headcount of 120 and one of 121 are the same profile unless a rule parts them.
with profiles as (
    select distinct profile_id
    from {{ ref('int_people_attributed') }}
),

leading_values as (
    select * from {{ ref('int_attribute_values_classed') }}
    where is_leading
),

final as (
    select
        profiles.profile_id,
        {% for attribute in person_attributes() -%}
            {{ attribute }}_values.{{ attribute }},
        {% endfor -%}
        employee_count_values.employee_count_max
    from profiles
    {% for attribute in person_attributes() -%}
        left join leading_values as {{ attribute }}_values
            on
                {{ attribute }}_values.attribute_name = '{{ attribute }}'
                and {{ profile_class('profiles', attribute) }} = cast({{ attribute }}_values.class_number as varchar)
    {% endfor %}
)

select * from final
