-- Grain: one period in which every dated policy that is applied to touches and people stays the same: direction rules,
-- context requirements, ICP versions, segment rules. So a policy row in force at the start of a period is in force in
-- all of it, and rules can be matched once per period instead of once per touch.
with instants as (
    select {{ beginning_of_time() }} as period_from
    union
    select effective_from as period_from from {{ ref('icp_profiles') }}
    {% for policy in ['segment_rules', 'touch_direction_rules', 'context_requirements'] -%}
        union
        select effective_from as period_from from {{ ref(policy) }}
        where effective_from is not null
        union
        select effective_to as period_from from {{ ref(policy) }}
        where effective_to is not null
    {% endfor %}
),

icp_versions as (
    select
        icp_version,
        min(effective_from) as effective_from
    from {{ ref('icp_profiles') }}
    group by icp_version
),

periods as (
    select
        period_from,
        lead(period_from, 1, {{ end_of_time() }}) over (order by period_from) as period_to
    from instants
),

versions_so_far as (
    select
        periods.period_from,
        icp_versions.icp_version,
        row_number() over (
            partition by periods.period_from order by icp_versions.effective_from desc, icp_versions.icp_version desc
        ) as place
    from periods
    inner join icp_versions
        on periods.period_from >= icp_versions.effective_from
),

final as (
    select
        periods.period_from,
        periods.period_to,
        versions_so_far.icp_version
    from periods
    left join versions_so_far
        on
            periods.period_from = versions_so_far.period_from
            and versions_so_far.place = 1
)

select * from final
