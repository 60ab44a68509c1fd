{#- The band of ten points in which a score lies, so written that bands sort as they count. -#}
{% macro score_band(score) -%}
    case
        when {{ score }} is null then {{ no_value() }}
        when {{ score }} >= 100 then '100+'
        {% for tens in range(9, -1, -1) -%}
        when {{ score }} >= {{ tens * 10 }} then '{{ '%02d-%02d' | format(tens * 10, tens * 10 + 9) }}'
        {% endfor -%}
    end
{%- endmacro %}
