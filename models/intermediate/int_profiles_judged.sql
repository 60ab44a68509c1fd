-- Grain: one profile in one policy period: complete and fit by the ICP in force, and the first segment all of whose
-- rules hold. People share few profiles, so the rules are matched per profile.
with profiles as (
    select * from {{ ref('int_profiles_found') }}
),

profile_periods as (
    select
        profiles.*,
        periods.period_from,
        periods.icp_version
    from profiles
    cross join {{ ref('int_policy_periods') }} as periods
),

icp_rules_matched as (
    select
        profile_periods.profile_id,
        profile_periods.period_from,
        icp_profiles.attribute,
        icp_profiles.is_required,
        {{ rule_holds('profile_periods', 'icp_profiles') }} as is_met
    from profile_periods
    inner join {{ ref('icp_profiles') }} as icp_profiles
        on profile_periods.icp_version = icp_profiles.icp_version
),

icp_verdicts as (
    select
        profile_id,
        period_from,
        not bool_or(is_required and is_met is null) as is_icp_complete,
        not bool_or(coalesce(not is_met, false)) and not bool_or(is_required and is_met is null) as is_icp_fit,
        {{ string_agg("case when is_required and is_met is null then attribute end", "attribute") }}
            as missing_attributes,
        {{ string_agg("case when not is_met then attribute end", "attribute") }} as mismatched_attributes
    from icp_rules_matched
    group by
        profile_id,
        period_from
),

segments as (
    select
        profile_id,
        period_from,
        segment_name,
        row_number() over (partition by profile_id, period_from order by priority, segment_name) as place
    from {{ ref('int_profile_segments_judged') }}
    where is_in_segment
),

final as (
    select
        profile_periods.profile_id,
        profile_periods.period_from,
        profile_periods.icp_version,
        coalesce(icp_verdicts.is_icp_complete, false) as is_icp_complete,
        coalesce(icp_verdicts.is_icp_fit, false) as is_icp_fit,
        icp_verdicts.missing_attributes,
        icp_verdicts.mismatched_attributes,
        segments.segment_name
    from profile_periods
    left join icp_verdicts
        on
            profile_periods.profile_id = icp_verdicts.profile_id
            and profile_periods.period_from = icp_verdicts.period_from
    left join segments
        on
            profile_periods.profile_id = segments.profile_id
            and profile_periods.period_from = segments.period_from
            and segments.place = 1
)

select * from final
