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

daily as (
    select
        step,
        cut,
        {{ entry_dimensions() | join(', ') }},
        elapsed_days,
        max(campaign_source_system) as campaign_source_system,
        max(campaign_id) as campaign_id,
        max(campaign_name) as campaign_name,
        max(at_risk_count) as at_risk_count,
        sum(converted_count) as converted_count,
        sum(censored_count) as censored_count,
        max(converted_share) as converted_share,
        max(case when recency = 1 then converted_share_low end) as converted_share_low,
        max(case when recency = 1 then converted_share_high end) as converted_share_high
    from placed
    group by
        step,
        cut,
        {{ entry_dimensions() | join(', ') }},
        elapsed_days
),

-- Who was censored before the day. Also on days on which nobody converted, and which have no row.
censored as (
    select
        daily.*,
        coalesce(sum(censored_count) over (
            partition by step, cut, {{ entry_dimensions() | join(', ') }}
            order by elapsed_days
            rows between unbounded preceding and 1 preceding
        ), 0) as censored_before
    from daily
),

stepped as (
    select
        censored.*,
        lag(censored_before) over (
            partition by step, cut, {{ entry_dimensions() | join(', ') }} order by elapsed_days
        ) as censored_before_last
    from censored
    where converted_count > 0
),

final as (
    select
        -- grain
        step,
        cut,
        direction,
        segment,
        scoped_campaign_id,
        campaign_source_system,
        campaign_id,
        campaign_name,
        channel,
        acquisition_source,
        elapsed_days,

        -- estimate
        cast(at_risk_count as bigint) as at_risk_count,
        cast(converted_count as bigint) as converted_count,
        cast(censored_before - coalesce(censored_before_last, 0) as bigint) as censored_count,
        converted_share,
        converted_share_low,
        converted_share_high
    from stepped
)

select * from final
