{{ config(enabled='zoho' in var('source_systems')) }}

-- Grain: one landed campaign. The CRM has no field for segment, message or expectation; the campaign registry has.
with campaigns as (
    select * from {{ ref('base_zoho__campaigns') }}
),

renamed as (
    select
        -- ids
        campaign_id,

        -- times
        starts_at,
        ends_at,
        created_at,
        updated_at,

        -- facts
        campaign_name,
        channel,
        null as segment_name,
        null as segment_definition,
        null as message_name,
        null as message_hypothesis,
        null as expected_response,
        null as success_metric,
        null as success_threshold,
        null as icp_version,

        -- provenance
        source_system,
        source_table,
        {{ carried_landing_columns() | join(',\n        ') }},
        null as own_reject_reason,
        null as own_reject_column,
        case when campaign_type is not null and channel is null then 'channel' end as own_warning_columns
    from campaigns
),

final as (
    {{ conform('campaigns', 'renamed', own_verdict=true) }}
)

select * from final
