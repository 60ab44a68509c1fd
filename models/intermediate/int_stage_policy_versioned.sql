-- Grain: one period in which the same stage_policy rows are in force, with their values side by side and their digest.
-- The first period is open to the past, so that a record older than the policy still has one.
with policy as (
    select
        key,
        value,
        coalesce(effective_from, {{ beginning_of_time() }}) as effective_from,
        coalesce(effective_to, {{ end_of_time() }}) as effective_to
    from {{ ref('stage_policy') }}
),

instants as (
    select effective_from as valid_from from policy
    union
    select effective_to from policy
    where effective_to < {{ end_of_time() }}
),

periods as (
    select
        case
            when row_number() over (order by valid_from) = 1 then {{ beginning_of_time() }}
            else valid_from
        end as valid_from,
        valid_from as policy_from,
        lead(valid_from, 1, {{ end_of_time() }}) over (order by valid_from) as valid_to
    from instants
),

final as (
    select
        periods.valid_from,
        periods.valid_to,
        max(case when policy.key = 'mql_min_score' then cast(policy.value as {{ type_double() }}) end) as mql_min_score,
        max(case when policy.key = 'score_half_life_days' then cast(policy.value as {{ type_double() }}) end)
            as score_half_life_days,
        max(case when policy.key = 'dormancy_days' then cast(policy.value as {{ type_double() }}) end) as dormancy_days,
        max(case when policy.key = 'response_window_days' then cast(policy.value as {{ type_double() }}) end)
            as response_window_days,
        max(case when policy.key = 'hand_raise_qualifies' then lower(policy.value) end)
        = 'true' as hand_raise_qualifies,
        max(case when policy.key = 'max_contacts_per_address' then cast(policy.value as {{ type_double() }}) end)
            as max_contacts_per_address,
        md5({{ string_agg("policy.key || '=' || policy.value", "policy.key") }}) as policy
    from periods
    inner join policy
        on
            periods.policy_from >= policy.effective_from
            and periods.policy_from < policy.effective_to
    group by
        periods.valid_from,
        periods.valid_to
)

select * from final
