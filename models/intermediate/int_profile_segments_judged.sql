-- Grain: one profile, one policy period, one segment: whether all the segment's rules hold; null where a rule needs an
-- attribute that is unknown and no rule is broken.
with profiles as (
    select * from {{ ref('int_profiles_found') }}
),

rules as (
    select
        segment_rules.*,
        coalesce(segment_rules.effective_from, {{ beginning_of_time() }}) as rule_from,
        coalesce(segment_rules.effective_to, {{ end_of_time() }}) as rule_to
    from {{ ref('segment_rules') }} as segment_rules
),

matched as (
    select
        profiles.profile_id,
        periods.period_from,
        rules.segment_name,
        rules.priority,
        {{ rule_holds('profiles', 'rules') }} as is_met
    from profiles
    cross join {{ ref('int_policy_periods') }} as periods
    inner join rules
        on
            periods.period_from >= rules.rule_from
            and periods.period_from < rules.rule_to
),

final as (
    select
        profile_id,
        period_from,
        segment_name,
        min(priority) as priority,
        case
            when bool_or(coalesce(not is_met, false)) then false
            when bool_or(is_met is null) then null
            else true
        end as is_in_segment
    from matched
    group by
        profile_id,
        period_from,
        segment_name
)

select * from final
