-- Grain: one person with all that a verdict on the present needs and that does not move with as-of: the current cycle
-- and stage, the last score and when it was taken, what was known and is missing. `dormant_at`: when the open cycle
-- ends if nothing happens.
{{ replaced_rows(key='person_id', by='int_people_affected') }}

with people as (
    select * from {{ ref('int_people_known') }}
),

-- Who is excluded stands in no stage and so in no cycle.
cycles as (
    select
        cycles.*,
        row_number() over (partition by cycles.person_id order by cycles.cycle_number desc) as recency
    from {{ ref('int_cycles_bounded') }} as cycles
    inner join people
        on
            cycles.person_id = people.person_id
            and not people.is_excluded
),

furthest as (
    select
        person_id,
        max(stage_rank) as furthest_rank
    from {{ ref('int_transitions_evidenced') }}
    where stage_rank < 5
    group by person_id
),

scores as (
    select
        evaluations.person_id,
        evaluations.cycle_number,
        evaluations.occurred_at,
        evaluations.engagement_score,
        evaluations.has_complete_context,
        evaluations.has_qualifying_response,
        row_number() over (
            partition by evaluations.person_id, evaluations.cycle_number order by evaluations.occurred_at desc
        ) as recency
    from {{ ref('int_evaluations_scored') }} as evaluations
),

responses as (
    select
        person_id,
        cycle_number,
        campaign_key,
        missing_campaign,
        direction,
        period_from,
        row_number() over (
            partition by person_id, cycle_number order by occurred_at desc, source_system desc, source_touch_id desc
        ) as recency
    from {{ ref('int_evidence_stamped') }}
    where
        is_response
        and is_in_open_cycle
),

last_responses as (
    select
        responses.person_id,
        responses.cycle_number,
        contexts.obstructive_context_fields
    from responses
    inner join {{ ref('int_contexts_completed') }} as contexts
        on
            responses.campaign_key is not distinct from contexts.campaign_key
            and responses.missing_campaign is not distinct from contexts.missing_campaign
            and responses.direction = contexts.direction
            and responses.period_from = contexts.period_from
    where responses.recency = 1
),

-- Outer joins keep their order: free to choose, DuckDB joins every person with every profile first.
states as (
    select
        attributes.*,
        profiles.icp_version,
        profiles.is_icp_complete,
        profiles.is_icp_fit,
        profiles.missing_attributes,
        profiles.mismatched_attributes,
        profiles.segment_name
    from {{ ref('int_people_attributed') }} as attributes
    left join {{ ref('int_policy_periods') }} as periods
        on
            periods.period_from <= {{ as_of() }}
            and periods.period_to > {{ as_of() }}
    left join {{ ref('int_profiles_judged') }} as profiles
        on
            attributes.profile_id = profiles.profile_id
            and periods.period_from = profiles.period_from
    where
        attributes.valid_from <= {{ as_of() }}
        and attributes.valid_to > {{ as_of() }}
),

dormancies as (
    select
        cycles.person_id,
        {{ days_after('max(activities.occurred_at)', 'max(cycles.dormancy_days)') }} as dormant_at
    from {{ ref('int_cycles_bounded') }} as cycles
    inner join {{ ref('int_activities_ordered') }} as activities
        on
            cycles.person_id = activities.person_id
            and cycles.opened_at <= activities.occurred_at
    where cycles.ended_at is null
    group by cycles.person_id
),

touched as (
    select
        person_id,
        min(occurred_at) as first_touch_at,
        max(occurred_at) as last_touch_at,
        sum(case when direction = 'inbound' then 1 else 0 end) as inbound_touches,
        sum(case when direction = 'outbound' then 1 else 0 end) as outbound_touches,
        sum(case when direction = 'unclassified' then 1 else 0 end) as unclassified_touches
    from {{ ref('int_touches_directed') }}
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
        people.person_id,
        people.is_excluded,
        people.exclusion_reason,
        people.first_known_at,
        people.source_systems,
        people.identity_keys,
        progress.current_stage,
        progress.current_stage_since,
        cycles.cycle_number as current_cycle,
        coalesce(furthest.furthest_rank, 0) as furthest_rank,
        states.segment_name as segment,
        states.industry,
        states.employee_count,
        states.employee_count_max,
        states.seniority,
        states.company_type,
        states.country,
        acquisitions.acquisition_source,
        states.icp_version,
        states.is_icp_complete,
        states.is_icp_fit,
        states.missing_attributes,
        states.mismatched_attributes,
        cycles.mql_min_score,
        cycles.score_half_life_days,
        case when cycles.ended_at is null then scores.engagement_score end as last_score,
        case when cycles.ended_at is null then scores.occurred_at end as last_scored_at,
        coalesce(scores.has_complete_context, false) as has_complete_context,
        coalesce(scores.has_qualifying_response, false) as has_qualifying_response,
        last_responses.obstructive_context_fields,
        touched.first_touch_at,
        touched.last_touch_at,
        cast(coalesce(touched.inbound_touches, 0) as bigint) as inbound_touches,
        cast(coalesce(touched.outbound_touches, 0) as bigint) as outbound_touches,
        cast(coalesce(touched.unclassified_touches, 0) as bigint) as unclassified_touches,
        dormancies.dormant_at
    from people
    inner join states
        on people.person_id = states.person_id
    left join cycles
        on
            people.person_id = cycles.person_id
            and cycles.recency = 1
    left join {{ ref('int_cycles_progressed') }} as progress
        on
            cycles.person_id = progress.person_id
            and cycles.cycle_number = progress.cycle_number
    left join furthest
        on people.person_id = furthest.person_id
    left join scores
        on
            cycles.person_id = scores.person_id
            and cycles.cycle_number = scores.cycle_number
            and scores.recency = 1
    left join last_responses
        on
            cycles.person_id = last_responses.person_id
            and cycles.cycle_number = last_responses.cycle_number
    left join dormancies
        on people.person_id = dormancies.person_id
    left join touched
        on people.person_id = touched.person_id
    left join acquisitions
        on
            people.person_id = acquisitions.person_id
            and acquisitions.place = 1
)

select * from final
