{#- `subject` with every match of `pattern` replaced; DuckDB alone would replace only the first. -#}
{% macro regexp_replace_all(subject, pattern, replacement) -%}
    {{ return(adapter.dispatch('regexp_replace_all', 'leadproof')(subject, pattern, replacement)) }}
{%- endmacro %}

{% macro default__regexp_replace_all(subject, pattern, replacement) -%}
    regexp_replace({{ subject }}, {{ pattern }}, {{ replacement }})
{%- endmacro %}

{% macro duckdb__regexp_replace_all(subject, pattern, replacement) -%}
    regexp_replace({{ subject }}, {{ pattern }}, {{ replacement }}, 'g')
{%- endmacro %}
