with assessed as (
    select * from {{ ref('int_people_assessed') }}
),

final as (
    select
        -- ids
        assessed.person_id,

        -- funnel
        assessed.is_excluded,
        assessed.exclusion_reason,
        assessed.first_known_at,
        assessed.current_stage,
        assessed.current_cycle,
        assessed.current_stage_since,
        {{ seconds_between('assessed.current_stage_since', as_of()) }} / 86400 as days_in_stage,
        assessed.next_stage,
        assessed.blocked_by,

        -- attributes now
        assessed.segment,
        assessed.industry,
        assessed.employee_count,
        assessed.employee_count_max,
        assessed.seniority,
        assessed.company_type,
        assessed.country,
        assessed.acquisition_source,

        -- verdicts now
        assessed.icp_version,
        assessed.is_icp_complete,
        assessed.is_icp_fit,
        assessed.engagement_score,

        -- touches
        assessed.first_touch_at,
        assessed.last_touch_at,
        assessed.inbound_touches,
        assessed.outbound_touches,
        assessed.unclassified_touches,
        assessed.source_systems,
        assessed.identity_keys
    from assessed
)

select * from final
