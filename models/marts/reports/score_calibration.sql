-- Grain: one cut, the values of the dimensions that it cuts by, the stage at whose entry the score is read, and a band
-- of the score. The score is the one frozen at the entry, and only what came strictly after it counts: an SQL of the
-- same instant is made by the touches that the score already holds. Entries too young to be judged are counted beside.
{% set dimensions = ['direction', 'segment', 'scoped_campaign_id', 'channel', 'acquisition_source'] %}
{% set matured_at = days_after('entries.entered_at', report_policy_value('stage_maturity_days')) %}
with scored as (
    select
        entries.stage,
        {% for dimension in dimensions -%}
            entries.{{ dimension }},
        {% endfor -%}
        {{ score_band('entries.engagement_score') }} as score_band,
        entries.entered_at,
        {{ matured_at }} as matured_at,
        mqls.next_stage_at as sql_at
    from {{ ref('int_entries_described') }} as entries
    left join {{ ref('int_entries_described') }} as mqls
        on
            entries.person_id = mqls.person_id
            and entries.cycle_number = mqls.cycle_number
            and mqls.stage = 'mql'
    where entries.stage in ('prospect', 'mql')
),

judged as (
    select
        scored.*,
        coalesce(sql_at = entered_at, false) as is_immediate,
        matured_at <= {{ as_of() }} as is_matured
    from scored
),

counted as (
    select
        {{ cut_name(dimensions) }} as cut,
        {% for dimension in dimensions -%}
            {{ cut_dimension(dimension) }} as {{ dimension }},
        {% endfor -%}
        stage,
        score_band,
        count(*) filter (where is_immediate) as immediate_sqls,
        count(*) filter (where not is_immediate and not is_matured) as maturing_entries,
        count(*) filter (where not is_immediate and is_matured) as open_entries,
        count(*) filter (where not is_immediate and is_matured and sql_at <= matured_at) as later_sqls
    from judged
    group by grouping sets ( -- noqa: PRS
        (stage, score_band),
        {% for dimension in dimensions -%}
        (stage, score_band, {{ dimension }}){{ ',' if not loop.last }}
        {% endfor %}
    )
),

named as (
    {{ campaigns_named() }}
),

final as (
    select
        -- grain
        counted.cut,
        counted.direction,
        counted.segment,
        {{ named_campaign_columns('counted.scoped_campaign_id', 'named') }},
        counted.channel,
        counted.acquisition_source,
        counted.stage,
        counted.score_band,

        -- facts
        {{ rate_columns('sql', 'counted.later_sqls', 'counted.open_entries') }},
        counted.maturing_entries as sql_maturing_count,
        counted.immediate_sqls
    from counted
    left join named
        on counted.scoped_campaign_id = named.scoped_campaign_id
)

select * from final
