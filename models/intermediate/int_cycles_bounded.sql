-- Grain: one cycle with its end, if it has ended: its first exit event before the next opening, or dormancy, whichever
-- is earlier. At the same instant a disqualification wins.
with cycles as (
    select * from {{ ref('int_cycles_opened') }}
),

exits as (
    select
        cycles.person_id,
        cycles.cycle_number,
        exits.exit_at,
        exits.exit_reason,
        exits.exit_stage,
        exits.exit_rank,
        exits.evidence_touch_id
    from cycles
    inner join {{ ref('int_exits_found') }} as exits
        on
            cycles.person_id = exits.person_id
            and cycles.opened_at <= exits.exit_at
            and cycles.next_opened_at > exits.exit_at
),

activities as (
    select
        cycles.person_id,
        cycles.cycle_number,
        activities.occurred_at,
        activities.is_response,
        {{ days_after('activities.occurred_at', 'cycles.dormancy_days') }} as dormant_at,
        activities.next_activity_at
    from cycles
    inner join {{ ref('int_activities_ordered') }} as activities
        on
            cycles.person_id = activities.person_id
            and cycles.opened_at <= activities.occurred_at
            and cycles.next_opened_at > activities.occurred_at
),

first_responses as (
    select
        person_id,
        cycle_number,
        min(occurred_at) as first_response_at
    from activities
    where is_response
    group by
        person_id,
        cycle_number
),

dormancies as (
    select
        person_id,
        cycle_number,
        min(dormant_at) as exit_at,
        'dormancy' as exit_reason,
        'recycled' as exit_stage,
        4 as exit_rank,
        cast(null as varchar) as evidence_touch_id
    from activities
    where
        (next_activity_at is null or next_activity_at >= dormant_at)
        and dormant_at <= {{ as_of() }}
    group by
        person_id,
        cycle_number
),

ends as (
    select * from exits
    union all
    select * from dormancies
),

ranked as (
    select
        ends.*,
        row_number() over (partition by person_id, cycle_number order by exit_at, exit_rank) as place
    from ends
),

final as (
    select
        cycles.person_id,
        cycles.cycle_number,
        cycles.opened_at,
        cycles.opening_touch_id,
        cycles.next_opened_at,
        first_responses.first_response_at,
        ranked.exit_at as ended_at,
        ranked.exit_reason,
        ranked.exit_stage,
        ranked.evidence_touch_id as exit_touch_id,
        cycles.mql_min_score,
        cycles.score_half_life_days,
        cycles.dormancy_days,
        cycles.response_window_days,
        cycles.hand_raise_qualifies,
        cycles.policy
    from cycles
    left join first_responses
        on
            cycles.person_id = first_responses.person_id
            and cycles.cycle_number = first_responses.cycle_number
    left join ranked
        on
            cycles.person_id = ranked.person_id
            and cycles.cycle_number = ranked.cycle_number
            and ranked.place = 1
)

select * from final
