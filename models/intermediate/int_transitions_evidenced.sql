-- Grain: one stage transition with the score and the ICP verdict of its moment. A sales-qualified transition carries
-- the ICP verdict of its MQL. The evidence touch's texts are written out by the mart.
with stages as (
    select * from {{ ref('int_stages_reached') }}
),

evaluations as (
    select
        stages.person_id,
        stages.cycle_number,
        stages.stage,
        evaluations.engagement_score,
        evaluations.occurred_at as evaluated_at,
        row_number() over (
            partition by stages.person_id, stages.cycle_number, stages.stage order by evaluations.occurred_at desc
        ) as recency
    from stages
    inner join {{ ref('int_evaluations_scored') }} as evaluations
        on
            stages.person_id = evaluations.person_id
            and stages.cycle_number = evaluations.cycle_number
            and stages.occurred_at >= evaluations.occurred_at
),

scored as (
    select
        person_id,
        cycle_number,
        stage,
        engagement_score,
        evaluated_at
    from evaluations
    where recency = 1
),

placed as (
    select
        stages.*,
        lag(stage) over (partition by person_id order by cycle_number, stage_rank) as previous_stage,
        max(case when stage = 'mql' then occurred_at end) over (partition by person_id, cycle_number) as mql_at
    from stages
),

-- An SQL has the verdict of its MQL.
judged as (
    select
        placed.person_id,
        placed.cycle_number,
        placed.stage,
        placed.stage_rank,
        placed.previous_stage,
        placed.occurred_at,
        placed.evidence_touch_id,
        placed.mql_route,
        case
            when placed.stage_rank = 1 and placed.cycle_number > 1 then 're_enter'
            when placed.stage = 'recycled' then 'recycle'
            when placed.stage = 'disqualified' then 'disqualify'
            else 'advance'
        end as transition_kind,
        profiles.icp_version,
        profiles.is_icp_complete,
        profiles.is_icp_fit,
        profiles.segment_name as person_segment
    from placed
    {{ profile_at(
        'placed.person_id', "case when placed.stage = 'sql' then placed.mql_at else placed.occurred_at end"
    ) }}
),

final as (
    select
        judged.person_id || ':' || cast(judged.cycle_number as varchar) || ':' || judged.stage as transition_id,
        judged.person_id,
        judged.cycle_number,
        judged.stage_rank,
        judged.previous_stage as from_stage,
        judged.stage as to_stage,
        judged.transition_kind,
        judged.occurred_at,
        judged.evidence_touch_id,
        round(
            coalesce(
                scored.engagement_score
                * exp(
                    -ln(2) * {{ seconds_between('scored.evaluated_at', 'judged.occurred_at') }}
                    / (86400 * cycles.score_half_life_days)
                ),
                0
            ),
            6
        ) as engagement_score,
        judged.icp_version,
        judged.is_icp_complete,
        judged.is_icp_fit,
        judged.person_segment,
        judged.mql_route,
        cycles.policy
    from judged
    inner join {{ ref('int_cycles_bounded') }} as cycles
        on
            judged.person_id = cycles.person_id
            and judged.cycle_number = cycles.cycle_number
    left join scored
        on
            judged.person_id = scored.person_id
            and judged.cycle_number = scored.cycle_number
            and judged.stage = scored.stage
)

select * from final
