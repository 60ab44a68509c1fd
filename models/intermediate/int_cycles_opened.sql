-- Grain: one cycle of a known person: when it opened and which policy values govern it. Cycle 1 opens when the person
-- becomes known; a response opens the next one after an exit or after dormancy. How long dormancy takes is what the
-- policy said when the present cycle opened, so the openings are walked in order.
with recursive responses as (
    select * from {{ ref('int_activities_ordered') }}
    where is_response
),

policies as (
    select * from {{ ref('int_stage_policy_versioned') }}
),

after_exit as (
    select distinct responses.touch_id
    from responses
    inner join {{ ref('int_exits_found') }} as exits
        on
            responses.person_id = exits.person_id
            and responses.occurred_at > exits.exit_at
            and exits.exit_at >= coalesce(responses.previous_response_at, {{ beginning_of_time() }})
),

possible_openings as (
    select
        responses.person_id,
        responses.occurred_at,
        responses.touch_id,
        after_exit.touch_id is not null as is_after_exit,
        {{ seconds_between('responses.previous_activity_at', 'responses.occurred_at') }} as idle_seconds,
        row_number() over (partition by responses.person_id order by responses.place) as opening_number
    from responses
    left join after_exit
        on responses.touch_id = after_exit.touch_id
    where
        after_exit.touch_id is not null
        or {{ seconds_between('responses.previous_activity_at', 'responses.occurred_at') }}
        >= (select min(policies.dormancy_days) from policies) * 86400
),

openings as (
    select
        possible_openings.person_id,
        possible_openings.occurred_at,
        possible_openings.touch_id,
        possible_openings.is_after_exit,
        possible_openings.idle_seconds,
        possible_openings.opening_number,
        policies.dormancy_days
    from possible_openings
    inner join policies
        on
            possible_openings.occurred_at >= policies.valid_from
            and possible_openings.occurred_at < policies.valid_to
),

people as (
    select
        person_id,
        first_known_at
    from {{ ref('int_people_known') }}
    where first_known_at is not null
),

walked (person_id, opening_number, cycle_number, opened_at, opening_touch_id, dormancy_days, is_opening) as (
    select
        people.person_id,
        cast(0 as bigint) as opening_number,
        1 as cycle_number,
        people.first_known_at as opened_at,
        cast(null as varchar) as opening_touch_id,
        policies.dormancy_days,
        true as is_opening
    from people
    inner join policies
        on
            people.first_known_at >= policies.valid_from
            and people.first_known_at < policies.valid_to
    union all
    select
        walked.person_id,
        openings.opening_number,
        case
            when openings.is_after_exit or openings.idle_seconds >= walked.dormancy_days * 86400
                then walked.cycle_number + 1
            else walked.cycle_number
        end as cycle_number,
        openings.occurred_at as opened_at,
        openings.touch_id as opening_touch_id,
        case
            when openings.is_after_exit or openings.idle_seconds >= walked.dormancy_days * 86400
                then openings.dormancy_days
            else walked.dormancy_days
        end as dormancy_days,
        openings.is_after_exit or openings.idle_seconds >= walked.dormancy_days * 86400 as is_opening
    from walked
    inner join openings
        on
            walked.person_id = openings.person_id
            and walked.opening_number + 1 = openings.opening_number
),

final as (
    select
        walked.person_id,
        walked.cycle_number,
        walked.opened_at,
        walked.opening_touch_id,
        lead(walked.opened_at, 1, {{ end_of_time() }}) over (
            partition by walked.person_id order by walked.cycle_number
        ) as next_opened_at,
        policies.mql_min_score,
        policies.score_half_life_days,
        policies.dormancy_days,
        policies.response_window_days,
        policies.hand_raise_qualifies,
        policies.policy
    from walked
    inner join policies
        on
            walked.opened_at >= policies.valid_from
            and walked.opened_at < policies.valid_to
    where walked.is_opening
)

select * from final
