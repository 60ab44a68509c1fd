-- Grain: one test and one share promised in it, with how many people it has reached and how many of them succeeded. A
-- test is what one campaign, one message, one message in one segment, or one segment promised: other contacts with
-- another metric or threshold belong to another test, so that a promise changed midway begins anew. A segment promises
-- nothing itself; its test asks whether the campaigns' own promises are kept in it, whatever they are.
with contacted as (
    select
        contacted.*,
        -- Its day, in thousandths of a maturity window: a frame of rows takes no length from a table.
        cast(
            floor(
                1000 * floor({{ seconds_between("timestamp '2000-01-01 00:00:00'", 'contacted_at') }} / 86400)
                / {{ report_policy_value('maturity_days') }}
            ) as bigint
        ) as contact_day
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
        contact_day,
        {{ measured }}
    from contacted
    group by direction, scoped_campaign_id, success_metric, promised_rate, untestable_because, contact_day
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
        contact_day,
        {{ measured }}
    from contacted
    where is_first_with_message
    group by grouping sets ( -- noqa: PRS
        (direction, message_name, success_metric, promised_rate, untestable_because, contact_day),
        (direction, message_name, segment, success_metric, promised_rate, untestable_because, contact_day),
        (direction, segment, success_metric, promised_rate, untestable_because, contact_day)
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
        contact_day,
        sum(reached_count) as reached_count
    from identified
    group by
        test_id,
        contact_day
),

windows as (
    select
        test_id,
        contact_day,
        min(contact_day) over (partition by test_id) as first_day,
        sum(reached_count) over (
            partition by test_id order by contact_day range between 999 preceding and current row
        ) as window_count
    from volumes
),

-- Before it is a window old, a test has none to be compared with. The first one counts whole, also for those who were
-- contacted within it: else whoever goes on as he began would have grown since his first day.
windows_compared as (
    select
        test_id,
        window_count,
        case
            when contact_day >= first_day + 1000
                then
                    greatest(
                        max(window_count) over (
                            partition by test_id
                            order by contact_day range between unbounded preceding and 1000 preceding
                        ),
                        max(case when contact_day < first_day + 1000 then window_count end)
                            over (partition by test_id)
                    )
        end as busiest_count
    from windows
),

-- Once its volume has grown, a test is marked for good: neither a slower month nor a later look takes that away.
-- What a verdict needs anyhow is no growth.
growths as (
    select
        test_id,
        max(window_count) as grown_count,
        {{ arg_max('busiest_count', 'window_count * 1000000000 - busiest_count') }} as grown_from_count
    from windows_compared
    where
        window_count >= {{ report_policy_value('volume_growth') }} * greatest(
            busiest_count, {{ report_policy_value('verdict_min_contacts') }}
        )
        and busiest_count is not null
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
        cast(coalesce(growths.grown_count, 0) as bigint) as grown_count,
        cast(coalesce(growths.grown_from_count, 0) as bigint) as grown_from_count
    from promises
    left join growths
        on promises.test_id = growths.test_id
)

select * from final
