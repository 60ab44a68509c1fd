-- Grain: one staged contact version with its verdict and identity keys.
{{ config(materialized='view') }}

with staged as (
    select * from {{ ref('int_contacts_staged') }}
),

{{ standing_rows('staged', row_time='updated_at', is_version=true) }},

{{ judged_rows('standing', ref('int_contacts_repeated'), key=['contact_key', 'updated_at']) }},

final as (
    select
        -- ids
        judged.source_system,
        judged.source_contact_id,
        judged.source_company_id,
        judged.contact_key,
        judged.email_normalised,

        -- facts
        judged.email,
        judged.phone,
        judged.full_name,
        judged.job_title,
        judged.seniority,
        judged.company_name,
        judged.company_domain,
        judged.industry,
        judged.employee_count,
        judged.employee_count_max,
        judged.company_type,
        judged.country,
        judged.acquisition_source,
        judged.is_deleted,

        -- times
        judged.created_at,
        judged.updated_at,

        -- provenance and verdict
        judged.source_table,
        judged._load_id,
        judged._loaded_at,
        judged._observed_at,
        judged._source_file,
        judged._source_row,
        judged._is_synthetic,
        judged.reject_reason,
        judged.reject_column,
        judged.warning_columns,
        judged.verdict
    from judged
)

select * from final
