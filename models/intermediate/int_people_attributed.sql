-- Grain: one person from one recorded moment to the next: what was known of the person then. Per attribute the last
-- non-null value among the contact versions so far, failing that the company's that the latest contact version names.
-- The first row of each person begins at the beginning of time, when nothing was known.
with contacts as (
    select
        person_id,
        source_system,
        source_contact_id,
        source_company_id,
        updated_at as valid_from,
        industry,
        employee_count,
        employee_count_max,
        company_type,
        country,
        seniority
    from {{ ref('int_contacts_identified') }}
),

filled as (
    select
        person_id,
        valid_from,
        {% for attribute in person_attributes() -%}
            {{ last_known(attribute, 'so_far') }} as {{ attribute }},
        {% endfor -%}
        {{ last_band_end('so_far') }} as employee_count_max,
        {{ last_known('source_company_id', 'so_far') }} as source_company_id,
        {{ last_known('case when source_company_id is not null then source_system end', 'so_far') }} as company_system,
        row_number() over (
            partition by person_id, valid_from order by source_system desc, source_contact_id desc
        ) as place_at_instant
    from contacts
    window so_far as (
        partition by person_id
        order by valid_from, source_system, source_contact_id
        rows between unbounded preceding and current row
    )
),

contact_states as (
    select
        filled.*,
        lead(valid_from, 1, {{ end_of_time() }}) over (partition by person_id order by valid_from) as valid_to
    from filled
    where place_at_instant = 1
),

company_moments as (
    select
        contact_states.person_id,
        companies.valid_from
    from contact_states
    inner join {{ ref('int_companies_versioned') }} as companies
        on
            contact_states.company_system = companies.source_system
            and contact_states.source_company_id = companies.source_company_id
            and contact_states.valid_from <= companies.valid_from
            and contact_states.valid_to > companies.valid_from
),

people as (
    select person_id
    from {{ ref('int_people_known') }}
),

moments as (
    select
        person_id,
        {{ beginning_of_time() }} as valid_from,
        false as is_record_moment
    from people
    union
    select
        person_id,
        valid_from,
        true as is_record_moment
    from contact_states
    union
    select
        person_id,
        valid_from,
        true as is_record_moment
    from company_moments
),

periods as (
    select
        moments.*,
        lead(valid_from, 1, {{ end_of_time() }}) over (partition by person_id order by valid_from) as valid_to
    from moments
),

stated as (
    select
        periods.person_id,
        periods.valid_from,
        periods.valid_to,
        periods.is_record_moment,
        coalesce(contact_states.industry, companies.industry) as industry,
        coalesce(contact_states.employee_count, companies.employee_count) as employee_count,
        case
            when contact_states.employee_count is not null then contact_states.employee_count_max
            else companies.employee_count_max
        end as employee_count_max,
        coalesce(contact_states.company_type, companies.company_type) as company_type,
        coalesce(contact_states.country, companies.country) as country,
        contact_states.seniority
    from periods
    left join contact_states
        on
            periods.person_id = contact_states.person_id
            and periods.valid_from >= contact_states.valid_from
            and periods.valid_from < contact_states.valid_to
    left join {{ ref('int_companies_versioned') }} as companies
        on
            contact_states.company_system = companies.source_system
            and contact_states.source_company_id = companies.source_company_id
            and periods.valid_from >= companies.valid_from
            and periods.valid_from < companies.valid_to
),

final as (
    select
        stated.*,
        concat_ws(
            '|',
            {% for attribute in person_attributes() -%}
                coalesce(cast({{ attribute }}_values.class_number as varchar), '-'){{ ',' if not loop.last }}
            {% endfor %}
        ) as profile_id
    from stated
    {% for attribute in person_attributes() -%}
        left join {{ ref('int_attribute_values_classed') }} as {{ attribute }}_values
            on
                {{ attribute }}_values.attribute_name = '{{ attribute }}'
                and {{ attribute_value(attribute, 'stated') }} = {{ attribute }}_values.attribute_value
    {% endfor %}
)

select * from final
