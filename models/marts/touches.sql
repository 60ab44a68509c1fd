{{ replaced_rows(
    key='person_id',
    by='int_people_affected',
    compared={'key': 'touch_id', 'rows': 'int_touches_permitted'}
) }}

with final as (
    select
        -- ids
        touches.touch_id,
        touches.person_id,
        touches.cycle_number,
        touches.source_system,
        touches.source_system || ':' || touches.answers_touch_id as answers_touch_id,
        touches.offer_id,
        touches.campaign_source_system,

        -- times
        touches.occurred_at,

        -- facts
        touches.channel,
        touches.touch_type,
        touches.actor,
        touches.is_response,
        touches.is_hand_raise,
        touches.is_opt_out,
        touches.placement,
        touches.keyword_intent,
        touches.audience_consent,
        touches.content_fit,
        touches.initiated_by,
        touches.landing_page,
        touches.response_relevance,
        touches.response_intent,
        touches.points,

        -- verdicts
        touches.has_prior_permission,
        touches.direction,
        touches.permission,
        touches.direction_rule_id,
        touches.is_qualifying_response,
        touches.icp_version,
        profiles.is_icp_fit,
        profiles.segment_name as person_segment,

        -- context stamp
        {{ stamp_columns('touches', texts='campaigns') }}
    from {{ ref('int_touches_stamped') }} as touches
    left join {{ ref('int_campaigns_versioned') }} as campaigns
        on touches.campaign_key = campaigns.campaign_key
    left join {{ ref('int_profiles_judged') }} as profiles
        on
            touches.profile_id = profiles.profile_id
            and touches.period_from = profiles.period_from
),

{{ differing_rows('final', key='person_id', by='int_people_affected') }}

select * from differing
