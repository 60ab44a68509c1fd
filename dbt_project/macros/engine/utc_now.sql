{#- The present moment as a UTC timestamp without zone. Only for a build by hand: models read as_of. -#}
{% macro utc_now() -%}
    {{ return(adapter.dispatch('utc_now', 'leadproof')()) }}
{%- endmacro %}

{% macro default__utc_now() -%}
    cast(current_timestamp as timestamp)
{%- endmacro %}
