{{ config(enabled='zoho' in var('source_systems')) }}

-- Grain: one landed account. Accounts carry no time at all, so a version holds from when it was first observed.
-- The account type (prospect, customer) records a sale and is not read.
with source as (
    {{ snapshot_rows(
        source('raw_zoho', 'accounts'),
        key_columns=['accountid'],
        compared_columns=['account_name', 'industry', 'website'],
        load_mode=load_mode('zoho.accounts'),
    ) }}
),

mapped as (
    select
        source.*,
        {{ clean_text('source.industry') }} as industry_text,
        {{ mapped_value('zoho', 'industry__industry', clean_text('source.industry')) }} as industry_code
    from source
),

renamed as (
    select
        -- ids
        nullif({{ clean_text('accountid') }}, '0') as source_company_id,

        -- times
        _version_at as updated_at,

        -- facts
        account_name as company_name,
        {{ domain_of(clean_text('website')) }} as company_domain,
        industry_code as industry,
        null as employee_count,
        null as employee_count_max,
        null as company_type,
        null as country,

        -- provenance
        {{ landing_columns('zoho', 'accounts') }},
        null as own_reject_reason,
        null as own_reject_column,
        case when industry_text is not null and industry_code is null then 'industry' end as own_warning_columns
    from mapped
),

final as (
    {{ conform('companies', 'renamed', own_verdict=true) }}
)

select * from final
