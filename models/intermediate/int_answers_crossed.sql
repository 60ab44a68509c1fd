-- Grain: one touch that answers a touch of another identity key. Both may be one person; if not, whoever is computed
-- anew needs the other too, because an answer takes context and direction from what it answers.
{{ replaced_rows(key='touch_id', by='int_touches_rechecked') }}

with answers as (
    select
        touch_id,
        identity_key,
        source_system || ':' || answers_touch_id as answered_touch_id
    from {{ ref('int_touches_judged') }}
    where
        verdict = 'accepted'
        and answers_touch_id is not null
        and {{ within_increment('touch_id', 'int_touches_rechecked', 'touch_id') }}
),

final as (
    select
        answers.touch_id,
        answers.identity_key,
        answered.identity_key as answered_key
    from answers
    inner join {{ ref('int_touches_judged') }} as answered
        on answers.answered_touch_id = answered.touch_id
    where
        answered.verdict = 'accepted'
        -- Said twice, so that touches which nobody answers are passed over before they are judged.
        and answered.touch_id in (select asked.answered_touch_id from answers as asked)
        and answers.identity_key <> answered.identity_key
)

select * from final
