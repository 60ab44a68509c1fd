{#- How the files of a raw table (`<system>.<table>`) add up: `append` unless the project says `snapshot`. -#}
{% macro load_mode(table) -%}
    {%- set mode = (var('load_modes', {}) or {}).get(table, 'append') -%}
    {%- if mode not in ('append', 'snapshot') -%}
        {{ exceptions.raise_compiler_error(
            "load_modes gives '" ~ mode ~ "' for " ~ table ~ "; write append or snapshot."
        ) }}
    {%- endif -%}
    {{ return(mode) }}
{%- endmacro %}
