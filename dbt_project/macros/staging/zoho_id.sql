{#-
    A reference to a record of the CRM, in an id space of its own (`lead-4563`, `contact-2585`): leads and contacts
    are numbered separately. The CRM exports "none" as nothing, as blanks or as 0.
-#}
{% macro zoho_id(kind, column) -%}
    '{{ kind }}-' || nullif({{ clean_text(column) }}, '0')
{%- endmacro %}
