-- Grain: one test and one share promised in it, with how many people it has reached and how many of them succeeded. A
-- test is what one campaign, one message, one message in one segment, or one segment promised: other contacts with
-- another metric or threshold belong to another test, so that a promise changed midway begins anew. A segment promises
-- nothing itself; its test asks whether the campaigns' own promises are kept in it, whatever they are.
with contacted as (
    select
        contacted.*,
        cast(
            floor(
                {{ seconds_between('contacted_at', as_of()) }} / (86400 * {{ report_policy_value('maturity_days') }})
            ) as integer
        ) as windows_ago
    from {{ ref('int_people_contacted') }} as contacted
),

{#- Of a person whom several campaigns sent the same message, the first contact counts; in each campaign its own. #}
{% set measured %}
        count(*) as reached_count,
        count(*) filter (where is_matured) as matured_count,
        count(*) filter (where is_matured and is_success) as success_count,
        min(contacted_at) as first_contact_at,
        max(contacted_at) as last_contact_at,
        max(matures_at) as last_matures_at,
        max(coalesce(campaign_ends_at, {{ end_of_time() }})) as campaigns_end_at,
        {{ arg_max('message_hypothesis', "cast(contacted_at as varchar) || contact_touch_id") }} as message_hypothesis,
        {{ arg_max('success_threshold', "cast(contacted_at as varchar) || contact_touch_id") }} as success_threshold
{% endset %}
counted as (
    select
        'direction × campaign' as cut,
        direction,
        scoped_campaign_id,
        {{ all_values() }} as message_name,
        {{ all_values() }} as segment,
        success_metric,
        promised_rate,
        untestable_because,
        windows_ago,
        {{ measured }}
    from contacted
    group by direction, scoped_campaign_id, success_metric, promised_rate, untestable_because, windows_ago
    union all
    select
        case
            when grouping(message_name) = 1 then 'direction × segment'
            when grouping(segment) = 1 then 'direction × message'
            else 'direction × message × segment'
        end as cut,
        direction,
        {{ all_values() }} as scoped_campaign_id,
        case when grouping(message_name) = 1 then {{ all_values() }} else message_name end as message_name,
        case when grouping(segment) = 1 then {{ all_values() }} else segment end as segment,
        success_metric,
        promised_rate,
        untestable_because,
        windows_ago,
        {{ measured }}
    from contacted
    where is_first_with_message
    group by grouping sets ( -- noqa: PRS
        (direction, message_name, success_metric, promised_rate, untestable_because, windows_ago),
        (direction, message_name, segment, success_metric, promised_rate, untestable_because, windows_ago),
        (direction, segment, success_metric, promised_rate, untestable_because, windows_ago)
    )
),

identified as (
    select
        counted.*,
        md5(concat_ws('|', cut, direction, scoped_campaign_id, message_name, segment)) as item_id,
        md5(
            concat_ws(
                '|', cut, direction, scoped_campaign_id, message_name, segment, coalesce(untestable_because, ''),
                case
                    when cut = 'direction × segment' and untestable_because is null then ''
                    else coalesce(success_metric, '') || '|' || coalesce(cast(promised_rate as varchar), '')
                end
            )
        ) as test_id
    from counted
),

volumes as (
    select
        test_id,
        windows_ago,
        sum(reached_count) as reached_count
    from identified
    group by
        test_id,
        windows_ago
),

tests as (
    select
        test_id,
        coalesce(sum(reached_count) filter (where windows_ago = 0), 0) as recent_count,
        coalesce(max(reached_count) filter (where windows_ago > 0), 0) as busiest_count
    from volumes
    group by test_id
),

promises as (
    select
        test_id,
        item_id,
        cut,
        direction,
        scoped_campaign_id,
        message_name,
        segment,
        success_metric,
        promised_rate,
        untestable_because,
        cast(sum(reached_count) as bigint) as reached_count,
        cast(sum(matured_count) as bigint) as matured_count,
        cast(sum(success_count) as bigint) as success_count,
        min(first_contact_at) as first_contact_at,
        max(last_contact_at) as last_contact_at,
        max(last_matures_at) as last_matures_at,
        max(campaigns_end_at) as campaigns_end_at,
        {{ arg_max('message_hypothesis', 'last_contact_at') }} as message_hypothesis,
        {{ arg_max('success_threshold', 'last_contact_at') }} as success_threshold
    from identified
    group by
        test_id,
        item_id,
        cut,
        direction,
        scoped_campaign_id,
        message_name,
        segment,
        success_metric,
        promised_rate,
        untestable_because
),

final as (
    select
        promises.*,
        cast(tests.recent_count as bigint) as recent_count,
        cast(tests.busiest_count as bigint) as busiest_count
    from promises
    inner join tests
        on promises.test_id = tests.test_id
)

select * from final
