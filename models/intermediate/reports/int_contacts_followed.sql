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

{% set item_columns %}
        touches.person_id,
        {{ scoped_campaign_id('touches.campaign_source_system', 'touches.campaign_id') }} as scoped_campaign_id,
        coalesce(touches.message_name, touches.message_hypothesis, {{ no_value() }}) as message_name,
        touches.occurred_at,
        touches.touch_id
{%- endset %}
contacts as (
    select {{ item_columns }}
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
        message_name,
        occurred_at,
        touch_id,
        row_number() over (
            partition by person_id, scoped_campaign_id, message_name order by occurred_at, touch_id
        ) as place
    from contacts
),

beginnings as (
    select
        touch_id,
        row_number() over (
            partition by person_id, message_name order by occurred_at, touch_id
        ) = 1 as is_first_with_message
    from contacts_placed
    where place = 1
),

described as (
    select
        {{ item_columns }},
        beginnings.is_first_with_message,
        touches.direction,
        touches.channel,
        touches.campaign_source_system,
        touches.campaign_id,
        touches.message_hypothesis,
        touches.expected_response,
        touches.success_metric,
        touches.success_threshold,
        touches.campaign_ends_at,
        touches.is_context_complete,
        touches.is_icp_fit,
        touches.person_segment
    from {{ ref('touches') }} as touches
    inner join beginnings
        on touches.touch_id = beginnings.touch_id
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
        from described
    ) as stamped
    left join {{ ref('success_metrics') }} as metrics
        on {{ metric_as_listed('stamped.success_metric') }} = metrics.success_metric
),

first_contacts as (
    select
        described.*,
        people.acquisition_source,
        {{ days_after('described.occurred_at', 'maturities.maturity_days') }} as matures_at,
        promises.listed_metric,
        promises.metric_touch_types,
        promises.metric_answer,
        promises.promised_rate
    from described
    inner join people
        on described.person_id = people.person_id
    inner join maturities
        on
            described.occurred_at >= maturities.valid_from
            and described.occurred_at < maturities.valid_to
    inner join promises
        on
            described.success_metric is not distinct from promises.success_metric
            and described.success_threshold is not distinct from promises.success_threshold
),

followed as (
    select
        first_contacts.touch_id,
        bool_or({{ is_bounce('answers.touch_type') }}) as is_bounced,
        bool_or(answers.is_response) as is_answered,
        bool_or(answers.is_response and answers.response_relevance = 'relevant') as is_relevant,
        bool_or(
            answers.is_response
            and answers.response_relevance = 'relevant'
            and {{ list_contains_value('first_contacts.expected_response', 'answers.response_intent') }}
        ) as is_expected,
        bool_or(
            answers.is_response
            and (
                first_contacts.metric_touch_types is null
                or {{ list_contains_value('first_contacts.metric_touch_types', 'answers.touch_type') }}
            )
            and case first_contacts.metric_answer
                when 'any' then true
                when 'relevant' then answers.response_relevance = 'relevant'
                when 'expected'
                    then
                        answers.response_relevance = 'relevant'
                        and {{ list_contains_value('first_contacts.expected_response', 'answers.response_intent') }}
            end
        ) as is_success
    from first_contacts
    inner join answers_addressed as answers
        on
            first_contacts.person_id = answers.person_id
            and first_contacts.scoped_campaign_id = answers.contact_campaign_id
            and first_contacts.message_name = answers.contact_message_name
            and first_contacts.matures_at >= answers.occurred_at
    where answers.place = 1
    group by first_contacts.touch_id
),

final as (
    select
        -- ids
        first_contacts.touch_id as contact_touch_id,
        first_contacts.person_id,

        -- times
        first_contacts.occurred_at as contacted_at,
        first_contacts.matures_at,
        first_contacts.campaign_ends_at,

        -- dimensions
        first_contacts.direction,
        first_contacts.scoped_campaign_id,
        coalesce(first_contacts.campaign_source_system, {{ no_value() }}) as campaign_source_system,
        coalesce(first_contacts.campaign_id, {{ no_value() }}) as campaign_id,
        first_contacts.message_name,
        coalesce(first_contacts.person_segment, {{ no_value() }}) as segment,
        first_contacts.channel,
        coalesce(first_contacts.acquisition_source, 'unknown') as acquisition_source,
        first_contacts.is_first_with_message,

        -- what was promised
        first_contacts.message_hypothesis,
        {{ metric_as_listed('first_contacts.success_metric') }} as success_metric,
        first_contacts.success_threshold,
        first_contacts.promised_rate,
        case
            when first_contacts.campaign_id is null then 'no_campaign'
            when first_contacts.direction = 'unclassified' then 'direction_unclassified'
            when first_contacts.message_name = {{ no_value() }} then 'no_message'
            when first_contacts.success_metric is null then 'no_metric'
            when first_contacts.listed_metric is null then 'metric_not_listed'
            when first_contacts.success_threshold is null then 'no_threshold'
            when first_contacts.promised_rate is null then 'threshold_not_readable'
        end as untestable_because,

        -- what came of it
        first_contacts.is_icp_fit,
        first_contacts.is_context_complete,
        not coalesce(followed.is_bounced and not followed.is_answered, false) as is_delivered,
        coalesce(followed.is_answered, false) as is_answered,
        coalesce(followed.is_relevant, false) as is_relevant,
        coalesce(followed.is_expected, false) as is_expected,
        coalesce(followed.is_success, false) as is_success
    from first_contacts
    left join followed
        on first_contacts.touch_id = followed.touch_id
)

select * from final
