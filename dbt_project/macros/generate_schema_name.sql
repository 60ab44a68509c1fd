{#- Schemas carry the names of the layers. dbt's default would prefix each with the target's schema. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
