-- Grain: one accepted touch with whether the person had permitted contact before it, and the policy period it falls into.
{{ config(materialized='view') }}

with touches as (
    select * from {{ ref('int_touches_identified') }}
),

permitted as (
    select distinct touches.touch_id
    from touches
    inner join {{ ref('int_permissions_held') }} as permissions
        on
            touches.person_id = permissions.person_id
            and touches.occurred_at >= permissions.granted_at
            and (permissions.withdrawn_at is null or touches.occurred_at <= permissions.withdrawn_at)
    where
        (
            touches.occurred_at > permissions.granted_at
            or touches.order_rank > permissions.granted_rank
            or (
                touches.order_rank = permissions.granted_rank
                and touches.source_system > permissions.granted_system
            )
            or (
                touches.order_rank = permissions.granted_rank
                and touches.source_system = permissions.granted_system
                and touches.source_touch_id > permissions.granted_touch_id
            )
        )
        and (
            permissions.withdrawn_at is null
            or touches.occurred_at < permissions.withdrawn_at
            or touches.order_rank < 2
            or touches.source_system < permissions.withdrawn_system
            or (
                touches.source_system = permissions.withdrawn_system
                and touches.source_touch_id <= permissions.withdrawn_touch_id
            )
        )
),

final as (
    select
        touches.*,
        permitted.touch_id is not null as has_prior_permission,
        periods.period_from,
        periods.icp_version
    from touches
    inner join {{ ref('int_policy_periods') }} as periods
        on
            touches.occurred_at >= periods.period_from
            and touches.occurred_at < periods.period_to
    left join permitted
        on touches.touch_id = permitted.touch_id
)

select * from final
