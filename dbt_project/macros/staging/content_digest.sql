{#-
    One text per combination of values, which are kept apart by a character that no text holds. Null and empty are the
    same. For rows that have no id of their own, and for "is this still the same content?".
-#}
{% macro content_digest(columns, relation) -%}
    {%- set parts = [] -%}
    {%- for column in columns -%}
        {%- do parts.append("coalesce(" ~ clean_text(relation ~ '.' ~ column) ~ ", '')") -%}
    {%- endfor -%}
    md5({{ parts | join(" || chr(31) || ") if parts else "''" }})
{%- endmacro %}
