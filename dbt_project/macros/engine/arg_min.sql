{#- The value of `returned` in the row in which `ordered` is least; rows with a null `returned` do not count. -#}
{% macro arg_min(returned, ordered) -%}
    {{ return(adapter.dispatch('arg_min', 'leadproof')(returned, ordered)) }}
{%- endmacro %}

{% macro default__arg_min(returned, ordered) -%}
    min_by({{ returned }}, {{ ordered }}) filter (where {{ returned }} is not null)
{%- endmacro %}

{% macro duckdb__arg_min(returned, ordered) -%}
    arg_min({{ returned }}, {{ ordered }})
{%- endmacro %}
