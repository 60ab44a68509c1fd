{#- The value of `returned` in the row in which `ordered` is greatest; rows with a null `returned` do not count. -#}
{% macro arg_max(returned, ordered) -%}
    {{ return(adapter.dispatch('arg_max', 'leadproof')(returned, ordered)) }}
{%- endmacro %}

{% macro default__arg_max(returned, ordered) -%}
    max_by({{ returned }}, {{ ordered }}) filter (where {{ returned }} is not null)
{%- endmacro %}

{% macro duckdb__arg_max(returned, ordered) -%}
    arg_max({{ returned }}, {{ ordered }})
{%- endmacro %}
