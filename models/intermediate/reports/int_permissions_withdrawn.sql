-- Grain: one touch of a person who has opted out, from the first opt-out on, that opts out, grants permission or is a
-- contact by the company; with the opt-out that stood when it occurred. An opt-out stands until a later touch grants
-- permission; what shares its instant with a grant is given the benefit of the doubt. Contacts are outbound ones, those
-- that may be (unclassified), and those that a list's claim of consent makes inbound: the person has withdrawn it.
with opt_outs as (
    select
        person_id,
        min(occurred_at) as first_opt_out_at
    from {{ ref('touches') }}
    where is_opt_out
    group by person_id
),

granting_types as (
    select
        touch_type,
        coalesce(effective_from, {{ beginning_of_time() }}) as effective_from,
        coalesce(effective_to, {{ end_of_time() }}) as effective_to
    from {{ ref('touch_types') }}
    where grants_permission
),

later_touches as (
    select
        touches.touch_id,
        touches.person_id,
        touches.source_system,
        touches.occurred_at,
        touches.channel,
        touches.touch_type,
        touches.direction,
        touches.campaign_source_system,
        touches.campaign_id,
        touches.is_opt_out,
        granting_types.touch_type is not null and not touches.is_opt_out as is_grant,
        touches.actor = 'company'
        and (
            touches.direction in ('outbound', 'unclassified')
            or coalesce(touches.audience_consent = 'opt_in', false)
        ) as is_contact
    from {{ ref('touches') }} as touches
    inner join opt_outs
        on
            touches.person_id = opt_outs.person_id
            and touches.occurred_at >= opt_outs.first_opt_out_at
    left join granting_types
        on
            touches.touch_type = granting_types.touch_type
            and touches.occurred_at >= granting_types.effective_from
            and touches.occurred_at < granting_types.effective_to
),

stood as (
    select
        later_touches.*,
        max(case when is_opt_out then occurred_at end) over (
            partition by person_id
            order by occurred_at
            range between unbounded preceding and interval '1' microsecond preceding
        ) as opted_out_at,
        max(case when is_grant then occurred_at end) over (
            partition by person_id
            order by occurred_at
            range between unbounded preceding and current row
        ) as granted_at
    from later_touches
    where
        is_opt_out
        or is_grant
        or is_contact
),

final as (
    select
        touch_id,
        person_id,
        source_system,
        occurred_at,
        channel,
        touch_type,
        direction,
        campaign_source_system,
        campaign_id,
        is_opt_out,
        is_grant,
        opted_out_at,
        coalesce(is_contact and opted_out_at >= coalesce(granted_at, opted_out_at), false) as is_breach
    from stood
)

select * from final
