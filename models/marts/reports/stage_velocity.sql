-- Grain: one step × cut: how many have begun it, what share has converted by when, and how long it takes.
{%- set horizons = {'1_hour': 60, '1_day': 1440, '7_days': 10080, '30_days': 43200, '90_days': 129600} %}
{#- Shares are rounded to six decimals, so a third of all is half of two thirds only within that. -#}
{%- set tolerance = '0.000001' %}
with waits as (
    select
        waits.*,
        converted_count + censored_count as ended_count,
        row_number() over (
            partition by step, cut, {{ entry_dimensions() | join(', ') }} order by waited_minutes desc
        ) as recency
    from {{ ref('int_waits_estimated') }} as waits
),

counted as (
    select
        step,
        cut,
        {{ entry_dimensions() | join(', ') }},
        {% for column in campaign_columns() -%}
            max({{ column }}) as {{ column }},
        {% endfor -%}
        sum(ended_count + immediate_count) as entries,
        sum(immediate_count) as immediate_count,
        sum(converted_count) as converted_count,
        sum(censored_count) as censored_count,
        max(case when ended_count > 0 then waited_minutes end) as followed_minutes,
        max(converted_share) as converted_share,
        max(case when recency = 1 then converted_share_low end) as converted_share_low,
        max(case when recency = 1 then converted_share_high end) as converted_share_high,
        min(case when converted_share >= 0.5 - {{ tolerance }} then waited_minutes end) as median_minutes,
        min(case when converted_share >= 0.9 - {{ tolerance }} then waited_minutes end) as p90_minutes,
    {% for name, minutes in horizons.items() -%}
        max(case when waited_minutes <= {{ minutes }} then converted_share else 0 end) as share_{{ name }},
        sum(case when waited_minutes >= {{ minutes }} then ended_count else 0 end) as at_risk_{{ name }}
        {{- ',' if not loop.last }}
    {% endfor %}
    from waits
    group by
        step,
        cut,
        {{ entry_dimensions() | join(', ') }}
),

-- Half and nine tenths of those who convert at all, as far as anybody has been followed.
converters as (
    select
        waits.step,
        waits.cut,
        {% for column in entry_dimensions() -%}
            waits.{{ column }},
        {% endfor -%}
        min(
            case
                when waits.converted_share >= 0.5 * counted.converted_share - {{ tolerance }}
                    then waits.waited_minutes
            end
        )
            as median_minutes,
        min(
            case
                when waits.converted_share >= 0.9 * counted.converted_share - {{ tolerance }}
                    then waits.waited_minutes
            end
        )
            as p90_minutes
    from waits
    inner join counted
        on
            waits.step = counted.step
            and waits.cut = counted.cut
            {% for column in entry_dimensions() -%}
                and waits.{{ column }} = counted.{{ column }}
            {% endfor -%}
    where counted.converted_count > 0
    group by
        {% for column in entry_dimensions() -%}
            waits.{{ column }},
        {% endfor -%}
        waits.step,
        waits.cut
),

final as (
    select
        -- grain
        counted.step,
        counted.cut,
        counted.direction,
        counted.segment,
        counted.scoped_campaign_id,
        counted.campaign_source_system,
        counted.campaign_id,
        counted.campaign_name,
        counted.channel,
        counted.acquisition_source,

        -- counts
        cast(counted.entries as bigint) as entries,
        cast(case when counted.step = 'suspect_to_prospect' then counted.immediate_count end as bigint)
            as immediate_prospects,
        cast(counted.converted_count as bigint) as converted_count,
        cast(counted.censored_count as bigint) as censored_count,
        {{ rounded('counted.followed_minutes / 1440.0') }} as followed_days,

        -- share by when; unknown beyond the time for which anybody has been followed
        counted.converted_share,
        counted.converted_share_low,
        counted.converted_share_high,
        {% for name in horizons -%}
            case when counted.at_risk_{{ name }} > 0 or counted.converted_share = 1 then counted.share_{{ name }} end
                as converted_within_{{ name }}_share,
        {% endfor %}
        -- how long
        {{ rounded('counted.median_minutes / 1440.0') }} as median_days,
        {{ rounded('counted.p90_minutes / 1440.0') }} as p90_days,
        {{ rounded('converters.median_minutes / 1440.0') }} as converter_median_days,
        {{ rounded('converters.p90_minutes / 1440.0') }} as converter_p90_days
    from counted
    left join converters
        on
            counted.step = converters.step
            and counted.cut = converters.cut
            {% for column in entry_dimensions() -%}
                and counted.{{ column }} = converters.{{ column }}
            {% endfor %}
)

select * from final
