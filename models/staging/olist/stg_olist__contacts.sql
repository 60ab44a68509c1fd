{{ config(enabled='olist' in var('source_systems')) }}

-- Grain: one landed row of the marketing leads. There is no address: a person is known by the lead's id alone.
-- Firmographics stand only on won deals; to read them here would make fit depend on winning.
with source as (
    {{ snapshot_rows(
        source('raw_olist', 'marketing_qualified_leads'),
        key_columns=['mql_id'],
        compared_columns=['first_contact_date', 'origin'],
        load_mode=load_mode('olist.marketing_qualified_leads'),
    ) }}
),

renamed as (
    select
        -- ids
        mql_id as source_contact_id,
        null as source_company_id,

        -- times
        first_contact_date as created_at,
        null as updated_at,

        -- facts
        null as email,
        null as phone,
        null as full_name,
        null as job_title,
        null as seniority,
        null as company_name,
        null as company_domain,
        null as industry,
        null as employee_count,
        null as employee_count_max,
        null as company_type,
        null as country,
        -- Every lead of the table signed up on a landing page, wherever the visit came from.
        'web_form' as acquisition_source,
        -- The table's own name is the claim.
        'mql' as source_stage,
        null as is_deleted,

        -- provenance
        {{ landing_columns('olist', 'marketing_qualified_leads') }}
    from source
),

final as (
    {{ conform(
        'contacts', 'renamed', is_snapshot=load_mode('olist.marketing_qualified_leads') == 'snapshot'
    ) }}
)

select * from final
