{#-
    Whether a `|` list holds a value; blanks around the items and letter case do not count. A value with a `|` in it is
    several values, and no item.
-#}
{% macro list_contains_value(list, value) -%}
    {{ return(adapter.dispatch('list_contains_value', 'leadproof')(list, value)) }}
{%- endmacro %}

{% macro default__list_contains_value(list, value) -%}
    (position(
        '|' || lower(trim({{ value }})) || '|'
        in '|' || {{ regexp_replace_all("lower(trim(" ~ list ~ "))", "'\\s*\\|\\s*'", "'|'") }} || '|'
    ) > 0 and position('|' in {{ value }}) = 0)
{%- endmacro %}
