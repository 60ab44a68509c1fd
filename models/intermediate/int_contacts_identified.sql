-- Grain: one accepted contact version with its person and its seniority: as stated, else as the job title says.
with contacts as (
    select * from {{ ref('int_contacts_judged') }}
    where
        verdict = 'accepted'
        and {{ within_increment('contact_key', 'int_keys_affected', 'identity_key') }}
),

job_titles as (
    select distinct job_title
    from contacts
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
        contacts.source_system,
        contacts.source_contact_id,
        contacts.source_company_id,
        contacts.contact_key,
        contacts.email_normalised,
        contacts.email,
        contacts.phone,
        contacts.full_name,
        contacts.job_title,
        lower(coalesce(contacts.seniority, titles_ranked.seniority)) as seniority,
        contacts.company_name,
        contacts.company_domain,
        contacts.industry,
        contacts.employee_count,
        contacts.employee_count_max,
        contacts.company_type,
        contacts.country,
        contacts.acquisition_source,
        contacts.is_deleted,
        contacts.created_at,
        contacts.updated_at,
        contacts.source_table,
        contacts._load_id,
        contacts._source_file,
        contacts._source_row,
        contacts._is_synthetic,
        identities.person_id
    from contacts
    inner join {{ ref('int_identities_resolved') }} as identities
        on contacts.contact_key = identities.identity_key
    left join titles_ranked
        on contacts.job_title = titles_ranked.job_title
)

select * from final
