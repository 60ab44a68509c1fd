-- Grain: one staged touch with its final verdict and the keys by which it may link people. Nearly all stand as they
-- are staged; what is said otherwise of the few is looked up, which costs one pass over touches instead of five.
{{ config(materialized='view') }}

{% set carried = [
    'source_system', 'source_touch_id', 'contact_key', 'campaign_id', 'answers_touch_id', 'offer_id', 'occurred_at',
    'channel', 'touch_type', 'placement', 'keyword_intent', 'audience_consent', 'content_fit', 'initiated_by',
    'landing_page', 'response_relevance', 'response_intent', 'source_table', '_load_id', '_loaded_at', '_source_file',
    '_source_row', '_is_synthetic', 'warning_columns',
] -%}

-- Touches are named twice and not as one CTE, which DuckDB would write down with all its columns.
with standing as (
    select
        staged.touch_id,
        {% for column in carried -%}
            staged.{{ column }},
        {% endfor -%}
        coalesce(staged.contact_key, 'email:' || staged.email_normalised, staged.anonymous_key) as identity_key,
        'email:' || staged.email_normalised as email_key,
        staged.anonymous_key,
        cast(null as varchar) as reject_reason,
        cast(null as varchar) as reject_column,
        'accepted' as verdict
    from {{ ref('int_touches_staged') }} as staged
    -- Not `not exists`: DuckDB would group all touches first to look each of them up once.
    left join {{ ref('int_touches_excepted') }} as exceptions
        on
            staged.touch_id = exceptions.touch_id
            and staged._load_id = exceptions._load_id
            and staged._source_file = exceptions._source_file
            and staged._source_row = exceptions._source_row
    where
        staged.touch_id is not null
        and exceptions.touch_id is null
),

excepted as (
    select
        touch_id,
        {{ carried | join(', ') }},
        identity_key,
        email_key,
        anonymous_key,
        reject_reason,
        reject_column,
        verdict
    from {{ ref('int_touches_excepted') }}
),

nameless as (
    select
        touch_id,
        {{ carried | join(', ') }},
        coalesce(contact_key, 'email:' || email_normalised, anonymous_key) as identity_key,
        'email:' || email_normalised as email_key,
        anonymous_key,
        reject_reason,
        reject_column,
        'quarantined' as verdict
    from {{ ref('int_touches_staged') }}
    where touch_id is null
),

final as (
    select * from standing
    union all
    select * from excepted
    union all
    select * from nameless
)

select * from final
