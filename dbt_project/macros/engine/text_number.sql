{#-
    A number that equal texts share. Others may share it by accident, so it finds those that are worth a look, and the look
    decides. Grouping a hundred million texts by it keeps numbers in memory, where the texts themselves would be spilled.
-#}
{% macro text_number(column) -%}
    {{ return(adapter.dispatch('text_number', 'leadproof')(column)) }}
{%- endmacro %}

{#- The text itself is a number of this kind, if not a short one. -#}
{% macro default__text_number(column) -%}
    {{ column }}
{%- endmacro %}

{% macro duckdb__text_number(column) -%}
    hash({{ column }})
{%- endmacro %}
