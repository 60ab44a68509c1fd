{#- A 64-bit floating point type; dbt's own type_float is 32-bit on DuckDB. -#}
{% macro type_double() -%}
    {{ return(adapter.dispatch('type_double', 'leadproof')()) }}
{%- endmacro %}

{% macro default__type_double() -%}
    double precision
{%- endmacro %}

{% macro duckdb__type_double() -%}
    double
{%- endmacro %}
