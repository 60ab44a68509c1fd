{#- A UTC timestamp as clocks in a zone (an SQL expression holding an IANA name) showed it, again without zone. -#}
{% macro to_local_time(moment, zone) -%}
    {{ return(adapter.dispatch('to_local_time', 'leadproof')(moment, zone)) }}
{%- endmacro %}

{% macro default__to_local_time(moment, zone) -%}
    timezone({{ zone }}, timezone('UTC', {{ moment }}))
{%- endmacro %}

{% macro spark__to_local_time(moment, zone) -%}
    from_utc_timestamp({{ moment }}, {{ zone }})
{%- endmacro %}
