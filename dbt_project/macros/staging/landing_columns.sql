{#-
    Where a raw row came from, and what the snapshots say about it (see snapshot_rows). Every staging and base model
    carries these last.
-#}
{% macro landing_columns(source_system, source_table) -%}
    '{{ source_system }}' as source_system,
        '{{ source_table }}' as source_table,
        {{ carried_landing_columns() | join(',\n        ') }}
{%- endmacro %}

{% macro carried_landing_columns() -%}
    {{ return([
        '_load_id', '_loaded_at', '_observed_at', '_source_file', '_source_row',
        '_changed_at', '_returned_at', '_removed_at',
    ]) }}
{%- endmacro %}
