-- Grain: one build × stage × month of entry × direction × cause: entries that the release before the build had told
-- otherwise, up to that release's as-of. What earlier builds found is carried on from the release published last.
with compared as (
    select
        release_id,
        as_of,
        published_at,
        is_policy_changed,
        is_code_changed,
        case when as_of < {{ as_of() }} then as_of else {{ as_of() }} end as told_until
    from {{ source('ops', 'compared_release') }}
),

aliases as (
    select
        alias_id,
        person_id
    from {{ ref('person_aliases') }}
),

-- Who an id of then is now. Somebody who is still there keeps the own id.
told_before as (
    select
        coalesce(aliases.person_id, told.person_id) as person_id,
        told.person_id <> coalesce(aliases.person_id, told.person_id) as is_merged,
        told.stage,
        told.entered_at,
        coalesce(told.direction, {{ no_value() }}) as direction,
        told.evidence_touch_id,
        row_number() over (
            partition by
                coalesce(aliases.person_id, told.person_id),
                told.stage,
                told.entered_at,
                coalesce(told.direction, {{ no_value() }})
            order by told.person_id, told.cycle_number
        ) as place
    from {{ source('ops', 'released_entries') }} as told
    inner join compared
        on told.entered_at <= compared.told_until
    left join aliases
        on told.person_id = aliases.alias_id
),

told_now as (
    select
        transitions.person_id,
        transitions.to_stage as stage,
        transitions.occurred_at as entered_at,
        coalesce(transitions.direction, {{ no_value() }}) as direction,
        row_number() over (
            partition by
                transitions.person_id,
                transitions.to_stage,
                transitions.occurred_at,
                coalesce(transitions.direction, {{ no_value() }})
            order by transitions.cycle_number
        ) as place
    from {{ ref('stage_transitions') }} as transitions
    inner join compared
        on transitions.occurred_at <= compared.told_until
    where transitions.to_stage in ('suspect', 'prospect', 'mql', 'sql')
),

differing as (
    select
        coalesce(told_now.person_id, told_before.person_id) as person_id,
        coalesce(told_now.stage, told_before.stage) as stage,
        coalesce(told_now.entered_at, told_before.entered_at) as entered_at,
        coalesce(told_now.direction, told_before.direction) as direction,
        told_before.evidence_touch_id,
        case when told_before.person_id is null then 1 else 0 end as is_added,
        case when told_now.person_id is null then 1 else 0 end as is_removed
    from told_before
    full outer join told_now
        on
            told_before.person_id = told_now.person_id
            and told_before.stage = told_now.stage
            and told_before.entered_at = told_now.entered_at
            and told_before.direction = told_now.direction
            and told_before.place = told_now.place
    where
        told_before.person_id is null
        or told_now.person_id is null
),

-- What has come since: rows that landed after that release was published, facts that were found missing, and rows
-- that had landed before and waited for their moment.
landed_touches as (
    select
        staged.touch_id,
        staged.contact_key,
        'email:' || staged.email_normalised as email_key,
        staged.anonymous_key,
        case
            when staged._loaded_at <= compared.published_at and staged._removed_at is null then 'pending_passed'
            when staged.occurred_at <= compared.told_until then 'late_touches'
            else 'newly_identified'
        end as cause
    from {{ ref('int_touches_staged') }} as staged
    inner join compared
        on
            staged._loaded_at > compared.published_at
            or staged._removed_at > compared.as_of
            or (staged.occurred_at > compared.as_of and staged.occurred_at <= {{ as_of() }})
),

landed_contacts as (
    select
        staged.contact_key,
        'email:' || staged.email_normalised as email_key,
        case
            when staged._loaded_at <= compared.published_at and staged._removed_at is null then 'pending_passed'
            when staged.created_at <= compared.told_until or staged.updated_at <= compared.told_until
                then 'late_contacts'
            else 'newly_identified'
        end as cause
    from {{ ref('int_contacts_staged') }} as staged
    inner join compared
        on
            staged._loaded_at > compared.published_at
            or staged._removed_at > compared.as_of
            or (staged.updated_at > compared.as_of and staged.updated_at <= {{ as_of() }})
),

landed_handoffs as (
    select
        'contact:' || handoffs.source_system || ':' || handoffs.source_contact_id as contact_key,
        'email:' || {{ normalised_email('handoffs.email') }} as email_key
    from {{ ref('int_handoffs_judged') }} as handoffs
    inner join compared
        on
            handoffs.occurred_at <= compared.told_until
            and (handoffs._loaded_at > compared.published_at or handoffs._removed_at > compared.as_of)
),

companies as (
    select distinct
        judged.source_system,
        judged.source_company_id
    from {{ ref('int_companies_judged') }} as judged
    inner join compared
        on
            judged.updated_at <= compared.told_until
            and (judged._loaded_at > compared.published_at or judged._removed_at > compared.as_of)
),

campaigns as (
    select distinct
        judged.source_system,
        judged.campaign_id
    from {{ ref('int_campaigns_judged') }} as judged
    inner join compared
        on judged._loaded_at > compared.published_at or judged._removed_at > compared.as_of
),

landed_keys as (
    select
        contact_key as identity_key,
        cause
    from landed_touches
    union
    select
        email_key as identity_key,
        cause
    from landed_touches
    union
    select
        anonymous_key as identity_key,
        cause
    from landed_touches
    union
    select
        contact_key as identity_key,
        cause
    from landed_contacts
    union
    select
        email_key as identity_key,
        cause
    from landed_contacts
    union
    select
        contact_key as identity_key,
        'late_handoffs' as cause
    from landed_handoffs
    union
    select
        email_key as identity_key,
        'late_handoffs' as cause
    from landed_handoffs
    union
    select
        staged.contact_key as identity_key,
        'late_companies' as cause
    from {{ ref('int_contacts_staged') }} as staged
    inner join companies
        on
            staged.source_system = companies.source_system
            and staged.source_company_id = companies.source_company_id
),

differing_people as (
    select distinct person_id from differing
),

-- One row for each person and cause that concerns the person.
concerning as (
    select
        identities.person_id,
        landed_keys.cause
    from landed_keys
    inner join {{ ref('int_identities_resolved') }} as identities
        on landed_keys.identity_key = identities.identity_key
    inner join differing_people
        on identities.person_id = differing_people.person_id
    union
    select
        touches.person_id,
        'late_campaigns' as cause
    from {{ ref('touches') }} as touches
    inner join differing_people
        on touches.person_id = differing_people.person_id
    inner join campaigns
        on
            touches.campaign_source_system = campaigns.source_system
            and touches.campaign_id = campaigns.campaign_id
    union
    -- A touch that a correction gave to somebody else, or that is no more.
    select
        differing.person_id,
        'late_touches' as cause
    from differing
    inner join landed_touches
        on differing.evidence_touch_id = landed_touches.touch_id
    where landed_touches.cause = 'late_touches'
    union
    select
        person_id,
        'merged' as cause
    from told_before
    where is_merged
),

-- Of several, the first in this order. Somebody with entries before cannot have been identified by what came.
ranked as (
    select
        concerning.person_id,
        concerning.cause,
        row_number() over (
            partition by concerning.person_id
            order by
                case concerning.cause
                    when 'merged' then 1
                    when 'late_touches' then 2
                    when 'late_contacts' then 3
                    when 'late_companies' then 4
                    when 'late_handoffs' then 5
                    when 'late_campaigns' then 6
                    when 'pending_passed' then 7
                    else 8
                end
        ) as place
    from concerning
    where
        concerning.cause <> 'newly_identified'
        or concerning.person_id not in (select known.person_id from told_before as known)
),

explained as (
    select
        differing.stage,
        {{ month_of(local_date('differing.entered_at')) }} as entry_month,
        differing.direction,
        differing.is_added,
        differing.is_removed,
        coalesce(
            ranked.cause,
            case
                when compared.is_policy_changed then 'policy'
                when compared.is_code_changed then 'code_or_settings'
                else 'unexplained'
            end
        ) as cause
    from differing
    cross join compared
    left join ranked
        on
            differing.person_id = ranked.person_id
            and ranked.place = 1
),

counted_before as (
    select
        stage,
        {{ month_of(local_date('entered_at')) }} as entry_month,
        direction,
        count(*) as entries
    from told_before
    group by
        stage,
        {{ month_of(local_date('entered_at')) }},
        direction
),

counted as (
    select
        stage,
        entry_month,
        direction,
        cause,
        sum(is_added) as added,
        sum(is_removed) as removed,
        sum(sum(is_added) - sum(is_removed)) over (partition by stage, entry_month, direction) as changed
    from explained
    group by
        stage,
        entry_month,
        direction,
        cause
),

present as (
    select
        current_build.build_id,
        compared.release_id as compared_release_id,
        compared.told_until as compared_as_of,
        counted.stage,
        counted.entry_month,
        counted.direction,
        counted.cause,
        cast(coalesce(counted_before.entries, 0) as bigint) as entries_before,
        cast(coalesce(counted_before.entries, 0) + counted.changed as bigint) as entries_now,
        cast(counted.added as bigint) as added_count,
        cast(counted.removed as bigint) as removed_count,
        cast(counted.added - counted.removed as bigint) as changed_count
    from counted
    cross join compared
    cross join {{ source('ops', 'current_build') }} as current_build
    left join counted_before
        on
            counted.stage = counted_before.stage
            and counted.entry_month = counted_before.entry_month
            and counted.direction = counted_before.direction
),

final as (
    select * from present
    union all
    select
        build_id,
        compared_release_id,
        compared_as_of,
        stage,
        entry_month,
        direction,
        cause,
        entries_before,
        entries_now,
        added_count,
        removed_count,
        changed_count
    from {{ source('ops', 'released_restatements') }}
)

select * from final
