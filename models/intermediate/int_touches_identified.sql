-- Grain: one accepted touch with its person and what its type meant when it happened.
-- `order_rank`: at one instant responses come first, then other touches, then opt-outs.
{{ config(materialized='view') }}

with touches as (
    select * from {{ ref('int_touches_judged') }}
    where
        verdict = 'accepted'
        and {{ within_increment('identity_key', 'int_keys_affected', 'identity_key') }}
),

types as (
    select
        touch_type,
        actor,
        is_response and not is_opt_out as is_response,
        is_hand_raise and not is_opt_out as is_hand_raise,
        is_opt_out,
        grants_permission,
        points,
        max_scored_per_cycle,
        coalesce(effective_from, {{ beginning_of_time() }}) as effective_from,
        coalesce(effective_to, {{ end_of_time() }}) as effective_to
    from {{ ref('touch_types') }}
),

final as (
    select
        -- ids
        touches.touch_id,
        touches.source_system,
        touches.source_touch_id,
        identities.person_id,
        touches.campaign_id,
        touches.answers_touch_id,
        touches.offer_id,

        -- times
        touches.occurred_at,

        -- facts
        touches.channel,
        touches.touch_type,
        touches.placement,
        touches.keyword_intent,
        touches.audience_consent,
        touches.content_fit,
        touches.initiated_by,
        touches.landing_page,
        touches.response_relevance,
        touches.response_intent,

        -- what the type means
        types.actor,
        coalesce(types.is_response, false) as is_response,
        coalesce(types.is_hand_raise, false) as is_hand_raise,
        coalesce(types.is_opt_out, false) as is_opt_out,
        coalesce(types.grants_permission, false) as grants_permission,
        coalesce(types.points, 0) as points,
        types.max_scored_per_cycle,
        case when types.is_response then 0 when types.is_opt_out then 2 else 1 end as order_rank
    from touches
    inner join {{ ref('int_identities_resolved') }} as identities
        on touches.identity_key = identities.identity_key
    left join types
        on
            touches.touch_type = types.touch_type
            and touches.occurred_at >= types.effective_from
            and touches.occurred_at < types.effective_to
)

select * from final
