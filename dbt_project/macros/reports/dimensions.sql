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

{#- The columns by which entries are told apart in additive reports. The campaign's other columns follow from its id. -#}
{% macro entry_dimensions() -%}
    {{ return(['direction', 'segment', 'scoped_campaign_id', 'channel', 'acquisition_source']) }}
{%- endmacro %}

{#- The campaign's columns besides its id, for a query that groups by the id. -#}
{% macro campaign_columns() -%}
    {{ return(['campaign_source_system', 'campaign_id', 'campaign_name']) }}
{%- endmacro %}

{#-
    The cuts of a report whose figures cannot be added up (rates, medians), by name. The finest comes first, because
    `cut_columns` names a row after the first cut all of whose columns it holds.
-#}
{% macro report_cuts() -%}
    {{ return({
        'direction × segment × campaign': ['direction', 'segment', 'scoped_campaign_id'],
        'direction': ['direction'],
        'segment': ['segment'],
        'campaign': ['scoped_campaign_id'],
        'channel': ['channel'],
        'acquisition_source': ['acquisition_source'],
        'all': [],
    }) }}
{%- endmacro %}

{#- `grouping sets` of all cuts, each with the columns in `fixed`, and once more with those in `also` if any are given. -#}
{% macro cut_grouping_sets(fixed, also=[]) -%}
    {%- set sets = [] -%}
    {%- for columns in report_cuts().values() -%}
        {%- do sets.append('(' ~ (fixed + columns) | join(', ') ~ ')') -%}
        {%- if also -%}
            {%- do sets.append('(' ~ (fixed + also + columns) | join(', ') ~ ')') -%}
        {%- endif -%}
    {%- endfor -%}
    grouping sets ({{ sets | join(', ') }})
{%- endmacro %}

{#- The name of a row's cut and its dimensions, `(all)` where the row is not cut by one. -#}
{% macro cut_columns() -%}
    case
            {%- for name, columns in report_cuts().items() if columns %}
            when
                {%- for column in columns %} grouping({{ column }}) = 0{{ ' and' if not loop.last }}{% endfor %}
                then '{{ name }}'
            {%- endfor %}
            else 'all'
        end as cut,
        {%- for column in entry_dimensions() %}
        case when grouping({{ column }}) = 0 then {{ column }} else {{ all_values() }} end as {{ column }},
        {%- endfor %}
        {%- for column in campaign_columns() %}
        case when grouping(scoped_campaign_id) = 0 then max({{ column }}) else {{ all_values() }} end
            as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
{%- endmacro %}
