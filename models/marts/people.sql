with assessed as (
    select * from {{ ref('int_people_assessed') }}
),

touched as (
    select
        person_id,
        min(occurred_at) as first_touch_at,
        max(occurred_at) as last_touch_at,
        sum(case when direction = 'inbound' then 1 else 0 end) as inbound_touches,
        sum(case when direction = 'outbound' then 1 else 0 end) as outbound_touches,
        sum(case when direction = 'unclassified' then 1 else 0 end) as unclassified_touches
    from {{ ref('int_touches_stamped') }}
    group by person_id
),

acquisitions as (
    select
        person_id,
        acquisition_source,
        row_number() over (
            partition by person_id order by created_at, updated_at, source_system, source_contact_id
        ) as place
    from {{ ref('int_contacts_identified') }}
    where acquisition_source is not null
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
        acquisitions.acquisition_source,

        -- verdicts now
        assessed.icp_version,
        assessed.is_icp_complete,
        assessed.is_icp_fit,
        assessed.engagement_score,

        -- touches
        touched.first_touch_at,
        touched.last_touch_at,
        cast(coalesce(touched.inbound_touches, 0) as bigint) as inbound_touches,
        cast(coalesce(touched.outbound_touches, 0) as bigint) as outbound_touches,
        cast(coalesce(touched.unclassified_touches, 0) as bigint) as unclassified_touches,
        assessed.source_systems,
        assessed.identity_keys
    from assessed
    left join touched
        on assessed.person_id = touched.person_id
    left join acquisitions
        on
            assessed.person_id = acquisitions.person_id
            and acquisitions.place = 1
)

select * from final
