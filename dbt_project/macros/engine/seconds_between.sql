{#- Seconds from one timestamp to another as a double, fractions included. -#}
{% macro seconds_between(earlier, later) -%}
    {{ return(adapter.dispatch('seconds_between', 'leadproof')(earlier, later)) }}
{%- endmacro %}

{% macro default__seconds_between(earlier, later) -%}
    cast(extract(epoch from {{ later }}) - extract(epoch from {{ earlier }}) as double precision)
{%- endmacro %}

{#- Whole microseconds are subtracted before the division: two epochs as doubles would each be rounded. -#}
{% macro duckdb__seconds_between(earlier, later) -%}
    ((epoch_us({{ later }}) - epoch_us({{ earlier }})) / 1000000.0::double)
{%- endmacro %}
