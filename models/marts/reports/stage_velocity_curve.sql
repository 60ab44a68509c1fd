-- Grain: one step × cut × day after its beginning on which somebody converted. A step function: between two rows the
-- share is that of the earlier one, before the first it is 0.
with waits as (
    select
        waits.*,
        cast(ceil(waited_minutes / 1440.0) as integer) as elapsed_days
    from {{ ref('int_waits_estimated') }} as waits
),

-- The last conversion of the day gives the share by its end. Who is censored later that day is still at risk then.
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
        {{ arg_max('converted_share_low', 'waited_minutes') }} as converted_share_low,
        {{ arg_max('converted_share_high', 'waited_minutes') }} as converted_share_high
    from waits
    group by
        step,
        cut,
        {{ entry_dimensions() | join(', ') }},
        elapsed_days
    having sum(converted_count) > 0
)

select * from final
