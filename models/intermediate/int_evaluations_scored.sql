-- Grain: one evaluation point of an open cycle: a response, or a contact or company version recorded after the cycle's
-- first response. With the score and what the record proves at that moment; all touches at an instant count at it.
--
-- The score is sum(points * 2^(-age / half-life)). Each response is weighed once, from the cycle's first response on,
-- and the sum so far is discounted at the evaluation point: one window instead of a join of responses with responses.
-- Weights grow without bound, so they start anew with each era of `era_length` e-foldings (years, even with the
-- shortest half-life). A point sees its own era and the one before; what is older has decayed below anything that a
-- double holds.
{% set era_length = 300 -%}
with cycles as (
    select cycles.*
    from {{ ref('int_cycles_bounded') }} as cycles
    inner join {{ ref('int_people_known') }} as people
        on cycles.person_id = people.person_id
    where
        not people.is_excluded
        and cycles.first_response_at is not null
),

responses as (
    select
        touches.person_id,
        touches.cycle_number,
        touches.touch_id,
        touches.occurred_at,
        touches.source_system,
        touches.source_touch_id,
        touches.touch_type,
        touches.points,
        touches.max_scored_per_cycle,
        coalesce(touches.response_relevance, '') <> 'irrelevant' as is_scored,
        touches.is_context_complete,
        touches.is_qualifying_response
    from {{ ref('int_evidence_stamped') }} as touches
    inner join cycles
        on
            touches.person_id = cycles.person_id
            and touches.cycle_number = cycles.cycle_number
    where
        touches.is_response
        and touches.is_in_open_cycle
),

counted as (
    select
        responses.*,
        row_number() over (
            partition by person_id, cycle_number, touch_type, is_scored
            order by occurred_at, source_system, source_touch_id
        ) as place_in_type
    from responses
),

moments as (
    select
        person_id,
        cycle_number,
        occurred_at,
        true as is_response,
        sum(
            case
                when is_scored and place_in_type <= coalesce(max_scored_per_cycle, place_in_type) then points else 0
            end
        ) as points,
        max(case when is_context_complete then 1 else 0 end) as has_complete_context,
        max(case when is_qualifying_response then 1 else 0 end) as has_qualifying_response
    from counted
    group by
        person_id,
        cycle_number,
        occurred_at
    union all
    select
        cycles.person_id,
        cycles.cycle_number,
        attributes.valid_from as occurred_at,
        false as is_response,
        0 as points,
        0 as has_complete_context,
        0 as has_qualifying_response
    from cycles
    inner join {{ ref('int_people_attributed') }} as attributes
        on
            cycles.person_id = attributes.person_id
            and attributes.is_record_moment
            and cycles.first_response_at < attributes.valid_from
            and attributes.valid_from < coalesce(cycles.ended_at, cycles.next_opened_at)
),

points_in_time as (
    select
        moments.person_id,
        moments.cycle_number,
        moments.occurred_at,
        sum(moments.points) as points,
        max(moments.has_complete_context) as has_complete_context,
        max(moments.has_qualifying_response) as has_qualifying_response
    from moments
    group by
        moments.person_id,
        moments.cycle_number,
        moments.occurred_at
),

aged as (
    select
        points_in_time.*,
        cycles.mql_min_score,
        ln(2) * {{ seconds_between('cycles.first_response_at', 'points_in_time.occurred_at') }}
        / (86400 * cycles.score_half_life_days) as age
    from points_in_time
    inner join cycles
        on
            points_in_time.person_id = cycles.person_id
            and points_in_time.cycle_number = cycles.cycle_number
),

weighed as (
    select
        aged.*,
        floor(age / {{ era_length }}) as era,
        age - {{ era_length }} * floor(age / {{ era_length }}) as age_in_era
    from aged
),

eras as (
    select
        person_id,
        cycle_number,
        era,
        sum(points * exp(age_in_era)) as weight
    from weighed
    group by
        person_id,
        cycle_number,
        era
),

summed as (
    select
        weighed.person_id,
        weighed.cycle_number,
        weighed.occurred_at,
        weighed.mql_min_score,
        exp(-weighed.age_in_era) * (
            sum(weighed.points * exp(weighed.age_in_era)) over era_so_far
            + coalesce(earlier.weight, 0) * exp(-{{ era_length }})
        ) as engagement_score,
        max(weighed.has_complete_context) over so_far = 1 as has_complete_context,
        max(weighed.has_qualifying_response) over so_far = 1 as has_qualifying_response
    from weighed
    left join eras as earlier
        on
            weighed.person_id = earlier.person_id
            and weighed.cycle_number = earlier.cycle_number
            and weighed.era - 1 = earlier.era
    window
        so_far as (
            partition by weighed.person_id, weighed.cycle_number
            order by weighed.occurred_at
            rows between unbounded preceding and current row
        ),
        era_so_far as (
            partition by weighed.person_id, weighed.cycle_number, weighed.era
            order by weighed.occurred_at
            rows between unbounded preceding and current row
        )
),

final as (
    select
        summed.person_id,
        summed.cycle_number,
        summed.occurred_at,
        summed.engagement_score,
        summed.engagement_score >= summed.mql_min_score - 0.000001 as is_score_reached,
        summed.has_complete_context,
        summed.has_qualifying_response,
        profiles.icp_version,
        profiles.is_icp_complete,
        profiles.is_icp_fit
    from summed
    {{ profile_at('summed.person_id', 'summed.occurred_at') }}
)

select * from final
