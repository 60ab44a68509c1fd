-- Grain: one person who was contacted with one message of one campaign: the first such contact, what the campaign
-- promised at that moment, and what the person did within the maturity window. This is the only place where scorecards
-- and verdicts read touches.
{{ replaced_rows(key='person_id', by='int_people_affected') }}

with people as (
    select
        person_id,
        acquisition_source
    from {{ ref('people') }}
    where not is_excluded and first_known_at is not null
),

contacts as (
    select
        touches.person_id,
        {{ scoped_campaign_id('touches.campaign_source_system', 'touches.campaign_id') }} as scoped_campaign_id,
        coalesce(touches.message_name, touches.message_hypothesis, {{ no_value() }}) as message_name,
        touches.occurred_at,
        touches.touch_id
    from {{ ref('touches') }} as touches
    where
        touches.actor = 'company'
        and {{ within_increment('touches.person_id', 'int_people_affected', 'person_id') }}
),

-- Few columns of all contacts tell which are first; only those are looked at as a whole. Places and not a least value:
-- what an aggregate remembers of millions of groups as text must stay in memory, while rows in order may spill.
contacts_placed as (
    select
        person_id,
        scoped_campaign_id,
        message_name,
        occurred_at,
        touch_id,
        row_number() over (
            partition by person_id, scoped_campaign_id, message_name order by occurred_at, touch_id
        ) as place
    from contacts
),

maturities as (
    select
        cast(value as {{ type_double() }}) as maturity_days,
        case
            when row_number() over (order by effective_from nulls first) = 1 then {{ beginning_of_time() }}
            else effective_from
        end as valid_from,
        coalesce(effective_to, {{ end_of_time() }}) as valid_to
    from {{ ref('report_policy') }}
    where key = 'maturity_days'
),

beginnings as (
    select
        contacts_placed.touch_id,
        contacts_placed.person_id,
        contacts_placed.scoped_campaign_id,
        contacts_placed.message_name,
        contacts_placed.occurred_at as contacted_at,
        {{ days_after('contacts_placed.occurred_at', 'maturities.maturity_days') }} as matures_at,
        row_number() over (
            partition by contacts_placed.person_id, contacts_placed.message_name
            order by contacts_placed.occurred_at, contacts_placed.touch_id
        ) = 1 as is_first_with_message
    from contacts_placed
    inner join maturities
        on
            contacts_placed.occurred_at >= maturities.valid_from
            and contacts_placed.occurred_at < maturities.valid_to
    where contacts_placed.place = 1
),

answers as (
    select
        touches.person_id,
        {{ scoped_campaign_id('touches.campaign_source_system', 'touches.campaign_id') }} as scoped_campaign_id,
        touches.occurred_at,
        touches.touch_id,
        touches.answers_touch_id,
        touches.touch_type,
        touches.is_response,
        touches.response_relevance,
        touches.response_intent
    from {{ ref('touches') }} as touches
    where
        (touches.is_response or {{ is_bounce('touches.touch_type') }})
        and {{ within_increment('touches.person_id', 'int_people_affected', 'person_id') }}
),

-- An answer belongs to the contact that it names, else to its campaign's latest contact before it, whatever the message
-- has been called since. Without a campaign it may answer anything, so nothing is guessed. What happens at the instant
-- of a contact comes before it, as everywhere.
answers_addressed as (
    select
        answers.*,
        contacts.scoped_campaign_id as contact_campaign_id,
        contacts.message_name as contact_message_name,
        row_number() over (
            partition by answers.touch_id
            order by
                case when contacts.touch_id = answers.answers_touch_id then 0 else 1 end,
                contacts.occurred_at desc,
                contacts.touch_id desc
        ) as place
    from answers
    inner join contacts
        on
            answers.person_id = contacts.person_id
            and answers.occurred_at > contacts.occurred_at
            and (
                answers.answers_touch_id = contacts.touch_id
                or (
                    answers.scoped_campaign_id = contacts.scoped_campaign_id
                    and answers.scoped_campaign_id <> {{ no_value() }}
                )
            )
),

-- Campaigns share few words, so each is read once.
promises as (
    select
        stamped.success_metric,
        stamped.success_threshold,
        metrics.success_metric as listed_metric,
        metrics.touch_types as metric_touch_types,
        metrics.answer as metric_answer,
        {{ promised_share('stamped.success_threshold') }} as promised_rate
    from (
        select distinct
            success_metric,
            success_threshold
        from {{ ref('touches') }}
        where actor = 'company'
    ) as stamped
    left join {{ ref('success_metrics') }} as metrics
        on {{ metric_as_listed('stamped.success_metric') }} = metrics.success_metric
),

contacts_answered as (
    select
        beginnings.touch_id as contact_touch_id,
        answers.touch_type,
        answers.is_response,
        answers.response_relevance,
        answers.response_intent
    from beginnings
    inner join answers_addressed as answers
        on
            beginnings.person_id = answers.person_id
            and beginnings.scoped_campaign_id = answers.contact_campaign_id
            and beginnings.message_name = answers.contact_message_name
            and beginnings.matures_at >= answers.occurred_at
    where answers.place = 1
),

-- Few contacts are answered, so what they promised is looked up for these here and for all when they are written down:
-- the texts of all of them, kept for both, would be most of what this model needs memory for.
followed as (
    select
        answers.contact_touch_id,
        bool_or({{ is_bounce('answers.touch_type') }}) as is_bounced,
        bool_or(answers.is_response) as is_answered,
        bool_or(answers.is_response and answers.response_relevance = 'relevant') as is_relevant,
        bool_or(
            answers.is_response
            and answers.response_relevance = 'relevant'
            and {{ list_contains_value('touches.expected_response', 'answers.response_intent') }}
        ) as is_expected,
        bool_or(
            answers.is_response
            and (
                promises.metric_touch_types is null
                or {{ list_contains_value('promises.metric_touch_types', 'answers.touch_type') }}
            )
            and case promises.metric_answer
                when 'any' then true
                when 'relevant' then answers.response_relevance = 'relevant'
                when 'expected'
                    then
                        answers.response_relevance = 'relevant'
                        and {{ list_contains_value('touches.expected_response', 'answers.response_intent') }}
            end
        ) as is_success
    from {{ ref('touches') }} as touches
    inner join contacts_answered as answers
        on touches.touch_id = answers.contact_touch_id
    inner join promises
        on
            touches.success_metric is not distinct from promises.success_metric
            and touches.success_threshold is not distinct from promises.success_threshold
    group by answers.contact_touch_id
),

final as (
    select
        -- ids
        beginnings.touch_id as contact_touch_id,
        beginnings.person_id,

        -- times
        beginnings.contacted_at,
        beginnings.matures_at,
        touches.campaign_ends_at,

        -- dimensions
        touches.direction,
        beginnings.scoped_campaign_id,
        coalesce(touches.campaign_source_system, {{ no_value() }}) as campaign_source_system,
        coalesce(touches.campaign_id, {{ no_value() }}) as campaign_id,
        beginnings.message_name,
        coalesce(touches.person_segment, {{ no_value() }}) as segment,
        touches.channel,
        coalesce(people.acquisition_source, 'unknown') as acquisition_source,
        beginnings.is_first_with_message,

        -- what was promised
        touches.message_hypothesis,
        {{ metric_as_listed('touches.success_metric') }} as success_metric,
        touches.success_threshold,
        promises.promised_rate,
        case
            when touches.campaign_id is null then 'no_campaign'
            when touches.direction = 'unclassified' then 'direction_unclassified'
            when beginnings.message_name = {{ no_value() }} then 'no_message'
            when touches.success_metric is null then 'no_metric'
            when promises.listed_metric is null then 'metric_not_listed'
            when touches.success_threshold is null then 'no_threshold'
            when promises.promised_rate is null then 'threshold_not_readable'
        end as untestable_because,

        -- what came of it
        touches.is_icp_fit,
        touches.is_context_complete,
        not coalesce(followed.is_bounced and not followed.is_answered, false) as is_delivered,
        coalesce(followed.is_answered, false) as is_answered,
        coalesce(followed.is_relevant, false) as is_relevant,
        coalesce(followed.is_expected, false) as is_expected,
        coalesce(followed.is_success, false) as is_success
    from {{ ref('touches') }} as touches
    inner join beginnings
        on touches.touch_id = beginnings.touch_id
    inner join people
        on beginnings.person_id = people.person_id
    inner join promises
        on
            touches.success_metric is not distinct from promises.success_metric
            and touches.success_threshold is not distinct from promises.success_threshold
    left join followed
        on touches.touch_id = followed.contact_touch_id
)

select * from final
