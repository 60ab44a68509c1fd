{#- The number that the policy table `report_policy` gives a key at as-of. -#}
{% macro report_policy_value(key) -%}
    (
        select cast(report_policy.value as {{ type_double() }})
        from {{ ref('report_policy') }} as report_policy
        where
            report_policy.key = '{{ key }}'
            and {{ as_of() }} >= coalesce(report_policy.effective_from, {{ beginning_of_time() }})
            and {{ as_of() }} < coalesce(report_policy.effective_to, {{ end_of_time() }})
    )
{%- endmacro %}

{#- The fiscal year in which a date of the reporting time zone lies, named for the calendar year in which it ends. -#}
{% macro fiscal_year(date) -%}
    (
        cast(extract(year from {{ date }}) as integer)
        + case
            when
                cast({{ reporting_value('fiscal_year_start_month') }} as integer) > 1
                and cast(extract(month from {{ date }}) as integer)
                >= cast({{ reporting_value('fiscal_year_start_month') }} as integer)
                then 1
            else 0
        end
    )
{%- endmacro %}
