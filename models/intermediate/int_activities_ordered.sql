-- Grain: one activity of a known person: a response, or an accepted handoff from the first response on. `place` is the
-- order in which they happened; at one instant responses come before handoffs.
with responses as (
    select
        touches.person_id,
        touches.occurred_at,
        touches.touch_id,
        0 as order_rank,
        touches.source_system,
        touches.source_touch_id as source_id
    from {{ ref('int_touches_permitted') }} as touches
    inner join {{ ref('int_people_known') }} as people
        on touches.person_id = people.person_id
    where
        touches.is_response
        and people.first_known_at is not null
),

first_responses as (
    select
        person_id,
        min(occurred_at) as first_response_at
    from responses
    group by person_id
),

handoffs as (
    select
        handoffs.person_id,
        handoffs.occurred_at,
        cast(null as varchar) as touch_id,
        1 as order_rank,
        handoffs.source_system,
        handoffs.source_handoff_id as source_id
    from {{ ref('int_handoffs_identified') }} as handoffs
    inner join first_responses
        on
            handoffs.person_id = first_responses.person_id
            and handoffs.occurred_at >= first_responses.first_response_at
    where handoffs.outcome = 'accepted'
),

activities as (
    select * from responses
    union all
    select * from handoffs
),

final as (
    select
        activities.person_id,
        activities.occurred_at,
        activities.touch_id,
        activities.order_rank = 0 as is_response,
        row_number() over activity_order as place,
        lag(activities.occurred_at) over activity_order as previous_activity_at,
        lead(activities.occurred_at) over activity_order as next_activity_at,
        max(case when activities.order_rank = 0 then activities.occurred_at end) over (
            partition by activities.person_id
            order by activities.occurred_at, activities.order_rank, activities.source_system, activities.source_id
            rows between unbounded preceding and 1 preceding
        ) as previous_response_at
    from activities
    window activity_order as (
        partition by activities.person_id
        order by activities.occurred_at, activities.order_rank, activities.source_system, activities.source_id
    )
)

select * from final
