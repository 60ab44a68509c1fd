-- Grain: one accepted touch with everything decided about it at the moment it occurred. The campaign's texts are named
-- by `campaign_key` and written out by the marts.
{{ config(materialized='view') }}

with final as (
    select
        touches.*,
        contexts.is_context_complete,
        contexts.missing_context_fields,
        segments.is_in_segment,
        -- A case, because few touches are responses and only a case leaves the others unasked.
        case
            when touches.is_response and touches.is_in_open_cycle and contexts.is_context_complete
                then
                    (
                        coalesce(touches.response_relevance = 'relevant', false)
                        and coalesce(
                            {{ list_contains_value('touches.expected_response', 'touches.response_intent') }}, false
                        )
                    )
                    or (
                        touches.hand_raise_qualifies
                        and touches.is_hand_raise
                        and touches.direction = 'inbound'
                        and coalesce(touches.response_relevance, '') <> 'irrelevant'
                    )
            else false
        end as is_qualifying_response
    from {{ ref('int_touches_contextualised') }} as touches
    inner join {{ ref('int_contexts_completed') }} as contexts
        on
            touches.campaign_key is not distinct from contexts.campaign_key
            and touches.missing_campaign is not distinct from contexts.missing_campaign
            and touches.direction = contexts.direction
            and touches.period_from = contexts.period_from
    left join {{ ref('int_profile_segments_judged') }} as segments
        on
            touches.profile_id = segments.profile_id
            and touches.period_from = segments.period_from
            and lower(touches.segment_name) = lower(segments.segment_name)
)

select * from final
