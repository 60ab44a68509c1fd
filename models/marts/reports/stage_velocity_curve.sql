-- Grain: one step × cut × day after its beginning on which somebody converted. A step function: between two rows the
-- share is that of the earlier one, before the first it is 0.
with waits as (
    select
        waits.*,
        cast(ceil(waited_minutes / 1440.0) as integer) as elapsed_days
    from {{ ref('int_waits_estimated') }} as waits
),

-- The last row of the day gives the share by its end. It may have no interval: where all have converted.
placed as (
    select
        waits.*,
        row_number() over (
            partition by step, cut, {{ entry_dimensions() | join(', ') }}, elapsed_days
            order by waited_minutes desc
        ) as recency
    from waits
),

final as (
    select
        -- grain
        step,
        cut,
        direction,
        segment,
        scoped_campaign_id,
        max(campaign_source_system) as campaign_source_system,
        max(campaign_id) as campaign_id,
        max(campaign_name) as campaign_name,
        channel,
        acquisition_source,
        elapsed_days,

        -- estimate
        cast(max(at_risk_count) as bigint) as at_risk_count,
        cast(sum(converted_count) as bigint) as converted_count,
        cast(sum(censored_count) as bigint) as censored_count,
        max(converted_share) as converted_share,
        max(case when recency = 1 then converted_share_low end) as converted_share_low,
        max(case when recency = 1 then converted_share_high end) as converted_share_high
    from placed
    group by
        step,
        cut,
        {{ entry_dimensions() | join(', ') }},
        elapsed_days
    having sum(converted_count) > 0
)

select * from final
