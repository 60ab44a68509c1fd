{#-
    A number that equal texts share. Others may share it by accident, so it finds those that are worth a look, and the look
    decides. Grouping a hundred million texts by it keeps numbers in memory, where the texts themselves would be spilled.
-#}
{% macro text_number(column) -%}
    {{ return(adapter.dispatch('text_number', 'leadproof')(column)) }}
{%- endmacro %}

{#- Elsewhere the text stands for itself, at its full length. -#}
{% macro default__text_number(column) -%}
    {{ column }}
{%- endmacro %}

{% macro duckdb__text_number(column) -%}
    case when {{ column }} is not null then hash({{ column }}) end
{%- endmacro %}
