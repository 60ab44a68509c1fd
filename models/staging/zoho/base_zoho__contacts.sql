{{ config(enabled='zoho' in var('source_systems')) }}

-- Grain: one landed contact. Contacts are the same people as leads; identity finds that out by their address.
with source as (
    {{ snapshot_rows(
        source('raw_zoho', 'contacts'),
        key_columns=['contactid'],
        compared_columns=['last_name', 'account_id', 'email', 'mobile', 'lead_source', 'created_time'],
        load_mode=load_mode('zoho.contacts'),
    ) }}
),

final as (
    select
        -- ids
        {{ zoho_id('contact', 'contactid') }} as source_contact_id,
        nullif({{ clean_text('account_id') }}, '0') as source_company_id,

        -- times
        created_time as created_at,

        -- facts
        email,
        mobile as phone,
        {{ clean_text('last_name') }} as last_name,
        cast(null as varchar) as company_name,
        cast(null as varchar) as website,
        cast(null as varchar) as industry,
        {{ clean_text('lead_source') }} as lead_source,
        cast(null as varchar) as lead_status,
        cast(null as varchar) as converted,

        -- provenance
        {{ landing_columns('zoho', 'contacts') }}
    from source
)

select * from final
