-- Grain: one staged touch with its final verdict and the keys by which it may link people. A touch that carries only
-- keys that link nobody is quarantined as no_identity; of the usable rows of one id, the last loaded stands.
{{ config(materialized='view') }}

with screened as (
    select * from {{ ref('int_touches_screened') }}
),

hubs as (
    select identity_key from {{ ref('int_identity_hubs_found') }}
),

identified as (
    select
        screened.*,
        case when email_hubs.identity_key is null then 'email:' || screened.email_normalised end as email_key,
        case when anonymous_hubs.identity_key is null then screened.anonymous_key end as linking_anonymous_key,
        coalesce(
            screened.contact_key,
            case when email_hubs.identity_key is null then 'email:' || screened.email_normalised end,
            case when anonymous_hubs.identity_key is null then screened.anonymous_key end
        ) as identity_key
    from screened
    left join hubs as email_hubs
        on 'email:' || screened.email_normalised = email_hubs.identity_key
    left join hubs as anonymous_hubs
        on screened.anonymous_key = anonymous_hubs.identity_key
),

-- Ranked again without the rows that identify nobody: those are quarantined and supersede nothing.
ranked as (
    select
        repeated.touch_id,
        repeated._load_id,
        repeated._source_file,
        repeated._source_row,
        row_number() over (partition by repeated.touch_id order by repeated.recency) as standing_recency
    from {{ ref('int_touches_repeated') }} as repeated
    left join hubs as email_hubs
        on 'email:' || repeated.email_normalised = email_hubs.identity_key
    left join hubs as anonymous_hubs
        on repeated.anonymous_key = anonymous_hubs.identity_key
    where
        repeated.contact_key is not null
        or (repeated.email_normalised is not null and email_hubs.identity_key is null)
        or (repeated.anonymous_key is not null and anonymous_hubs.identity_key is null)
),

final as (
    select
        -- ids
        identified.touch_id,
        identified.source_system,
        identified.source_touch_id,
        identified.identity_key,
        identified.contact_key,
        identified.email_key,
        identified.linking_anonymous_key as anonymous_key,
        identified.campaign_id,
        identified.answers_touch_id,
        identified.offer_id,

        -- times
        identified.occurred_at,

        -- facts
        identified.channel,
        identified.touch_type,
        identified.placement,
        identified.keyword_intent,
        identified.audience_consent,
        identified.content_fit,
        identified.initiated_by,
        identified.landing_page,
        identified.response_relevance,
        identified.response_intent,

        -- provenance and verdict
        identified.source_table,
        identified._load_id,
        identified._loaded_at,
        identified._source_file,
        identified._source_row,
        identified._is_synthetic,
        identified.warning_columns,
        case
            when identified.standing <> 'quarantined' and identified.identity_key is null then 'no_identity'
            else identified.reject_reason
        end as reject_reason,
        case
            when identified.standing <> 'quarantined' and identified.identity_key is null
                then case when identified.email_normalised is not null then 'email' else 'anonymous_id' end
            else identified.reject_column
        end as reject_column,
        case
            when identified.standing <> 'quarantined' and identified.identity_key is null
                then 'quarantined'
            when identified.standing = 'accepted' and ranked.standing_recency > 1 then 'superseded'
            else identified.standing
        end as verdict
    from identified
    left join ranked
        on
            identified.touch_id = ranked.touch_id
            and identified._load_id = ranked._load_id
            and identified._source_file = ranked._source_file
            and identified._source_row = ranked._source_row
)

select * from final
