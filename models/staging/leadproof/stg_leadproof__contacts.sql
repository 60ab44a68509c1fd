{{ config(enabled='leadproof' in var('source_systems')) }}

-- Grain: one landed contact row, in snapshot mode also one row per deletion that a snapshot implies.
with source as (
    {{ snapshot_rows(
        source('raw_leadproof', 'contacts'),
        key_columns=['source_contact_id'],
        compared_columns=[
            'source_company_id', 'created_at', 'email', 'phone', 'full_name', 'job_title', 'seniority',
            'company_name', 'company_domain', 'industry', 'employee_count', 'employee_count_max',
            'company_type', 'country', 'acquisition_source', 'is_deleted',
        ],
        load_mode=load_mode('leadproof.contacts'),
    ) }}
),

renamed as (
    select
        -- ids
        source_contact_id,
        source_company_id,

        -- times
        created_at,
        updated_at,

        -- facts
        email,
        phone,
        full_name,
        job_title,
        seniority,
        company_name,
        company_domain,
        industry,
        employee_count,
        employee_count_max,
        company_type,
        country,
        acquisition_source,
        source_stage,
        is_deleted,

        -- provenance
        {{ landing_columns('leadproof', 'contacts') }}
    from source
),

final as (
    {{ conform('contacts', 'renamed', is_snapshot=load_mode('leadproof.contacts') == 'snapshot') }}
)

select * from final
