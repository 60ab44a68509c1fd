with final as (
    select
        -- ids
        campaign_key,
        source_system,
        campaign_id,

        -- times
        valid_from,
        case when valid_to < {{ end_of_time() }} then valid_to end as valid_to,

        -- facts
        {{ stamped_campaign_columns().values() | join(', ') }}
    from {{ ref('int_campaigns_versioned') }}
)

select * from final
