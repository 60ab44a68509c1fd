{#- A quotient as a double, null where the denominator is zero; 1/2 alone is 0 on some engines. -#}
{% macro ratio(numerator, denominator) -%}
    (cast({{ numerator }} as {{ type_double() }}) / nullif({{ denominator }}, 0))
{%- endmacro %}
