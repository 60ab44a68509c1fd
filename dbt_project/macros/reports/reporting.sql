{#- One value of the policy table `reporting`, by which all reports cut time and name money. -#}
{% macro reporting_value(key) -%}
    (select reporting.value from {{ ref('reporting') }} as reporting where reporting.key = '{{ key }}')
{%- endmacro %}

{#- The date that calendars in the reporting time zone showed at a UTC timestamp. -#}
{% macro local_date(moment) -%}
    cast({{ to_local_time(moment, reporting_value('time_zone')) }} as date)
{%- endmacro %}

{#-
    The first day of the week in which a date lies; weeks begin on the day that `reporting` names. Engines cut weeks at
    Mondays, so the date is moved back by as many days as that day comes after Monday, and the cut forward again.
-#}
{% macro week_of(date) -%}
    {%- set days = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] -%}
    {%- set after_monday -%}
        (case {{ reporting_value('week_start') }}
            {%- for day in days %} when '{{ day }}' then {{ loop.index0 }}{% endfor %} end)
    {%- endset -%}
    {%- set moved = days_after('cast(' ~ date ~ ' as ' ~ dbt.type_timestamp() ~ ')', '-' ~ after_monday) -%}
    cast({{ days_after("date_trunc('week', " ~ moved ~ ")", after_monday) }} as date)
{%- endmacro %}

{#-
    The first day of the month that calendars in the reporting time zone showed at a UTC timestamp. No zone is a whole day
    from UTC, so only moments near the turn of a month are converted: for many rows this is several times as fast.
-#}
{% macro local_month(moment) -%}
    case
            when extract(day from {{ moment }}) between 2 and 27 then {{ month_of(moment) }}
            else {{ month_of(local_date(moment)) }}
        end
{%- endmacro %}

{#- The first day of the month in which a date lies. -#}
{% macro month_of(date) -%}
    cast(date_trunc('month', {{ date }}) as date)
{%- endmacro %}
