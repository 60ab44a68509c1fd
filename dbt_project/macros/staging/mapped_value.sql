{#-
    Our code for a source's value by the policy table value_mappings, null where it lists none. A scalar subquery
    rather than a join: no value can multiply a row, and a column depends on nothing but its own source column.
-#}
{% macro mapped_value(source_system, column_name, value) -%}
    (
        select max(value_mappings.canonical_value)
        from {{ ref('value_mappings') }} as value_mappings
        where
            value_mappings.source_system = '{{ source_system }}'
            and value_mappings.column_name = '{{ column_name }}'
            and value_mappings.source_value = lower({{ value }})
    )
{%- endmacro %}
