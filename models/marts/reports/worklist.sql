-- Grain: one person for whom there is something to do, with the one thing that comes first: whoever must not be
-- contacted is not worked on; then who waits for sales; then whose record stands in the way; then whom to court.
with people as (
    select
        person_id,
        is_excluded,
        current_stage,
        current_cycle,
        current_stage_since,
        blocked_by,
        segment,
        acquisition_source,
        is_icp_fit,
        engagement_score,
        last_touch_at
    from {{ ref('people') }}
),

last_grants as (
    select
        person_id,
        max(case when is_grant then occurred_at end) as granted_at
    from {{ ref('int_permissions_withdrawn') }}
    group by person_id
),

-- The first opt-out after the last permission stands, and has stood since; without one, none does.
opt_outs as (
    select
        withdrawn.person_id,
        last_grants.granted_at,
        min(case when withdrawn.is_opt_out then withdrawn.occurred_at end) as opted_out_at,
        sum(case when withdrawn.is_breach then 1 else 0 end) as breaches
    from {{ ref('int_permissions_withdrawn') }} as withdrawn
    inner join last_grants
        on withdrawn.person_id = last_grants.person_id
    where
        last_grants.granted_at is null
        or last_grants.granted_at <= withdrawn.occurred_at
    group by
        withdrawn.person_id,
        last_grants.granted_at
),

-- An opt-out is the evidence of the exit that it caused; the deletion of all records leaves none.
exits as (
    select
        people.person_id,
        transitions.evidence_touch_id
    from people
    inner join {{ ref('stage_transitions') }} as transitions
        on
            people.person_id = transitions.person_id
            and people.current_cycle = transitions.cycle_number
    where transitions.to_stage = 'disqualified'
),

-- From then on sales may know of the person; a handoff before it was about something else.
qualifying_responses as (
    select
        person_id,
        cycle_number,
        min(occurred_at) as first_qualifying_at
    from {{ ref('touches') }}
    where is_qualifying_response
    group by
        person_id,
        cycle_number
),

-- The latest entry says where the person's cycle came from: campaign and direction of the evidence.
latest_entries as (
    select
        person_id,
        stage,
        entered_at,
        direction,
        {{ (['scoped_campaign_id', 'channel'] + campaign_columns()) | join(', ') }},
        row_number() over (
            partition by person_id
            order by
                cycle_number desc,
                case stage when 'sql' then 4 when 'mql' then 3 when 'prospect' then 2 else 1 end desc
        ) as recency
    from {{ ref('int_entries_described') }}
),

handoffs as (
    select
        coalesce(by_contact.person_id, by_address.person_id) as person_id,
        max(handoffs.occurred_at) as last_handoff_at
    from {{ ref('int_handoffs_judged') }} as handoffs
    left join {{ ref('int_identities_resolved') }} as by_contact
        on 'contact:' || handoffs.source_system || ':' || handoffs.source_contact_id = by_contact.identity_key
    left join {{ ref('int_identities_resolved') }} as by_address
        on 'email:' || {{ normalised_email('handoffs.email') }} = by_address.identity_key
    where handoffs.verdict = 'accepted'
    group by coalesce(by_contact.person_id, by_address.person_id)
),

situations as (
    select
        people.*,
        opt_outs.opted_out_at,
        opt_outs.granted_at,
        opt_outs.breaches,
        people.current_stage = 'disqualified' and exits.evidence_touch_id is null as is_deleted,
        coalesce(handoffs.last_handoff_at >= qualifying_responses.first_qualifying_at, false) as is_handed_off,
        position('icp_mismatch:' in coalesce(people.blocked_by, '')) > 0 as is_mismatched,
        position('icp_missing:' in coalesce(people.blocked_by, '')) > 0 as lacks_attributes,
        position('context_missing:' in coalesce(people.blocked_by, '')) > 0 as lacks_context
    from people
    left join opt_outs
        on people.person_id = opt_outs.person_id
    left join exits
        on people.person_id = exits.person_id
    left join qualifying_responses
        on
            people.person_id = qualifying_responses.person_id
            and people.current_cycle = qualifying_responses.cycle_number
    left join handoffs
        on people.person_id = handoffs.person_id
),

decided as (
    select
        situations.*,
        case
            when opted_out_at is not null or is_deleted then 'suppress'
            when is_excluded or current_stage is null then null
            when current_stage = 'sql' and not is_handed_off then 'hand_off'
            when current_stage = 'prospect' and not is_mismatched and (lacks_attributes or lacks_context) then 'enrich'
            when current_stage in ('prospect', 'mql', 'recycled', 'disqualified') and is_icp_fit then 'nurture'
        end as action, -- noqa: RF04
        coalesce(
            opted_out_at,
            case when current_stage = 'disqualified' and not is_deleted then granted_at end,
            current_stage_since
        ) as since
    from situations
),

final as (
    select
        -- ids
        decided.person_id,

        -- what to do
        decided.action,
        case
            when decided.opted_out_at is not null and decided.breaches > 0 then 'contacted_after_opt_out'
            when decided.opted_out_at is not null then 'opted_out'
            when decided.action = 'suppress' then 'records_deleted'
            when decided.action = 'hand_off' then 'not_handed_off'
            when decided.action = 'enrich' and decided.lacks_attributes then 'icp_missing'
            when decided.action = 'enrich' then 'context_missing'
            when decided.current_stage = 'disqualified' then 'permission_regained'
            when decided.current_stage = 'recycled' then 'recycled'
            when decided.current_stage = 'mql' then 'no_qualifying_response'
            when position('score:' in decided.blocked_by) > 0 then 'score_too_low'
            else 'not_evaluated_since'
        end as because,
        decided.blocked_by,
        decided.since,
        {{ rounded(seconds_between('decided.since', as_of()) ~ ' / 86400') }} as waiting_days,

        -- whom it is about
        decided.current_stage,
        decided.segment,
        coalesce(decided.acquisition_source, 'unknown') as acquisition_source,
        decided.is_icp_fit,
        decided.engagement_score,
        decided.last_touch_at,
        coalesce(latest_entries.direction, {{ no_value() }}) as direction,
        coalesce(latest_entries.channel, {{ no_value() }}) as channel,
        coalesce(latest_entries.scoped_campaign_id, {{ no_value() }}) as scoped_campaign_id,
        coalesce(latest_entries.campaign_source_system, {{ no_value() }}) as campaign_source_system,
        coalesce(latest_entries.campaign_id, {{ no_value() }}) as campaign_id,
        coalesce(latest_entries.campaign_name, {{ no_value() }}) as campaign_name
    from decided
    left join latest_entries
        on
            decided.person_id = latest_entries.person_id
            and latest_entries.recency = 1
    where decided.action is not null
)

select * from final
