{#-
    Systems of which each staged row follows from its raw row alone, so that rows staged once stay as they are. Elsewhere
    a row may look at others (a lead named by its last name, the next snapshot): there every row is staged again once the
    system delivers anything. The system's staging folder says so in the project file: `+meta: {rows_stand_alone: true}`.
-#}
{% macro stand_alone_systems() -%}
    {%- set systems = [] -%}
    {%- if execute -%}
        {%- for system in var('source_systems') -%}
            {%- set node = graph.nodes['model.' ~ project_name ~ '.stg_' ~ system ~ '__touches'] -%}
            {%- set snapshots = [] -%}
            {%- for table in snapshot_tables() if table.startswith(system ~ '.') -%}
                {%- do snapshots.append(table) -%}
            {%- endfor -%}
            {%- if node.config.meta.get('rows_stand_alone') and not snapshots -%}
                {%- do systems.append(system) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(systems) }}
{%- endmacro %}

{#- Whether a source system is one of these. -#}
{% macro stands_alone(source_system) -%}
    {{ source_system }} in ('{{ stand_alone_systems() | join("', '") }}')
{%- endmacro %}

{#- The columns of staged rows of an entity, in order. -#}
{% macro staged_row_columns(entity, omitted=[]) -%}
    {%- set names = [] -%}
    {%- for name in (canonical_columns(entity).keys() | list) + (staged_columns().keys() | list) if name not in omitted -%}
        {%- do names.append(name) -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}

{#-
    All staged rows of an entity from the source systems that are on. `omitted` names canonical columns that
    must not travel on: what a CRM claims stays out of everything that proves a stage. `loads` names a relation of
    source_system and _load_id: only rows of these load runs.
-#}
{% macro union_staging(entity, omitted=[], loads=none) %}
    {% set names = staged_row_columns(entity, omitted) %}
    {% for system in var('source_systems') %}
select {{ names | join(', ') }} from {{ ref('stg_' ~ system ~ '__' ~ entity) }}
        {% if loads -%}
where _load_id in (select loads._load_id from {{ loads }} as loads where loads.source_system = '{{ system }}')
        {% endif %}
        {% if not loop.last %}union all{% endif %}
    {% else %}
select {{ names | join(', ') }} from ({{ no_rows(entity) }}) as nothing
    {% endfor %}
{% endmacro %}
