{#- One value of the policy table `reporting`, by which all reports cut time and name money. -#}
{% macro reporting_value(key) -%}
    (select reporting.value from {{ ref('reporting') }} as reporting where reporting.key = '{{ key }}')
{%- endmacro %}

{#- The date that calendars in the reporting time zone showed at a UTC timestamp. -#}
{% macro local_date(moment) -%}
    cast({{ to_local_time(moment, reporting_value('time_zone')) }} as date)
{%- endmacro %}

{#- The first day of the month in which a date lies. -#}
{% macro month_of(date) -%}
    cast(date_trunc('month', {{ date }}) as date)
{%- endmacro %}
