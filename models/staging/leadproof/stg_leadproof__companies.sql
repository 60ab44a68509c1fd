{{ config(enabled='leadproof' in var('source_systems')) }}

-- Grain: one landed company row.
with source as (
    {{ snapshot_rows(
        source('raw_leadproof', 'companies'),
        key_columns=['source_company_id'],
        compared_columns=[
            'company_name', 'company_domain', 'industry', 'employee_count', 'employee_count_max',
            'company_type', 'country',
        ],
        load_mode=load_mode('leadproof.companies'),
    ) }}
),

renamed as (
    select
        -- ids
        source_company_id,

        -- times
        updated_at,

        -- facts
        company_name,
        company_domain,
        industry,
        employee_count,
        employee_count_max,
        company_type,
        country,

        -- provenance
        {{ landing_columns('leadproof', 'companies') }}
    from source
),

final as (
    {{ conform('companies', 'renamed') }}
)

select * from final
