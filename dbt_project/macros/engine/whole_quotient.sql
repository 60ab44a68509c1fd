{#- How many whole times one integer goes into another that is not negative; 0 divides nothing. -#}
{% macro whole_quotient(dividend, divisor) -%}
    {{ return(adapter.dispatch('whole_quotient', 'leadproof')(dividend, divisor)) }}
{%- endmacro %}

{% macro default__whole_quotient(dividend, divisor) -%}
    div({{ dividend }}, nullif({{ divisor }}, 0))
{%- endmacro %}

{% macro duckdb__whole_quotient(dividend, divisor) -%}
    ({{ dividend }} // nullif({{ divisor }}, 0))
{%- endmacro %}

{% macro spark__whole_quotient(dividend, divisor) -%}
    (({{ dividend }}) div nullif({{ divisor }}, 0))
{%- endmacro %}
