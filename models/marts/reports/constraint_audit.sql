-- Grain: one program (a value of what `cut` names) and one lever.
{% set dimensions = ['segment', 'scoped_campaign_id', 'landing_page', 'offer_id', 'channel', 'acquisition_source'] %}
{% set levers = [
    'traffic_quality', 'offer_relevance', 'page_conversion', 'qualification', 'answer_qualification'
] %}
{#- Who passes these is an SQL: what passing is worth need not be estimated. -#}
{% set last_levers = "('qualification', 'answer_qualification')" %}
{#- What stands in a dimension of people who belong to no program of the kind, which is none that could be repaired. -#}
{% set no_program = {'acquisition_source': "'unknown'"} %}
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
    union all
    select 'answer_qualification' as lever, {{ dimensions | join(', ') }}, is_sql as has_passed, is_sql
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
    having
        {% for dimension in dimensions -%}
            (grouping({{ dimension }}) = 1 or {{ dimension }} <> {{ no_program.get(dimension, no_value()) }})
            and
        {% endfor -%}
        not (lever = 'page_conversion' and (grouping(segment) = 0 or grouping(acquisition_source) = 0))
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
        lever_n >= 30 as is_enough
    from counted
),

-- Four peers make a quartile; where most of them reach nothing, it is nothing to be held to.
quartiles as (
    select
        cut,
        lever,
        count(*) as peers_n,
        case
            when count(*) >= 4 then nullif(percentile_cont(0.75) within group (order by lever_rate), 0)
        end as upper_quartile
    from rated
    where is_enough
    group by
        cut,
        lever
),

-- The whole has no peers of its kind: it is held to what the better quarter of the channels reach, or of the next kind
-- of which there are enough. (Campaigns are many and small; the best of them are lucky ones.)
whole_quartiles as (
    select
        lever,
        peers_n,
        upper_quartile
    from (
        select
            quartiles.*,
            row_number() over (
                partition by lever
                order by case cut when 'channel' then 1 when 'acquisition_source' then 2 else 3 end
            ) as place
        from quartiles
        where
            cut in ('channel', 'acquisition_source', 'segment')
            and upper_quartile is not null
    ) as kinds
    where place = 1
),

policy as (
    {% for lever in levers -%}
        select '{{ lever }}' as lever, {{ report_policy_value(lever ~ '_target') }} as target_rate
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- A program of which there are few of the kind is held to what the whole is held to.
targeted as (
    select
        rated.*,
        -- Where nobody passed, what passing is worth is said by those who passed anywhere.
        {% for bound in ['rate', 'low', 'high'] -%}
            case
                when rated.lever_count > 0 then rated.passed_{{ bound }}
                else
                    max(case when rated.cut = 'all' and rated.lever_count > 0 then rated.passed_{{ bound }} end)
                        over (partition by rated.lever)
            end as worth_{{ bound }},
        {% endfor -%}
        case
            when quartiles.upper_quartile is not null then quartiles.peers_n
            else coalesce(whole_quartiles.peers_n, quartiles.peers_n, 0)
        end as peers_n,
        case
            when policy.target_rate > 0 then 'policy'
            when quartiles.upper_quartile is not null then 'peers'
            when whole_quartiles.upper_quartile is not null then 'whole'
            else 'none'
        end as target_source,
        case
            when policy.target_rate > 0 then policy.target_rate
            else coalesce(quartiles.upper_quartile, whole_quartiles.upper_quartile)
        end as target_rate
    from rated
    left join policy
        on rated.lever = policy.lever
    left join quartiles
        on
            rated.lever = quartiles.lever
            and rated.cut = quartiles.cut
    left join whole_quartiles
        on rated.lever = whole_quartiles.lever
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
        -- (Engines differ in what the greatest of a null and a number is.)
        {% for name, gain in [
            ('gain', 'worth_rate - failed_rate'),
            ('gain_low', newcombe_bound('worth', 'failed', '-')),
            ('gain_high', newcombe_bound('worth', 'failed', '+')),
        ] -%}
            case
                when lever in {{ last_levers }} then 1
                when worth_rate is not null then greatest({{ gain }}, 0)
            end as {{ name }},
        {% endfor -%}
        greatest(target_rate - lever_rate, 0) as gap,
        greatest(target_rate - lever_high, 0) as gap_low,
        greatest(target_rate - lever_low, 0) as gap_high
    from targeted
),

-- Extra SQLs grow with the gap and with the gain, so their bounds are those of both. A lever of which that cannot be
-- said yields no more than an SQL of each who would have to pass.
estimated as (
    select
        gapped.*,
        case when lever_status in ('at_target', 'below_target') then lever_n * gap * gain end as extra_sqls,
        case when lever_status in ('at_target', 'below_target') then lever_n * gap_low * gain_low end
            as extra_sqls_low,
        case when lever_status in ('at_target', 'below_target') then lever_n * gap_high * gain_high end
            as extra_sqls_high,
        case
            when lever_status in ('at_target', 'below_target') then lever_n * gap_high * coalesce(gain_high, 1)
            else failed_n
        end as extra_sqls_at_most
    from gapped
),

-- The whole way from prospect to SQL holds the other levers in it, so it does not compete with them.
ranked as (
    select
        estimated.*,
        row_number() over (
            partition by cut, {{ dimensions | join(', ') }}
            order by extra_sqls desc nulls last, lever asc
        ) as place
    from estimated
    where lever <> 'qualification'
),

judged as (
    select
        cut,
        {{ dimensions | join(', ') }},
        count(*) as levers,
        count(*) filter (where lever_status in ('at_target', 'below_target')) as judged_levers,
        count(*) filter (where lever_status = 'below_target') as levers_below,
        max(lever) filter (where place = 1) as best_lever,
        max(extra_sqls_low) filter (where place = 1) as best_low,
        coalesce(max(extra_sqls_at_most) filter (where place > 1), 0) as others_at_most
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
            {{ rounded('estimated.' ~ column) }} as {{ column }},
        {% endfor %}
        -- the program's verdict
        case
            when coalesce(judged.judged_levers, 0) = 0 then 'insufficient_data'
            when judged.levers_below > 0 and judged.best_low > judged.others_at_most then judged.best_lever
            when judged.levers_below > 0 then 'undecided'
            when judged.judged_levers = judged.levers then 'none_below_target'
            else 'insufficient_data'
        end as dominant_constraint
    from estimated
    left join judged
        on
            estimated.cut = judged.cut
            {% for dimension in dimensions -%}
                and estimated.{{ dimension }} = judged.{{ dimension }}
            {% endfor %}
    left join named
        on estimated.scoped_campaign_id = named.scoped_campaign_id
)

select * from final
