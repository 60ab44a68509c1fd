{#- A clean, lower-cased text as a boolean, null where it is none. -#}
{% macro parse_boolean(text) -%}
    case
        when {{ text }} in ('true', 't', 'yes', 'y', '1') then true
        when {{ text }} in ('false', 'f', 'no', 'n', '0') then false
    end
{%- endmacro %}
