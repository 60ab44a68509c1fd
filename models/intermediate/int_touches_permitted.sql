-- Grain: one accepted touch with whether the person had permitted contact before it, and its policy period. This is
-- where touches are written down: writing all their columns costs more than all that follows, so that is views.

with touches as (
    select * from {{ ref('int_touches_identified') }}
),

-- A person's permissions do not overlap, so a touch falls into one of them at most.
permissions as (
    select
        person_id,
        granted_at,
        granted_rank,
        granted_system,
        granted_touch_id,
        coalesce(withdrawn_at, {{ end_of_time() }}) as withdrawn_at,
        coalesce(withdrawn_system, '') as withdrawn_system,
        coalesce(withdrawn_touch_id, '') as withdrawn_touch_id
    from {{ ref('int_permissions_held') }}
),

permitted as (
    select
        touches.*,
        permissions.person_id is not null as has_prior_permission
    from touches
    left join permissions
        on
            touches.person_id = permissions.person_id
            and (touches.occurred_at, touches.order_rank, touches.source_system, touches.source_touch_id)
            > (
                permissions.granted_at,
                permissions.granted_rank,
                permissions.granted_system,
                permissions.granted_touch_id
            )
            and (touches.occurred_at, touches.order_rank, touches.source_system, touches.source_touch_id)
            <= (
                permissions.withdrawn_at,
                2,
                permissions.withdrawn_system,
                permissions.withdrawn_touch_id
            )
),

final as (
    select
        permitted.*,
        periods.period_from,
        periods.icp_version
    from permitted
    inner join {{ ref('int_policy_periods') }} as periods
        on
            permitted.occurred_at >= periods.period_from
            and permitted.occurred_at < periods.period_to
)

select * from final
