-- Grain: one staged contact version. Its verdict, its identity keys and its seniority.
-- What the CRM claims (source_stage) is left behind here: nothing that proves a stage may read it.
with staged as (
    {{ union_staging('contacts', omitted=['source_stage']) }}
),

{{ judged(
    'staged', key=['source_system', 'source_contact_id', 'updated_at'], row_time='updated_at', is_version=true
) }},

job_titles as (
    select distinct job_title
    from judged
    where
        job_title is not null
        and seniority is null
),

titles_matched as (
    select
        job_titles.job_title,
        min(seniority_rules.priority) as priority
    from job_titles
    inner join {{ ref('seniority_rules') }} as seniority_rules
        on {{ regexp_like('job_titles.job_title', "'(?i)' || seniority_rules.job_title_pattern") }}
    group by job_titles.job_title
),

titles_ranked as (
    select
        titles_matched.job_title,
        seniority_rules.seniority
    from titles_matched
    inner join {{ ref('seniority_rules') }} as seniority_rules
        on titles_matched.priority = seniority_rules.priority
),

final as (
    select
        -- ids
        judged.source_system,
        judged.source_contact_id,
        judged.source_company_id,
        'contact:' || judged.source_system || ':' || judged.source_contact_id as contact_key,
        {{ normalised_email('judged.email') }} as email_normalised,

        -- facts
        judged.email,
        judged.phone,
        judged.full_name,
        judged.job_title,
        lower(coalesce(judged.seniority, titles_ranked.seniority)) as seniority,
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
    left join titles_ranked
        on judged.job_title = titles_ranked.job_title
)

select * from final
