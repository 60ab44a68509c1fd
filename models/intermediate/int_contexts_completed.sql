-- Grain: one combination of campaign period (or reason to have none), direction and policy period: is all context there
-- that the direction requires, what is missing of what it requires or wants, and what of that stands in the way.
-- Touches share few combinations, so all that are possible are judged once and not once per touch.
with stamps as (
    select
        campaign_key,
        cast(null as varchar) as missing_campaign
    from {{ ref('int_campaigns_versioned') }}
    {% for reason in missing_campaign_reasons() -%}
        union all
        select
            null as campaign_key,
            '{{ reason }}' as missing_campaign
    {% endfor %}
),

directions as (
    {% for direction in ['inbound', 'outbound', 'unclassified'] -%}
        select '{{ direction }}' as direction
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

combinations as (
    select
        stamps.campaign_key,
        stamps.missing_campaign,
        directions.direction,
        periods.period_from
    from stamps
    cross join directions
    cross join {{ ref('int_policy_periods') }} as periods
),

checked as (
    select
        combinations.campaign_key,
        combinations.missing_campaign,
        combinations.direction,
        combinations.period_from,
        requirements.field,
        requirements.is_required,
        case requirements.field
            {% for name in stamped_campaign_columns().values() -%}
                when '{{ name }}' then campaigns.{{ name }} is null
            {% endfor -%}
        end as is_missing
    from combinations
    inner join {{ ref('context_requirements') }} as requirements
        on
            combinations.direction = requirements.direction
            and coalesce(requirements.effective_from, {{ beginning_of_time() }}) <= combinations.period_from
            and coalesce(requirements.effective_to, {{ end_of_time() }}) > combinations.period_from
    left join {{ ref('int_campaigns_versioned') }} as campaigns
        on combinations.campaign_key = campaigns.campaign_key
),

missing as (
    select
        campaign_key,
        missing_campaign,
        direction,
        period_from,
        bool_or(is_required) as is_required_missing,
        {{ string_agg("field", "field") }} as missing_fields,
        {{ string_agg("case when is_required then field end", "field") }} as missing_required_fields
    from checked
    where is_missing
    group by
        campaign_key,
        missing_campaign,
        direction,
        period_from
),

final as (
    select
        combinations.campaign_key,
        combinations.missing_campaign,
        combinations.direction,
        combinations.period_from,
        not coalesce(missing.is_required_missing, false) as is_context_complete,
        nullif(concat_ws('|', combinations.missing_campaign, missing.missing_fields), '') as missing_context_fields,
        nullif(concat_ws('|', combinations.missing_campaign, missing.missing_required_fields), '')
            as obstructive_context_fields
    from combinations
    left join missing
        on
            combinations.campaign_key is not distinct from missing.campaign_key
            and combinations.missing_campaign is not distinct from missing.missing_campaign
            and combinations.direction = missing.direction
            and combinations.period_from = missing.period_from
)

select * from final
