-- Grain: one person as of now: where the person stands, what is known, and what is missing for each next step. All that
-- moves with as-of is computed here, from what the last change of the person left.
{{ config(materialized='view') }}

with assessed as (
    select
        progressed.*,
        round(
            coalesce(
                progressed.last_score * exp(
                    -ln(2) * {{ seconds_between('progressed.last_scored_at', as_of()) }}
                    / (86400 * progressed.score_half_life_days)
                ),
                0
            ),
            6
        ) as engagement_score
    from {{ ref('int_people_progressed') }} as progressed
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
