-- Grain: one accepted touch with its direction, its cycle and where its context comes from. The context itself is named
-- by `campaign_key`; its texts are not copied here.
{{ config(materialized='view') }}

with touches as (
    select * from {{ ref('int_touches_directed') }}
),

known_campaigns as (
    select distinct
        source_system,
        campaign_id
    from {{ ref('int_campaigns_versioned') }}
),

final as (
    select
        -- ids
        touches.touch_id,
        touches.source_system,
        touches.source_touch_id,
        touches.person_id,
        touches.answers_touch_id,
        touches.offer_id,
        case when touches.stamp_campaign_id is not null then touches.stamp_system end as campaign_source_system,
        touches.stamp_campaign_id as campaign_id,
        campaigns.campaign_key,
        cycles.cycle_number,
        attributes.profile_id,

        -- times
        touches.occurred_at,
        touches.period_from,

        -- facts
        touches.channel,
        touches.touch_type,
        touches.actor,
        touches.is_response,
        touches.is_hand_raise,
        touches.is_opt_out,
        touches.points,
        touches.max_scored_per_cycle,
        touches.order_rank,
        touches.placement,
        touches.keyword_intent,
        touches.audience_consent,
        touches.content_fit,
        touches.initiated_by,
        touches.landing_page,
        touches.response_relevance,
        touches.response_intent,

        -- verdicts
        touches.has_prior_permission,
        touches.direction,
        touches.direction_rule_id,
        touches.permission,
        touches.icp_version,
        touches.context_source,
        campaigns.segment_name,
        campaigns.expected_response,
        case
            when touches.stamp_campaign_id is null then 'no_campaign'
            when known_campaigns.campaign_id is null then 'campaign_unknown'
            when campaigns.campaign_key is null then 'campaign_not_in_force'
        end as missing_campaign,
        coalesce(
            cycles.cycle_number is not null and (cycles.ended_at is null or touches.occurred_at <= cycles.ended_at),
            false
        )
            as is_in_open_cycle,
        coalesce(cycles.hand_raise_qualifies, false) as hand_raise_qualifies
    from touches
    inner join {{ ref('int_people_attributed') }} as attributes
        on
            touches.person_id = attributes.person_id
            and touches.occurred_at >= attributes.valid_from
            and touches.occurred_at < attributes.valid_to
    left join {{ ref('int_cycles_bounded') }} as cycles
        on
            touches.person_id = cycles.person_id
            and touches.occurred_at >= cycles.opened_at
            and touches.occurred_at < cycles.next_opened_at
    left join known_campaigns
        on
            touches.stamp_system = known_campaigns.source_system
            and touches.stamp_campaign_id = known_campaigns.campaign_id
    left join {{ ref('int_campaigns_versioned') }} as campaigns
        on
            touches.stamp_system = campaigns.source_system
            and touches.stamp_campaign_id = campaigns.campaign_id
            and touches.stamp_at >= campaigns.valid_from
            and touches.stamp_at < campaigns.valid_to
)

select * from final
