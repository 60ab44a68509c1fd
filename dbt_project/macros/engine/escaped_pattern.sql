{#- A text with the signs that mean something in a regular expression escaped, all but `*`, which the caller turns into `.*`. -#}
{% macro escaped_pattern(text) -%}
    {{ return(adapter.dispatch('escaped_pattern', 'leadproof')(text)) }}
{%- endmacro %}

{% macro default__escaped_pattern(text) -%}
    {{ regexp_replace_all(text, "'([.+?^$()\\[\\]{}|\\\\])'", "'\\\\\\1'") }}
{%- endmacro %}
