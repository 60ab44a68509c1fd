{#- A timestamp a number of days later; days may have fractions. -#}
{% macro days_after(moment, days) -%}
    {{ return(adapter.dispatch('days_after', 'leadproof')(moment, days)) }}
{%- endmacro %}

{% macro default__days_after(moment, days) -%}
    ({{ moment }} + ({{ days }}) * interval '1' day)
{%- endmacro %}

{#- Whole microseconds: DuckDB would round a fractional day when it multiplies an interval. -#}
{% macro duckdb__days_after(moment, days) -%}
    ({{ moment }} + to_microseconds(cast(round(({{ days }}) * 86400000000.0) as bigint)))
{%- endmacro %}
