-- Grain: one response without a campaign of its own that takes context or direction from an earlier touch: the one it
-- answers, else the person's latest company touch with a campaign on the same channel within the response window. An
-- answer to an answer takes what that one took, so the answers are walked from the first touch of each conversation on.
-- An answered touch without a campaign has no context to give, its direction still holds.
with recursive responses as (
    select
        touch_id,
        person_id,
        source_system,
        source_touch_id,
        occurred_at,
        order_rank,
        channel,
        source_system || ':' || answers_touch_id as answers_touch_id,
        own_direction,
        own_rule_id,
        own_permission
    from {{ ref('int_touches_classified') }}
    where
        is_response
        and campaign_id is null
),

windows as (
    select
        responses.touch_id,
        coalesce(cycles.response_window_days, policies.response_window_days) as response_window_days
    from responses
    inner join {{ ref('int_stage_policy_versioned') }} as policies
        on
            responses.occurred_at >= policies.valid_from
            and responses.occurred_at < policies.valid_to
    left join {{ ref('int_cycles_bounded') }} as cycles
        on
            responses.person_id = cycles.person_id
            and responses.occurred_at >= cycles.opened_at
            and responses.occurred_at < cycles.next_opened_at
            and responses.occurred_at <= coalesce(cycles.ended_at, {{ end_of_time() }})
),

company_touches as (
    select
        touch_id,
        person_id,
        source_system,
        source_touch_id,
        occurred_at,
        order_rank,
        channel
    from {{ ref('int_touches_classified') }}
    where
        actor = 'company'
        and campaign_id is not null
),

in_window as (
    select
        responses.touch_id,
        company_touches.touch_id as context_touch_id,
        row_number() over (
            partition by responses.touch_id
            order by
                company_touches.occurred_at desc,
                company_touches.order_rank desc,
                company_touches.source_system desc,
                company_touches.source_touch_id desc
        ) as place
    from responses
    inner join windows
        on responses.touch_id = windows.touch_id
    inner join company_touches
        on
            responses.person_id = company_touches.person_id
            and responses.channel = company_touches.channel
            and responses.occurred_at > company_touches.occurred_at
            and {{ days_after('company_touches.occurred_at', 'windows.response_window_days') }} >= responses.occurred_at
),

window_contexts as (
    select
        touch_id,
        context_touch_id
    from in_window
    where place = 1
),

answers as (
    select
        responses.touch_id,
        answered.touch_id as answered_touch_id,
        answered.campaign_id is not null as is_answered_own,
        answered.is_response and answered.campaign_id is null as is_answered_open
    from responses
    inner join {{ ref('int_touches_classified') }} as answered
        on
            responses.answers_touch_id = answered.touch_id
            and (
                responses.occurred_at > answered.occurred_at
                or (
                    responses.occurred_at = answered.occurred_at
                    and (answered.order_rank, answered.source_touch_id)
                    < (responses.order_rank, responses.source_touch_id)
                )
            )
),

-- The touches that lend context or direction, looked up once.
lending as (
    select context_touch_id as touch_id from window_contexts
    union
    select answered_touch_id as touch_id from answers
),

lenders as (
    select
        classified.touch_id,
        classified.source_system,
        classified.campaign_id,
        classified.occurred_at,
        classified.own_direction,
        classified.own_rule_id,
        classified.own_permission
    from {{ ref('int_touches_classified') }} as classified
    inner join lending
        on classified.touch_id = lending.touch_id
),

-- Where each conversation begins: responses that answer no response whose own context is still open.
beginnings as (
    select
        responses.touch_id,
        responses.own_direction,
        responses.own_rule_id,
        responses.own_permission,
        answers.answered_touch_id,
        case
            when answers.is_answered_own then answers.answered_touch_id
            else window_contexts.context_touch_id
        end as context_touch_id,
        case
            when answers.is_answered_own then 'answered'
            when window_contexts.context_touch_id is not null then 'window'
        end as context_source
    from responses
    left join answers
        on responses.touch_id = answers.touch_id
    left join window_contexts
        on responses.touch_id = window_contexts.touch_id
    where not coalesce(answers.is_answered_open, false)
),

followers as (
    select
        responses.touch_id,
        responses.own_direction,
        responses.own_rule_id,
        responses.own_permission,
        answers.answered_touch_id,
        windowed.touch_id as window_touch_id,
        windowed.own_direction as window_direction,
        windowed.own_rule_id as window_rule_id,
        windowed.own_permission as window_permission
    from answers
    inner join responses
        on answers.touch_id = responses.touch_id
    left join window_contexts
        on answers.touch_id = window_contexts.touch_id
    left join lenders as windowed
        on window_contexts.context_touch_id = windowed.touch_id
    where answers.is_answered_open
),

walked (touch_id, context_touch_id, context_source, direction, direction_rule_id, permission) as (
    select
        beginnings.touch_id,
        beginnings.context_touch_id,
        beginnings.context_source,
        case
            when beginnings.own_rule_id is not null then beginnings.own_direction
            when contexts.own_rule_id is not null then contexts.own_direction
            else answered.own_direction
        end as direction,
        coalesce(beginnings.own_rule_id, contexts.own_rule_id, answered.own_rule_id) as direction_rule_id,
        case
            when beginnings.own_rule_id is not null then beginnings.own_permission
            when contexts.own_rule_id is not null then contexts.own_permission
            else answered.own_permission
        end as permission
    from beginnings
    left join lenders as contexts
        on beginnings.context_touch_id = contexts.touch_id
    left join lenders as answered
        on beginnings.answered_touch_id = answered.touch_id
    union all
    select
        followers.touch_id,
        coalesce(walked.context_touch_id, followers.window_touch_id) as context_touch_id,
        case
            when walked.context_touch_id is not null then 'answered'
            when followers.window_touch_id is not null then 'window'
        end as context_source,
        case
            when followers.own_rule_id is not null then followers.own_direction
            when
                walked.context_touch_id is null and followers.window_rule_id is not null
                then followers.window_direction
            else walked.direction
        end as direction,
        case
            when followers.own_rule_id is not null then followers.own_rule_id
            when walked.context_touch_id is null then coalesce(followers.window_rule_id, walked.direction_rule_id)
            else walked.direction_rule_id
        end as direction_rule_id,
        case
            when followers.own_rule_id is not null then followers.own_permission
            when
                walked.context_touch_id is null and followers.window_rule_id is not null
                then followers.window_permission
            else walked.permission
        end as permission
    from walked
    inner join followers
        on walked.touch_id = followers.answered_touch_id
),

final as (
    select
        walked.touch_id,
        walked.context_touch_id,
        walked.context_source,
        walked.direction,
        walked.direction_rule_id,
        walked.permission,
        context.source_system as context_system,
        context.campaign_id as context_campaign_id,
        context.occurred_at as context_at
    from walked
    left join lenders as context
        on walked.context_touch_id = context.touch_id
    where
        walked.context_touch_id is not null
        or walked.direction_rule_id is not null
)

select * from final
