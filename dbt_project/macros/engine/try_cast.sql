{#- A cast that gives null where the value does not fit. dbt's safe_cast is a plain cast on the engines used here. -#}
{% macro try_cast(value, type) -%}
    {{ return(adapter.dispatch('try_cast', 'leadproof')(value, type)) }}
{%- endmacro %}

{% macro default__try_cast(value, type) -%}
    try_cast({{ value }} as {{ type }})
{%- endmacro %}
