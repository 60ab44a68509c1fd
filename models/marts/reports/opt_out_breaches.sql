-- Grain: one contact by the company of a person whose opt-out stood.
with final as (
    select
        -- ids
        touch_id,
        person_id,
        source_system,
        coalesce(campaign_source_system, {{ no_value() }}) as campaign_source_system,
        coalesce(campaign_id, {{ no_value() }}) as campaign_id,
        {{ scoped_campaign_id('campaign_source_system', 'campaign_id') }} as scoped_campaign_id,

        -- times
        occurred_at,
        opted_out_at,
        {{ rounded(seconds_between('opted_out_at', 'occurred_at') ~ ' / 86400') }} as days_after_opt_out,

        -- facts
        channel,
        touch_type,
        direction
    from {{ ref('int_permissions_withdrawn') }}
    where is_breach
)

select * from final
