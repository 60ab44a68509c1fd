{{ config(enabled='zoho' in var('source_systems')) }}

-- Grain: one landed lead or contact, and one row per deletion that a snapshot implies.
-- A lead is a name on a list: its source says how the record arose, not that the person did something, and its only
-- time is that of the record. So no lead implies a touch, not even one that names a trade show or an online store.
with records as (
    select * from {{ ref('base_zoho__leads') }}
    union all
    select * from {{ ref('base_zoho__contacts') }}
),

mapped as (
    select
        records.*,
        {{ mapped_value('zoho', 'industry__industry', 'records.industry') }} as industry_code,
        {{ mapped_value('zoho', 'lead_source__acquisition_source', 'records.lead_source') }} as acquisition_source,
        -- Contradictory states exist (a junk lead that was converted); to convert is the stronger claim.
        coalesce(
            {{ mapped_value('zoho', 'converted__source_stage', 'records.converted') }},
            {{ mapped_value('zoho', 'lead_status__source_stage', 'records.lead_status') }}
        ) as source_stage
    from records
),

renamed as (
    select
        -- ids
        source_contact_id,
        source_company_id,

        -- times
        created_at,
        null as updated_at,

        -- facts
        email,
        phone,
        last_name as full_name,
        null as job_title,
        null as seniority,
        company_name,
        {{ domain_of('website') }} as company_domain,
        industry_code as industry,
        null as employee_count,
        null as employee_count_max,
        null as company_type,
        null as country,
        acquisition_source,
        source_stage,
        null as is_deleted,

        -- provenance
        source_system,
        source_table,
        {{ carried_landing_columns() | join(',\n        ') }},
        null as own_reject_reason,
        null as own_reject_column,
        concat_ws(
            '|',
            case when industry is not null and industry_code is null then 'industry' end,
            case when lead_source is not null and acquisition_source is null then 'acquisition_source' end
        ) as own_warning_columns
    from mapped
),

final as (
    {{ conform(
        'contacts',
        'renamed',
        is_snapshot='snapshot' in [load_mode('zoho.leads'), load_mode('zoho.contacts')],
        own_verdict=true,
    ) }}
)

select * from final
