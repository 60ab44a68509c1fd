{#- What stands in a dimension where there is nothing to say: a code, because a blank adds up and filters badly. -#}
{% macro no_value() -%}
    'none'
{%- endmacro %}

{#- What stands in a dimension of a row that is not cut by it. Brackets, because no code and no name begins with one. -#}
{% macro all_values() -%}
    '(all)'
{%- endmacro %}

{#- A campaign's id with the system that it is scoped to, as touch_id is written; `none` where there is no campaign. -#}
{% macro scoped_campaign_id(system, campaign) -%}
    coalesce({{ system }} || ':' || {{ campaign }}, {{ no_value() }})
{%- endmacro %}
