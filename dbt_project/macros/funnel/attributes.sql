{#- ICP attributes that a company record can supply where the contact's is silent. The band's upper end goes with the count. -#}
{% macro company_attributes() %}
    {{ return(['industry', 'employee_count', 'company_type', 'country']) }}
{% endmacro %}

{#- ICP attributes of a person. -#}
{% macro person_attributes() %}
    {{ return(company_attributes() + ['seniority']) }}
{% endmacro %}

{#- The upper end of the band of the last known headcount, null where that was no band: never that of an earlier one. -#}
{% macro last_band_end(so_far) -%}
    nullif({{ last_known('case when employee_count is not null then coalesce(employee_count_max, -1) end', so_far) }}, -1)
{%- endmacro %}

{#- An attribute's value in relation alias `relation`, as one text; a headcount goes with its band's upper end. -#}
{% macro attribute_value(attribute, relation) -%}
    {%- if attribute == 'employee_count' -%}
        cast({{ relation }}.employee_count as varchar)
        || '-' || coalesce(cast({{ relation }}.employee_count_max as varchar), '')
    {%- else -%}
        {{ relation }}.{{ attribute }}
    {%- endif -%}
{%- endmacro %}

{#- The class of an attribute in the profile of relation alias `relation`: `profile_id` lists the classes in order. -#}
{% macro profile_class(relation, attribute) -%}
    split_part({{ relation }}.profile_id, '|', {{ person_attributes().index(attribute) + 1 }})
{%- endmacro %}

{#-
    Whether a rule (operator, allowed_values, min_value, max_value) holds for an attribute's value: true, false, or null
    where the value is unknown. `profile` and `rule` are relation aliases. A band must lie within the range.
-#}
{% macro rule_holds(profile, rule) -%}
case
    when {{ rule }}.attribute = 'employee_count'
        then
            {#- Some sources give a band upside down. #}
            {{ profile }}.employee_count >= coalesce({{ rule }}.min_value, {{ profile }}.employee_count)
            and {{ profile }}.employee_count <= coalesce({{ rule }}.max_value, {{ profile }}.employee_count)
            and (
                {{ profile }}.employee_count_max is null
                or (
                    {{ profile }}.employee_count_max
                    >= coalesce({{ rule }}.min_value, {{ profile }}.employee_count_max)
                    and {{ profile }}.employee_count_max
                    <= coalesce({{ rule }}.max_value, {{ profile }}.employee_count_max)
                )
            )
    {% for attribute in person_attributes() if attribute != 'employee_count' -%}
    when {{ rule }}.attribute = '{{ attribute }}'
        then {{ list_contains_value(rule ~ '.allowed_values', profile ~ '.' ~ attribute) }}
    {% endfor -%}
end
{%- endmacro %}
