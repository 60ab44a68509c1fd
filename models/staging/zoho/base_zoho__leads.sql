{{ config(enabled='zoho' in var('source_systems')) }}

-- Grain: one landed lead. What the CRM says of its own success (status, conversion) is carried for the claim alone and
-- makes no new version.
with source as (
    {{ snapshot_rows(
        source('raw_zoho', 'leads'),
        key_columns=['leadid'],
        compared_columns=[
            'last_name', 'company', 'email', 'mobile', 'website', 'industry', 'lead_source', 'created_time',
        ],
        load_mode=load_mode('zoho.leads'),
    ) }}
),

final as (
    select
        -- ids
        {{ zoho_id('lead', 'leadid') }} as source_contact_id,
        cast(null as varchar) as source_company_id,

        -- times
        created_time as created_at,

        -- facts
        email,
        mobile as phone,
        {{ clean_text('last_name') }} as last_name,
        company as company_name,
        {{ clean_text('website') }} as website,
        {{ clean_text('industry') }} as industry,
        {{ clean_text('lead_source') }} as lead_source,
        {{ clean_text('lead_status') }} as lead_status,
        {{ clean_text('converted') }} as converted,

        -- provenance
        {{ landing_columns('zoho', 'leads') }}
    from source
)

select * from final
