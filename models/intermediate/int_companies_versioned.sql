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

filled as (
    select
        source_system,
        source_company_id,
        valid_from,
        {% for attribute in company_attributes() -%}
            {{ last_known(attribute, 'so_far') }} as {{ attribute }},
        {% endfor -%}
        {{ last_band_end('so_far') }} as employee_count_max
    from versions
    window so_far as (
        partition by source_system, source_company_id
        order by valid_from
        rows between unbounded preceding and current row
    )
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
