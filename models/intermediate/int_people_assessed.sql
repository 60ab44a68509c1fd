-- Grain: one person as of now: where the person stands, what is known, and what is missing for each next step.
with people as (
    select * from {{ ref('int_people_known') }}
),

-- Who is excluded stands in no stage and so in no cycle.
cycles as (
    select
        cycles.*,
        row_number() over (partition by cycles.person_id order by cycles.cycle_number desc) as recency
    from {{ ref('int_cycles_bounded') }} as cycles
    inner join people
        on
            cycles.person_id = people.person_id
            and not people.is_excluded
),

furthest as (
    select
        person_id,
        max(stage_rank) as furthest_rank
    from {{ ref('int_transitions_evidenced') }}
    where stage_rank < 5
    group by person_id
),

scores as (
    select
        evaluations.person_id,
        evaluations.cycle_number,
        evaluations.occurred_at,
        evaluations.engagement_score,
        evaluations.has_complete_context,
        evaluations.has_qualifying_response,
        row_number() over (
            partition by evaluations.person_id, evaluations.cycle_number order by evaluations.occurred_at desc
        ) as recency
    from {{ ref('int_evaluations_scored') }} as evaluations
),

responses as (
    select
        person_id,
        cycle_number,
        campaign_key,
        missing_campaign,
        direction,
        period_from,
        row_number() over (
            partition by person_id, cycle_number order by occurred_at desc, source_system desc, source_touch_id desc
        ) as recency
    from {{ ref('int_touches_stamped') }}
    where
        is_response
        and is_in_open_cycle
),

last_responses as (
    select
        responses.person_id,
        responses.cycle_number,
        contexts.obstructive_context_fields
    from responses
    inner join {{ ref('int_contexts_completed') }} as contexts
        on
            responses.campaign_key is not distinct from contexts.campaign_key
            and responses.missing_campaign is not distinct from contexts.missing_campaign
            and responses.direction = contexts.direction
            and responses.period_from = contexts.period_from
    where responses.recency = 1
),

states as (
    select
        attributes.*,
        profiles.icp_version,
        profiles.is_icp_complete,
        profiles.is_icp_fit,
        profiles.missing_attributes,
        profiles.mismatched_attributes,
        profiles.segment_name
    from {{ ref('int_people_attributed') }} as attributes
    inner join {{ ref('int_policy_periods') }} as periods
        on
            periods.period_from <= {{ as_of() }}
            and periods.period_to > {{ as_of() }}
    inner join {{ ref('int_profiles_judged') }} as profiles
        on
            attributes.profile_id = profiles.profile_id
            and periods.period_from = profiles.period_from
    where
        attributes.valid_from <= {{ as_of() }}
        and attributes.valid_to > {{ as_of() }}
),

assessed as (
    select
        people.person_id,
        people.is_excluded,
        people.exclusion_reason,
        people.first_known_at,
        people.source_systems,
        people.identity_keys,
        progress.current_stage,
        progress.current_stage_since,
        cycles.cycle_number as current_cycle,
        coalesce(furthest.furthest_rank, 0) as furthest_rank,
        states.segment_name as segment,
        states.industry,
        states.employee_count,
        states.employee_count_max,
        states.seniority,
        states.company_type,
        states.country,
        states.icp_version,
        states.is_icp_complete,
        states.is_icp_fit,
        states.missing_attributes,
        states.mismatched_attributes,
        cycles.mql_min_score,
        round(
            case
                when cycles.ended_at is null
                    then coalesce(
                            scores.engagement_score * exp(
                                -ln(2) * {{ seconds_between('scores.occurred_at', as_of()) }}
                                / (86400 * cycles.score_half_life_days)
                            ),
                            0
                        )
                else 0
            end,
            6
        ) as engagement_score,
        coalesce(scores.has_complete_context, false) as has_complete_context,
        coalesce(scores.has_qualifying_response, false) as has_qualifying_response,
        last_responses.obstructive_context_fields
    from people
    inner join states
        on people.person_id = states.person_id
    left join cycles
        on
            people.person_id = cycles.person_id
            and cycles.recency = 1
    left join {{ ref('int_cycles_progressed') }} as progress
        on
            cycles.person_id = progress.person_id
            and cycles.cycle_number = progress.cycle_number
    left join furthest
        on people.person_id = furthest.person_id
    left join scores
        on
            cycles.person_id = scores.person_id
            and cycles.cycle_number = scores.cycle_number
            and scores.recency = 1
    left join last_responses
        on
            cycles.person_id = last_responses.person_id
            and cycles.cycle_number = last_responses.cycle_number
),

obstacles as (
    select
        assessed.*,
        nullif(concat_ws(
            '|',
            'icp_missing:' || replace(missing_attributes, '|', '|icp_missing:'),
            'icp_mismatch:' || replace(mismatched_attributes, '|', '|icp_mismatch:')
        ), '') as icp_obstacles,
        case
            when not has_complete_context
                then
                    'context_missing:'
                    || replace(coalesce(obstructive_context_fields, 'no_response'), '|', '|context_missing:')
        end as context_obstacles,
        case
            when
                engagement_score < mql_min_score - 0.000001
                and not has_qualifying_response
                then
                    'score:' || cast(cast(floor(engagement_score) as bigint) as varchar)
                    || '/' || {{ regexp_replace_all("cast(mql_min_score as varchar)", "'\\.0$'", "''") }}
        end as score_obstacle
    from assessed
),

final as (
    select
        obstacles.*,
        case
            when is_excluded then null
            when first_known_at is null then 'suspect'
            when current_stage in ('recycled', 'disqualified') then 'suspect'
            when current_stage = 'suspect' then 'prospect'
            when current_stage = 'prospect' then 'mql'
            when current_stage = 'mql' then 'sql'
        end as next_stage,
        case
            when is_excluded then 'excluded:' || coalesce(exclusion_reason, 'policy')
            when first_known_at is null then 'not_known'
            when current_stage in ('recycled', 'disqualified') then 'exited:' || current_stage
            when current_stage = 'suspect' then 'no_response'
            when current_stage = 'prospect'
                then coalesce(
                        nullif(concat_ws('|', icp_obstacles, score_obstacle, context_obstacles), ''),
                        'not_evaluated_since'
                    )
            when current_stage = 'mql' then 'no_qualifying_response'
        end as blocked_by
    from obstacles
)

select * from final
