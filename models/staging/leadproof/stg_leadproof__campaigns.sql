{{ config(enabled='leadproof' in var('source_systems')) }}

-- Grain: one landed campaign row.
with source as (
    {{ snapshot_rows(
        source('raw_leadproof', 'campaigns'),
        key_columns=['campaign_id'],
        compared_columns=[
            'starts_at', 'ends_at', 'created_at', 'campaign_name', 'channel', 'segment_name',
            'segment_definition', 'message_name', 'message_hypothesis', 'expected_response',
            'success_metric', 'success_threshold', 'icp_version',
        ],
        load_mode=load_mode('leadproof.campaigns'),
    ) }}
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
        segment_name,
        segment_definition,
        message_name,
        message_hypothesis,
        expected_response,
        success_metric,
        success_threshold,
        icp_version,

        -- provenance
        {{ landing_columns('leadproof', 'campaigns') }}
    from source
),

final as (
    {{ conform('campaigns', 'renamed') }}
)

select * from final
