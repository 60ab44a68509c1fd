-- Grain: one company from one recorded moment to the next, each attribute holding its last known value.
with versions as (
    select
        source_system,
        source_company_id,
        updated_at as valid_from,
        industry,
        employee_count,
        employee_count_max,
        company_type,
        country
    from {{ ref('int_companies_judged') }}
    where verdict = 'accepted'
),

counted as (
    select
        {% for attribute in company_attributes() -%}
            count({{ attribute }}) over (
                partition by source_system, source_company_id order by valid_from
                rows between unbounded preceding and current row
            ) as {{ attribute }}_known,
        {% endfor -%}
        versions.*
    from versions
),

filled as (
    select
        source_system,
        source_company_id,
        valid_from,
        {% for attribute in company_attributes() -%}
            max({{ attribute }})
                over (partition by source_system, source_company_id, {{ attribute }}_known)
                as {{ attribute }},
        {% endfor -%}
        max(case when employee_count is not null then employee_count_max end) over (
            partition by source_system, source_company_id, employee_count_known
        ) as employee_count_max
    from counted
),

final as (
    select
        filled.*,
        lead(valid_from, 1, {{ end_of_time() }}) over (
            partition by source_system, source_company_id order by valid_from
        ) as valid_to
    from filled
)

select * from final
