{#- A clean text as a whole number of zero or more, null where it is none: 120.5 people are a misread column. -#}
{% macro parse_count(text) -%}
    case
        when {{ parse_number(text) }} between 0 and 1e15 and {{ parse_number(text) }} = floor({{ parse_number(text) }})
            then cast({{ parse_number(text) }} as bigint)
    end
{%- endmacro %}
