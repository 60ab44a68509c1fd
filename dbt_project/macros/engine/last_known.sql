{#- The last value that is not null in a window: `so_far` names one that ends at the current row. -#}
{% macro last_known(value, so_far) -%}
    {{ return(adapter.dispatch('last_known', 'leadproof')(value, so_far)) }}
{%- endmacro %}

{% macro default__last_known(value, so_far) -%}
    last_value({{ value }} ignore nulls) over {{ so_far }}
{%- endmacro %}

{% macro spark__last_known(value, so_far) -%}
    last_value({{ value }}, true) over {{ so_far }}
{%- endmacro %}
