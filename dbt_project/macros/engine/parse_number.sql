{#-
    A trimmed text as a double, null where it is no plain number. `nan`, `infinity`, thousands separators, digit
    groups by underscore and hexadecimal forms are not plain: engines read them differently or by accident.
    Give a column, not an expression: it is named several times.
-#}
{% macro parse_number(text) -%}
    {{ return(adapter.dispatch('parse_number', 'leadproof')(text)) }}
{%- endmacro %}

{% macro default__parse_number(text) -%}
    case
        when {{ regexp_like(text, "'^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?$'") }}
            then {{ try_cast(text, type_double()) }}
    end
{%- endmacro %}
