-- Grain: one program (a value of what `cut` names) and one lever.
{% set dimensions = ['segment', 'scoped_campaign_id', 'landing_page', 'offer_id', 'channel', 'acquisition_source'] %}
{% set levers = ['traffic_quality', 'offer_relevance', 'page_conversion', 'qualification'] %}
{#- The normal quantile of 0.9875: where each of two intervals holds 97.5 %, both together hold 95 % (Bonferroni). -#}
{% set joint_quantile = '2.241402727604947' %}
{% set window = report_policy_value('stage_maturity_days') %}
with prospects as (
    select
        prospects.person_id,
        prospects.cycle_number,
        prospects.evidence_touch_id,
        prospects.entered_at,
        {{ days_after('prospects.entered_at', window) }} as matured_at,
        prospects.segment,
        prospects.scoped_campaign_id,
        prospects.channel,
        prospects.acquisition_source,
        -- As known now: at the first response, hardly anything is known of those who come by themselves.
        coalesce(people.is_icp_complete, false) as is_fit_known,
        coalesce(people.is_icp_fit, false) as is_fit,
        coalesce(mqls.next_stage_at <= {{ days_after('prospects.entered_at', window) }}, false) as is_sql
    from {{ ref('int_entries_described') }} as prospects
    inner join {{ ref('people') }} as people
        on prospects.person_id = people.person_id
    left join {{ ref('int_entries_described') }} as mqls
        on
            prospects.person_id = mqls.person_id
            and prospects.cycle_number = mqls.cycle_number
            and mqls.stage = 'mql'
    where
        prospects.stage = 'prospect'
        and {{ days_after('prospects.entered_at', window) }} <= {{ as_of() }}
),

responses as (
    select
        touch_id,
        person_id,
        cycle_number,
        source_system,
        occurred_at,
        channel,
        {{ scoped_campaign_id('campaign_source_system', 'campaign_id') }} as scoped_campaign_id,
        coalesce(landing_page, {{ no_value() }}) as landing_page,
        coalesce(offer_id, {{ no_value() }}) as offer_id,
        coalesce(response_relevance = 'relevant', false) or is_qualifying_response as is_relevant
    from {{ ref('touches') }}
    where is_response
),

-- Where somebody came in is said by the response that made the prospect; what it led to, by all within the window.
came as (
    select
        prospects.person_id,
        prospects.cycle_number,
        max(case when responses.touch_id = prospects.evidence_touch_id then responses.landing_page end) as landing_page,
        max(case when responses.touch_id = prospects.evidence_touch_id then responses.offer_id end) as offer_id,
        {{ dbt.bool_or('responses.is_relevant') }} as is_relevant
    from prospects
    inner join responses
        on
            prospects.person_id = responses.person_id
            and prospects.cycle_number = responses.cycle_number
            and prospects.matured_at >= responses.occurred_at
    group by
        prospects.person_id,
        prospects.cycle_number
),

prospects_told as (
    select
        prospects.*,
        came.landing_page,
        came.offer_id,
        came.is_relevant
    from prospects
    inner join came
        on
            prospects.person_id = came.person_id
            and prospects.cycle_number = came.cycle_number
),

-- Since when it has been possible to know who a visitor is: the first record or address that leads to the person.
identified as (
    select
        person_id,
        min(first_appeared_at) as identified_at
    from {{ ref('int_identities_resolved') }}
    where kind_rank in (1, 2)
    group by person_id
),

visits_ranked as (
    select
        responses.*,
        row_number() over (partition by person_id order by occurred_at, source_system, touch_id) as place
    from responses
    where landing_page <> {{ no_value() }}
),

sqls as (
    select
        person_id,
        min(entered_at) as first_sql_at
    from {{ ref('int_entries_described') }}
    where stage = 'sql'
    group by person_id
),

-- Whoever was known before the first visit had nothing left to tell, and is no visitor whom a page could win.
visitors as (
    select
        visits_ranked.scoped_campaign_id,
        visits_ranked.landing_page,
        visits_ranked.offer_id,
        visits_ranked.channel,
        coalesce(
            people.first_known_at is not null
            and identified.identified_at <= {{ days_after('visits_ranked.occurred_at', window) }},
            false
        ) as is_identified,
        coalesce(sqls.first_sql_at <= {{ days_after('visits_ranked.occurred_at', window) }}, false) as is_sql
    from visits_ranked
    inner join {{ ref('people') }} as people
        on visits_ranked.person_id = people.person_id
    left join identified
        on visits_ranked.person_id = identified.person_id
    left join sqls
        on visits_ranked.person_id = sqls.person_id
    where
        visits_ranked.place = 1
        and not people.is_excluded
        and (identified.identified_at is null or identified.identified_at >= visits_ranked.occurred_at)
        and {{ days_after('visits_ranked.occurred_at', window) }} <= {{ as_of() }}
),

-- One row for each person whom a lever could move, whether it did, and whether an SQL came of it.
moved as (
    select 'traffic_quality' as lever, {{ dimensions | join(', ') }}, is_fit as has_passed, is_sql
    from prospects_told
    where is_fit_known
    union all
    select 'offer_relevance' as lever, {{ dimensions | join(', ') }}, is_relevant as has_passed, is_sql
    from prospects_told
    where is_fit
    union all
    select 'qualification' as lever, {{ dimensions | join(', ') }}, is_sql as has_passed, is_sql
    from prospects_told
    where is_fit and is_relevant
    union all
    select
        'page_conversion' as lever,
        {{ no_value() }} as segment,
        scoped_campaign_id,
        landing_page,
        offer_id,
        channel,
        {{ no_value() }} as acquisition_source,
        is_identified as has_passed,
        is_sql and is_identified as is_sql
    from visitors
),

counted as (
    select
        {{ cut_name(dimensions) }} as cut,
        {% for dimension in dimensions -%}
            {{ cut_dimension(dimension) }} as {{ dimension }},
        {% endfor -%}
        lever,
        count(*) as lever_n,
        count(*) filter (where has_passed) as lever_count,
        count(*) filter (where has_passed and is_sql) as passed_sqls,
        count(*) filter (where not has_passed) as failed_n,
        count(*) filter (where not has_passed and is_sql) as failed_sqls
    from moved
    group by grouping sets ( -- noqa: PRS
        (lever),
        {% for dimension in dimensions -%}
        (lever, {{ dimension }}){{ ',' if not loop.last }}
        {% endfor %}
    )
    -- Of visitors neither is known, unless they became somebody.
    having not (lever = 'page_conversion' and (grouping(segment) = 0 or grouping(acquisition_source) = 0))
),

rated as (
    select
        counted.*,
        {% for name, count, out_of in [
            ('lever', 'lever_count', 'lever_n'),
            ('passed', 'passed_sqls', 'lever_count'),
            ('failed', 'failed_sqls', 'failed_n'),
        ] -%}
            coalesce({{ ratio(count, out_of) }}, 0) as {{ name }}_rate,
            coalesce({{ wilson_bound(count, out_of, '-', joint_quantile) }}, 0) as {{ name }}_low,
            coalesce({{ wilson_bound(count, out_of, '+', joint_quantile) }}, 0) as {{ name }}_high,
        {% endfor -%}
        -- Who passed says what passing is worth; without one, nothing does.
        lever_n >= 30 and lever_count >= 1 as is_enough
    from counted
),

quartiles as (
    select
        cut,
        lever,
        count(*) as peers_n,
        percentile_cont(0.75) within group (order by lever_rate) as upper_quartile
    from rated
    where lever_n >= 30
    group by
        cut,
        lever
),

policy as (
    {% for lever in levers -%}
        select '{{ lever }}' as lever, {{ report_policy_value(lever ~ '_target') }} as target_rate
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- The whole has no peers of its kind: it is held to what the better quarter of the channels reach. (Campaigns are many
-- and small; the best of them are lucky ones.)
targeted as (
    select
        rated.*,
        coalesce(quartiles.peers_n, 0) as peers_n,
        case
            when policy.target_rate > 0 then 'policy'
            when quartiles.peers_n >= 4 then 'peers'
            else 'none'
        end as target_source,
        case
            when policy.target_rate > 0 then policy.target_rate
            when quartiles.peers_n >= 4 then quartiles.upper_quartile
        end as target_rate
    from rated
    left join policy
        on rated.lever = policy.lever
    left join quartiles
        on
            rated.lever = quartiles.lever
            and quartiles.cut = case when rated.cut = 'all' then 'channel' else rated.cut end
),

-- What more of the people would pass (the gap), and how many more SQLs come of one who passes (the gain). Neither can
-- be less than nothing: a lever is lifted to its target, and lifting it takes nobody's SQL away.
gapped as (
    select
        targeted.*,
        case
            when not is_enough then 'insufficient_data'
            when target_rate is null then 'no_target'
            when lever_rate >= target_rate then 'at_target'
            else 'below_target'
        end as lever_status,
        greatest(target_rate - lever_rate, 0) as gap,
        greatest(target_rate - lever_high, 0) as gap_low,
        greatest(target_rate - lever_low, 0) as gap_high,
        greatest(passed_rate - failed_rate, 0) as gain,
        case when lever = 'qualification' then 1 else greatest({{ newcombe_bound('passed', 'failed', '-') }}, 0) end
            as gain_low,
        case when lever = 'qualification' then 1 else greatest({{ newcombe_bound('passed', 'failed', '+') }}, 0) end
            as gain_high
    from targeted
),

-- Extra SQLs grow with the gap and with the gain, so their bounds are those of both.
estimated as (
    select
        gapped.*,
        lever_n * gap * gain as extra_sqls,
        lever_n * gap_low * gain_low as extra_sqls_low,
        lever_n * gap_high * gain_high as extra_sqls_high
    from gapped
),

ranked as (
    select
        estimated.*,
        lever_status in ('at_target', 'below_target') as is_estimated,
        row_number() over (
            partition by cut, {{ dimensions | join(', ') }}, lever_status in ('at_target', 'below_target')
            order by extra_sqls desc, lever asc
        ) as place
    from estimated
),

judged as (
    select
        cut,
        {{ dimensions | join(', ') }},
        count(*) filter (where is_estimated) as estimated_levers,
        max(lever) filter (where is_estimated and place = 1) as best_lever,
        max(extra_sqls) filter (where is_estimated and place = 1) as best,
        max(extra_sqls_low) filter (where is_estimated and place = 1) as best_low,
        max(extra_sqls_high) filter (where is_estimated and place > 1) as other_high
    from ranked
    group by
        cut,
        {{ dimensions | join(', ') }}
),

named as (
    {{ campaigns_named() }}
),

final as (
    select
        -- grain
        estimated.cut,
        estimated.segment,
        {{ named_campaign_columns('estimated.scoped_campaign_id', 'named') }},
        estimated.landing_page,
        estimated.offer_id,
        estimated.channel,
        estimated.acquisition_source,
        estimated.lever,

        -- where the lever stands
        {{ rate_columns('lever', 'estimated.lever_count', 'estimated.lever_n') }},
        {{ rounded('estimated.target_rate') }} as target_rate,
        estimated.target_source,
        estimated.peers_n,
        estimated.lever_status,

        -- what lifting it would bring
        {% for column in ['extra_sqls', 'extra_sqls_low', 'extra_sqls_high'] -%}
            case
                when estimated.lever_status in ('at_target', 'below_target') then {{ rounded('estimated.' ~ column) }}
            end as {{ column }},
        {% endfor %}
        -- the program's verdict
        case
            when judged.estimated_levers < 2 then 'insufficient_data'
            when judged.best = 0 then 'none_below_target'
            when judged.best_low > judged.other_high then judged.best_lever
            else 'undecided'
        end as dominant_constraint
    from estimated
    inner join judged
        on
            estimated.cut = judged.cut
            {% for dimension in dimensions -%}
                and estimated.{{ dimension }} = judged.{{ dimension }}
            {% endfor %}
    left join named
        on estimated.scoped_campaign_id = named.scoped_campaign_id
)

select * from final
