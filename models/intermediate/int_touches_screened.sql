-- Grain: one staged touch. All that can be judged without knowing who is who: codes and times. `standing` is `accepted`
-- for every usable row.
{{ config(materialized='view') }}

with staged as (
    select * from {{ ref('int_touches_staged') }}
),

-- A type is known while one of its rows is in force: without one, nobody can say what the touch meant.
known_types as (
    select
        touch_type,
        coalesce(effective_from, {{ beginning_of_time() }}) as effective_from,
        coalesce(effective_to, {{ end_of_time() }}) as effective_to
    from {{ ref('touch_types') }}
),

checked as (
    select
        staged.touch_id,
        staged.source_system,
        staged.source_touch_id,
        staged.contact_key,
        staged.email_normalised,
        staged.anonymous_key,
        staged.campaign_id,
        staged.answers_touch_id,
        staged.offer_id,
        staged.occurred_at,
        staged.channel,
        staged.touch_type,
        staged.placement,
        staged.keyword_intent,
        staged.audience_consent,
        staged.content_fit,
        staged.initiated_by,
        staged.landing_page,
        staged.response_relevance,
        staged.response_intent,
        staged.source_table,
        staged._load_id,
        staged._loaded_at,
        staged._source_file,
        staged._source_row,
        staged._is_synthetic,
        staged.warning_columns,
        case
            when staged.reject_reason in ('missing_required', 'unparseable_timestamp', 'unparseable_number')
                then staged.reject_reason
            when known_types.touch_type is null then 'unknown_code'
            else staged.reject_reason
        end as reject_reason,
        case
            when staged.reject_reason in ('missing_required', 'unparseable_timestamp', 'unparseable_number')
                then staged.reject_column
            when known_types.touch_type is null then 'touch_type'
            else staged.reject_column
        end as reject_column,
        staged._observed_at,
        staged._removed_at
    from staged
    left join known_types
        on
            staged.touch_type = known_types.touch_type
            and staged.occurred_at >= known_types.effective_from
            and staged.occurred_at < known_types.effective_to
),

final as (
    select
        checked.*,
        case
            when checked.reject_reason is not null then 'quarantined'
            when checked.occurred_at > {{ as_of() }} then 'pending'
            when checked._removed_at <= {{ as_of() }} then 'superseded'
            else 'accepted'
        end as standing
    from checked
)

select * from final
