-- Grain: one stage that a person reached in one cycle, with the moment and the evidence touch. The first suspect has no
-- evidence: a name became known, nothing more.
with people as (
    select
        person_id,
        first_known_at
    from {{ ref('int_people_known') }}
    where
        first_known_at is not null
        and not is_excluded
),

cycles as (
    select cycles.*
    from {{ ref('int_cycles_bounded') }} as cycles
    inner join people
        on cycles.person_id = people.person_id
),

responses as (
    select
        touches.*,
        row_number() over (
            partition by touches.person_id, touches.cycle_number
            order by touches.occurred_at, touches.source_system, touches.source_touch_id
        ) as place
    from {{ ref('int_evidence_stamped') }} as touches
    inner join people
        on touches.person_id = people.person_id
    where
        touches.is_response
        and touches.is_in_open_cycle
),

suspects as (
    select
        person_id,
        cycle_number,
        'suspect' as stage,
        opened_at as occurred_at,
        opening_touch_id as evidence_touch_id,
        cast(null as varchar) as mql_route
    from cycles
),

prospects as (
    select
        person_id,
        cycle_number,
        'prospect' as stage,
        occurred_at,
        touch_id as evidence_touch_id,
        cast(null as varchar) as mql_route
    from responses
    where place = 1
),

mql_moments as (
    select
        person_id,
        cycle_number,
        occurred_at,
        is_score_reached,
        row_number() over (partition by person_id, cycle_number order by occurred_at) as place
    from {{ ref('int_evaluations_scored') }}
    where
        is_icp_complete
        and is_icp_fit
        and has_complete_context
        and (is_score_reached or has_qualifying_response)
),

mql_evidence as (
    select
        mql_moments.person_id,
        mql_moments.cycle_number,
        mql_moments.occurred_at,
        mql_moments.is_score_reached,
        responses.touch_id,
        row_number() over (
            partition by mql_moments.person_id, mql_moments.cycle_number order by responses.place desc
        ) as recency
    from mql_moments
    inner join responses
        on
            mql_moments.person_id = responses.person_id
            and mql_moments.cycle_number = responses.cycle_number
            and mql_moments.occurred_at >= responses.occurred_at
            and responses.is_context_complete
    where mql_moments.place = 1
),

mqls as (
    select
        person_id,
        cycle_number,
        'mql' as stage,
        occurred_at,
        touch_id as evidence_touch_id,
        case when is_score_reached then 'score' else 'qualifying_response' end as mql_route
    from mql_evidence
    where recency = 1
),

qualifying_responses as (
    select
        person_id,
        cycle_number,
        touch_id,
        occurred_at,
        row_number() over (partition by person_id, cycle_number order by place) as place
    from responses
    where is_qualifying_response
),

sqls as (
    select
        mqls.person_id,
        mqls.cycle_number,
        'sql' as stage,
        case
            when qualifying_responses.occurred_at > mqls.occurred_at then qualifying_responses.occurred_at
            else mqls.occurred_at
        end as occurred_at,
        qualifying_responses.touch_id as evidence_touch_id,
        mqls.mql_route
    from mqls
    inner join qualifying_responses
        on
            mqls.person_id = qualifying_responses.person_id
            and mqls.cycle_number = qualifying_responses.cycle_number
            and qualifying_responses.place = 1
),

exits as (
    select
        person_id,
        cycle_number,
        exit_stage as stage,
        ended_at as occurred_at,
        exit_touch_id as evidence_touch_id,
        cast(null as varchar) as mql_route
    from cycles
    where ended_at is not null
),

final as (
    select
        *,
        1 as stage_rank
    from suspects
    union all
    select
        *,
        2 as stage_rank
    from prospects
    union all
    select
        *,
        3 as stage_rank
    from mqls
    union all
    select
        *,
        4 as stage_rank
    from sqls
    union all
    select
        *,
        5 as stage_rank
    from exits
)

select * from final
