-- Grain: one person who was contacted with one message of one campaign: the first such contact, what the campaign
-- promised at that moment, and what the person did within the maturity window. This is the only place where scorecards
-- and verdicts read touches.
{{ replaced_rows(key='person_id', by='int_people_affected') }}

{% set stamp = [
    'campaign_source_system', 'campaign_id', 'campaign_ends_at', 'message_name', 'message_hypothesis', 'success_metric',
    'success_threshold', 'expected_response',
] -%}

with people as (
    select
        person_id,
        acquisition_source
    from {{ ref('people') }}
    where not is_excluded and first_known_at is not null
),

-- What campaigns stamped on their contacts: few rows of long texts. Numbers stand for them while all contacts are put
-- in order, because the texts would be most of what is spilled.
stamped as (
    select distinct {{ stamp | join(', ') }}
    from {{ ref('touches') }}
    where
        actor = 'company'
        and {{ within_increment('person_id', 'int_people_affected', 'person_id') }}
),

stamps_named as (
    select
        stamped.*,
        {{ scoped_campaign_id('campaign_source_system', 'campaign_id') }} as scoped_campaign_id,
        coalesce(message_name, message_hypothesis, {{ no_value() }}) as told_message_name,
        {{ metric_as_listed('success_metric') }} as told_metric,
        {{ promised_share('success_threshold') }} as promised_rate
    from stamped
),

stamps as (
    select
        named.*,
        metrics.success_metric as listed_metric,
        metrics.touch_types as metric_touch_types,
        metrics.answer as metric_answer,
        row_number() over (order by named.{{ stamp | join(' nulls last, named.') }} nulls last) as stamp_no,
        dense_rank() over (order by named.scoped_campaign_id) as campaign_no,
        dense_rank() over (order by named.told_message_name) as message_no
    from stamps_named as named
    left join {{ ref('success_metrics') }} as metrics
        on named.told_metric = metrics.success_metric
),

contacts as (
    select
        touches.touch_id,
        touches.person_id,
        touches.occurred_at,
        touches.direction,
        touches.person_segment,
        touches.channel,
        touches.is_icp_fit,
        touches.is_context_complete,
        stamps.stamp_no,
        stamps.campaign_no,
        stamps.message_no
    from {{ ref('touches') }} as touches
    inner join stamps
        on
            touches.actor = 'company'
            {%- for column in stamp %}
                and touches.{{ column }} is not distinct from stamps.{{ column }}
            {%- endfor %}
    where {{ within_increment('touches.person_id', 'int_people_affected', 'person_id') }}
),

-- Places and not a least value: what an aggregate remembers of millions of groups as text must stay in memory, while
-- rows in order may spill.
contacts_placed as (
    select
        contacts.*,
        row_number() over (
            partition by person_id, campaign_no, message_no order by occurred_at, touch_id
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
        contacts_placed.*,
        {{ days_after('contacts_placed.occurred_at', 'maturities.maturity_days') }} as matures_at,
        row_number() over (
            partition by contacts_placed.person_id, contacts_placed.message_no
            order by contacts_placed.occurred_at, contacts_placed.touch_id
        ) = 1 as is_first_with_message
    from contacts_placed
    inner join maturities
        on
            contacts_placed.occurred_at >= maturities.valid_from
            and contacts_placed.occurred_at < maturities.valid_to
    where contacts_placed.place = 1
),

campaigns_numbered as (
    select distinct
        scoped_campaign_id,
        campaign_no
    from stamps
    where scoped_campaign_id <> {{ no_value() }}
),

answers as (
    select
        touches.person_id,
        campaigns.campaign_no,
        touches.occurred_at,
        touches.touch_id,
        touches.answers_touch_id,
        touches.touch_type,
        touches.is_response,
        touches.response_relevance,
        touches.response_intent
    from {{ ref('touches') }} as touches
    left join campaigns_numbered as campaigns
        on
            {{ scoped_campaign_id('touches.campaign_source_system', 'touches.campaign_id') }}
            = campaigns.scoped_campaign_id
    where
        (touches.is_response or {{ is_bounce('touches.touch_type') }})
        and {{ within_increment('touches.person_id', 'int_people_affected', 'person_id') }}
),

-- An answer belongs to the contact that it names, else to its campaign's latest contact before it, whatever the message
-- has been called since. Without a campaign it may answer anything, so nothing is guessed. What happens at the instant
-- of a contact comes before it, as everywhere.
answers_addressed as (
    select
        answers.person_id,
        answers.occurred_at,
        answers.touch_type,
        answers.is_response,
        answers.response_relevance,
        answers.response_intent,
        contacts.campaign_no,
        contacts.message_no,
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
                or answers.campaign_no = contacts.campaign_no
            )
),

followed as (
    select
        beginnings.touch_id as contact_touch_id,
        bool_or({{ is_bounce('answers.touch_type') }}) as is_bounced,
        bool_or(answers.is_response) as is_answered,
        bool_or(answers.is_response and answers.response_relevance = 'relevant') as is_relevant,
        bool_or(
            answers.is_response
            and answers.response_relevance = 'relevant'
            and {{ list_contains_value('stamps.expected_response', 'answers.response_intent') }}
        ) as is_expected,
        bool_or(
            answers.is_response
            and (
                stamps.metric_touch_types is null
                or {{ list_contains_value('stamps.metric_touch_types', 'answers.touch_type') }}
            )
            and case stamps.metric_answer
                when 'any' then true
                when 'relevant' then answers.response_relevance = 'relevant'
                when 'expected'
                    then
                        answers.response_relevance = 'relevant'
                        and {{ list_contains_value('stamps.expected_response', 'answers.response_intent') }}
            end
        ) as is_success
    from beginnings
    inner join answers_addressed as answers
        on
            beginnings.person_id = answers.person_id
            and beginnings.campaign_no = answers.campaign_no
            and beginnings.message_no = answers.message_no
            and beginnings.matures_at >= answers.occurred_at
    inner join stamps
        on beginnings.stamp_no = stamps.stamp_no
    where answers.place = 1
    group by beginnings.touch_id
),

final as (
    select
        -- ids
        beginnings.touch_id as contact_touch_id,
        beginnings.person_id,

        -- times
        beginnings.occurred_at as contacted_at,
        beginnings.matures_at,
        stamps.campaign_ends_at,

        -- dimensions
        beginnings.direction,
        stamps.scoped_campaign_id,
        coalesce(stamps.campaign_source_system, {{ no_value() }}) as campaign_source_system,
        coalesce(stamps.campaign_id, {{ no_value() }}) as campaign_id,
        stamps.told_message_name as message_name,
        coalesce(beginnings.person_segment, {{ no_value() }}) as segment,
        beginnings.channel,
        coalesce(people.acquisition_source, 'unknown') as acquisition_source,
        beginnings.is_first_with_message,

        -- what was promised
        stamps.message_hypothesis,
        stamps.told_metric as success_metric,
        stamps.success_threshold,
        stamps.promised_rate,
        case
            when stamps.campaign_id is null then 'no_campaign'
            when beginnings.direction = 'unclassified' then 'direction_unclassified'
            when stamps.told_message_name = {{ no_value() }} then 'no_message'
            when stamps.success_metric is null then 'no_metric'
            when stamps.listed_metric is null then 'metric_not_listed'
            when stamps.success_threshold is null then 'no_threshold'
            when stamps.promised_rate is null then 'threshold_not_readable'
        end as untestable_because,

        -- what came of it
        beginnings.is_icp_fit,
        beginnings.is_context_complete,
        not coalesce(followed.is_bounced and not followed.is_answered, false) as is_delivered,
        coalesce(followed.is_answered, false) as is_answered,
        coalesce(followed.is_relevant, false) as is_relevant,
        coalesce(followed.is_expected, false) as is_expected,
        coalesce(followed.is_success, false) as is_success
    from beginnings
    inner join stamps
        on beginnings.stamp_no = stamps.stamp_no
    inner join people
        on beginnings.person_id = people.person_id
    left join followed
        on beginnings.touch_id = followed.contact_touch_id
)

select * from final
