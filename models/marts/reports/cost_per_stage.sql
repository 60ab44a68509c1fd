-- Grain: one cut, and the values of the dimensions that it cuts by.
{% set dimensions = ['calendar_month', 'direction', 'segment', 'scoped_campaign_id', 'channel', 'acquisition_source'] %}
{% set stages = ['suspect', 'prospect', 'mql', 'sql'] %}
with spend as (
    select
        spend_month as calendar_month,
        {{ dimensions[1:] | join(', ') }},
        spend_amount,
        is_partly_unconverted,
        is_wholly_unconverted
    from {{ ref('int_spend_allocated') }}
),

entries as (
    select
        entry_month as calendar_month,
        direction,
        segment,
        scoped_campaign_id,
        channel,
        acquisition_source,
        stage,
        count(*) as entries
    from {{ ref('int_entries_described') }}
    group by
        entry_month,
        direction,
        segment,
        scoped_campaign_id,
        channel,
        acquisition_source,
        stage
),

united as (
    select
        {{ dimensions | join(', ') }},
        spend_amount,
        1 as spend_cells,
        case when is_partly_unconverted then 1 else 0 end as unconverted_cells,
        case when is_wholly_unconverted then 0 else 1 end as converted_cells,
        cast(null as {{ dbt.type_string() }}) as stage,
        0 as entries
    from spend
    union all
    select
        {{ dimensions | join(', ') }},
        0 as spend_amount,
        0 as spend_cells,
        0 as unconverted_cells,
        0 as converted_cells,
        stage,
        entries
    from entries
),

cut as (
    select
        {{ cut_name(dimensions) }} as cut,
        coalesce(substr(cast(calendar_month as {{ dbt.type_string() }}), 1, 7), {{ all_values() }}) as calendar_month,
        {% for dimension in dimensions[1:] -%}
            {{ cut_dimension(dimension) }} as {{ dimension }},
        {% endfor -%}
        cast(coalesce(sum(spend_amount), 0) as decimal(38, 2)) as spend_amount,
        sum(spend_cells) as spend_cells,
        sum(unconverted_cells) as unconverted_cells,
        sum(converted_cells) as converted_cells,
    {% for stage in stages -%}
        cast(coalesce(sum(entries) filter (where stage = '{{ stage }}'), 0) as bigint) as {{ stage }}s
        {{- ',' if not loop.last }}
    {% endfor %}
    from united
    group by grouping sets ( -- noqa: PRS
        (),
        (calendar_month),
        (direction),
        (segment),
        (scoped_campaign_id),
        (channel),
        (acquisition_source),
        (calendar_month, direction),
        (direction, segment),
        (calendar_month, scoped_campaign_id),
        (calendar_month, direction, scoped_campaign_id)
    )
),

judged as (
    select
        cut.*,
        {{ spend_status('spend_cells', 'unconverted_cells') }} as spend_status
    from cut
),

named as (
    {{ campaigns_named() }}
),

final as (
    select
        -- grain
        judged.cut,
        judged.calendar_month,
        judged.direction,
        judged.segment,
        {{ named_campaign_columns('judged.scoped_campaign_id', 'named') }},
        judged.channel,
        judged.acquisition_source,

        -- spend
        judged.spend_amount,
        cast({{ reporting_value('currency') }} as {{ dbt.type_string() }}) as reporting_currency,
        judged.spend_status,

        -- entries
        {{ stages | join('s, ') }}s,

        -- cost of each; nothing that could be converted is not a cost of nothing
    {% for stage in stages -%}
        case
            when judged.converted_cells > 0 then {{ amount_each('judged.spend_amount', stage ~ 's') }}
        end as cost_per_{{ stage }}
        {{- ',' if not loop.last }}
    {% endfor %}
    from judged
    left join named
        on judged.scoped_campaign_id = named.scoped_campaign_id
)

select * from final
