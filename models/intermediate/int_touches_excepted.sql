-- Grain: one staged touch that cannot simply stand as it is: quarantined, waiting, superseded, or with a key that links
-- nobody. A touch that carries only such keys is quarantined as no_identity; of the usable rows of one id, the last
-- loaded stands. These are few, so all others are known by not being here. Rows without an id are not here either:
-- staging has rejected them for good.
{{ replaced_rows(key='touch_id', by='int_touches_rechecked') }}

with screened as (
    select * from {{ ref('int_touches_screened') }}
    where
        touch_id is not null
        and {{ within_increment('touch_id', 'int_touches_rechecked', 'touch_id') }}
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
        ) as identity_key,
        email_hubs.identity_key is not null or anonymous_hubs.identity_key is not null as has_hub
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

judged as (
    select
        -- ids
        identified.touch_id,
        identified.source_system,
        identified.source_touch_id,
        identified.identity_key,
        identified.contact_key,
        identified.email_key,
        identified.linking_anonymous_key as anonymous_key,
        identified.has_hub,
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
),

final as (
    select * from judged
    where
        verdict <> 'accepted'
        or has_hub
)

select * from final
