-- Grain: one period in which a person's permission stands: from a touch whose type grants it to the next opt-out.
-- Bounds are places in the order of touches (time, rank, system, id), because two touches can share an instant.
with events as (
    select
        person_id,
        occurred_at,
        order_rank,
        source_system,
        source_touch_id,
        is_opt_out,
        row_number() over (
            partition by person_id
            order by occurred_at, order_rank, source_system, source_touch_id
        ) as place
    from {{ ref('int_touches_identified') }}
    where
        grants_permission
        or is_opt_out
),

numbered as (
    select
        events.*,
        sum(case when is_opt_out then 1 else 0 end) over (
            partition by person_id
            order by place
            rows between unbounded preceding and current row
        ) as opt_outs_so_far
    from events
),

grants as (
    select
        person_id,
        opt_outs_so_far,
        min(place) as first_place
    from numbered
    where not is_opt_out
    group by
        person_id,
        opt_outs_so_far
),

final as (
    select
        grants.person_id,
        given.occurred_at as granted_at,
        given.order_rank as granted_rank,
        given.source_system as granted_system,
        given.source_touch_id as granted_touch_id,
        withdrawn.occurred_at as withdrawn_at,
        withdrawn.source_system as withdrawn_system,
        withdrawn.source_touch_id as withdrawn_touch_id
    from grants
    inner join numbered as given
        on
            grants.person_id = given.person_id
            and grants.first_place = given.place
    left join numbered as withdrawn
        on
            grants.person_id = withdrawn.person_id
            and withdrawn.is_opt_out
            and grants.opt_outs_so_far + 1 = withdrawn.opt_outs_so_far
)

select * from final
