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

{#- The raw tables (`<system>.<table>`) whose files are snapshots. -#}
{% macro snapshot_tables() -%}
    {%- set tables = [] -%}
    {%- for table in var('load_modes', {}) or {} if load_mode(table) == 'snapshot' -%}
        {%- do tables.append(table) -%}
    {%- endfor -%}
    {{ return(tables) }}
{%- endmacro %}
