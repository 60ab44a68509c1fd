{#-
    What group number `group` of the first match of `pattern` (an SQL expression) holds, null where nothing matches.
    Engines give an empty text for "no match"; empty is null everywhere in this project.
-#}
{% macro regexp_extract(subject, pattern, group=0) -%}
    {{ return(adapter.dispatch('regexp_extract', 'leadproof')(subject, pattern, group)) }}
{%- endmacro %}

{% macro default__regexp_extract(subject, pattern, group=0) -%}
    nullif(regexp_extract({{ subject }}, {{ pattern }}, {{ group }}), '')
{%- endmacro %}
