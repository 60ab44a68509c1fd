{#-
    Columns of a table that carries its cuts itself. Of `dimensions`, those that a row's grouping set holds name the cut
    (`all` where it holds none); the others say that the row is not cut by them. For a query with grouping sets.
-#}
{% macro cut_name(dimensions) -%}
    coalesce(nullif(concat_ws(
        ' × '{% for dimension in dimensions %},
        case when grouping({{ dimension }}) = 0 then '{{ cut_word(dimension) }}' end
        {%- endfor %}
    ), ''), 'all')
{%- endmacro %}

{% macro cut_dimension(dimension) -%}
    case when grouping({{ dimension }}) = 1 then {{ all_values() }} else {{ dimension }} end
{%- endmacro %}

{#- What a dimension is called in the name of a cut. -#}
{% macro cut_word(dimension) -%}
    {%- set words = {'scoped_campaign_id': 'campaign', 'calendar_month': 'month', 'offer_id': 'offer'} -%}
    {{ return(words.get(dimension, dimension)) }}
{%- endmacro %}

{#- The campaigns as they are called now, one row each: what reports write beside `scoped_campaign_id`. -#}
{% macro campaigns_named() -%}
    select
        {{ scoped_campaign_id('source_system', 'campaign_id') }} as scoped_campaign_id,
        source_system as campaign_source_system,
        campaign_id,
        campaign_name
    from {{ ref('campaigns') }}
    where valid_to is null
{%- endmacro %}

{#-
    System, id and name of the campaign in `scoped`, a scoped id or the code of a row without one campaign, from a join
    with `campaigns_named`. A campaign that no source describes has an id and no name.
-#}
{% macro named_campaign_columns(scoped, named) -%}
{{ scoped }} as scoped_campaign_id,
        coalesce({{ named }}.campaign_source_system, case
            when {{ scoped }} like '%:%' then split_part({{ scoped }}, ':', 1) else {{ scoped }}
        end) as campaign_source_system,
        coalesce({{ named }}.campaign_id, case
            when {{ scoped }} like '%:%' then substr({{ scoped }}, length(split_part({{ scoped }}, ':', 1)) + 2)
            else {{ scoped }}
        end) as campaign_id,
        coalesce({{ named }}.campaign_name, case
            when {{ scoped }} like '%:%' then {{ no_value() }} else {{ scoped }}
        end) as campaign_name
{%- endmacro %}
