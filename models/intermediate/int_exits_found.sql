-- Grain: one exit event of a known person: an opt-out, a rejected handoff, or the deletion of all contact records.
-- `exit_rank`: at the same instant a disqualification wins over a recycling, and an opt-out, which has evidence, over
-- a deletion.
with known as (
    select
        person_id,
        first_known_at
    from {{ ref('int_people_known') }}
    where first_known_at is not null
),

events as (
    select
        person_id,
        occurred_at as exit_at,
        'opt_out' as exit_reason,
        'disqualified' as exit_stage,
        1 as exit_rank,
        touch_id as evidence_touch_id,
        source_system,
        source_touch_id
    from {{ ref('int_touches_permitted') }}
    where is_opt_out
    union all
    select
        person_id,
        deleted_at as exit_at,
        'deleted' as exit_reason,
        'disqualified' as exit_stage,
        2 as exit_rank,
        null as evidence_touch_id,
        null as source_system,
        null as source_touch_id
    from {{ ref('int_deletions_found') }}
    union all
    select
        person_id,
        occurred_at as exit_at,
        'rejected_handoff' as exit_reason,
        'recycled' as exit_stage,
        3 as exit_rank,
        null as evidence_touch_id,
        source_system,
        source_handoff_id as source_touch_id
    from {{ ref('int_handoffs_identified') }}
    where outcome = 'rejected'
),

ranked as (
    select
        events.person_id,
        events.exit_at,
        events.exit_reason,
        events.exit_stage,
        events.exit_rank,
        events.evidence_touch_id,
        row_number() over (
            partition by events.person_id, events.exit_at
            order by events.exit_rank, events.source_system, events.source_touch_id
        ) as place
    from events
    inner join known
        on
            events.person_id = known.person_id
            and events.exit_at >= known.first_known_at
),

final as (
    select
        person_id,
        exit_at,
        exit_reason,
        exit_stage,
        exit_rank,
        evidence_touch_id
    from ranked
    where place = 1
)

select * from final
