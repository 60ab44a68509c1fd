{#-
    Where a row came from, and what the snapshots say about it (see snapshot_rows). Every staging and base model
    carries these last. They name the delivery, which for the rows of a content that was delivered again is not the
    file that was loaded; to whom it matters which landed row it is, file_redeliveries tells.
-#}
{% macro landing_columns(source_system, source_table) -%}
    '{{ source_system }}' as source_system,
        '{{ source_table }}' as source_table,
        {% for column in carried_landing_columns() -%}
        {{ '_delivered' ~ column ~ ' as ' if column in delivered_landing_columns() }}{{ column }}
        {%- if not loop.last %},
        {% endif %}
        {%- endfor %}
{%- endmacro %}

{% macro carried_landing_columns() -%}
    {{ return([
        '_load_id', '_loaded_at', '_observed_at', '_source_file', '_source_row',
        '_changed_at', '_returned_at', '_removed_at',
    ]) }}
{%- endmacro %}

{#- Those that differ between a delivery and the file version that was loaded. -#}
{% macro delivered_landing_columns() -%}
    {{ return(['_load_id', '_loaded_at', '_observed_at', '_source_file']) }}
{%- endmacro %}
