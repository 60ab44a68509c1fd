{#- Whether `pattern` (an SQL expression) is found anywhere in `subject`. Patterns keep to what RE2 knows. -#}
{% macro regexp_like(subject, pattern) -%}
    {{ return(adapter.dispatch('regexp_like', 'leadproof')(subject, pattern)) }}
{%- endmacro %}

{% macro default__regexp_like(subject, pattern) -%}
    regexp_like({{ subject }}, {{ pattern }})
{%- endmacro %}

{% macro duckdb__regexp_like(subject, pattern) -%}
    regexp_matches({{ subject }}, {{ pattern }})
{%- endmacro %}
