-- Grain: one build × stage × month of entry × what entries are cut by × cause: entries that the release before the
-- build had told otherwise, up to that release's as-of. What earlier builds found is carried on from the release
-- published last.
{% set dimensions = entry_dimensions() %}
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

-- A first touch that came later describes a suspect otherwise without having changed anything of then.
entries_now as (
    select
        entries.person_id,
        entries.cycle_number,
        entries.stage,
        entries.entered_at,
        entries.segment,
        entries.acquisition_source,
        {% for dimension in ['direction', 'scoped_campaign_id', 'channel'] -%}
            case
                when entries.described_at > compared.told_until then {{ no_value() }} else entries.{{ dimension }}
            end as {{ dimension }},
        {% endfor -%}
        row_number() over (
            partition by entries.person_id, entries.stage, entries.entered_at order by entries.cycle_number
        ) as place_at_instant
    from {{ ref('int_entries_described') }} as entries
    inner join compared
        on entries.entered_at <= compared.told_until
),

-- Who an id of then is now. Somebody who is still there keeps the own id.
entries_before as (
    select
        coalesce(aliases.person_id, told.person_id) as person_id,
        told.person_id <> coalesce(aliases.person_id, told.person_id) as is_merged,
        told.person_id as told_person_id,
        told.cycle_number,
        told.stage,
        told.entered_at,
        told.evidence_touch_id,
        told.segment,
        told.acquisition_source,
        {% for dimension in ['direction', 'scoped_campaign_id', 'channel'] -%}
            case
                when told.described_at > compared.told_until then {{ no_value() }} else told.{{ dimension }}
            end as {{ dimension }},
        {% endfor -%}
        row_number() over (
            partition by coalesce(aliases.person_id, told.person_id), told.stage, told.entered_at
            order by told.person_id, told.cycle_number
        ) as place_at_instant
    from {{ source('ops', 'released_entries') }} as told
    inner join compared
        on told.entered_at <= compared.told_until
    left join aliases
        on told.person_id = aliases.alias_id
),

-- What a release of an earlier version did not say cannot be told otherwise: it is taken as it is told now.
entries_before_completed as (
    select
        entries_before.person_id,
        entries_before.is_merged,
        entries_before.told_person_id,
        entries_before.cycle_number,
        entries_before.stage,
        entries_before.entered_at,
        {% for dimension in dimensions -%}
            {% set unsaid = "'unknown'" if dimension == 'acquisition_source' else no_value() -%}
            coalesce(entries_before.{{ dimension }}, entries_now.{{ dimension }}, {{ unsaid }}) as {{ dimension }},
        {% endfor -%}
        entries_before.evidence_touch_id
    from entries_before
    left join entries_now
        on
            entries_before.person_id = entries_now.person_id
            and entries_before.stage = entries_now.stage
            and entries_before.entered_at = entries_now.entered_at
            and entries_before.place_at_instant = entries_now.place_at_instant
),

told_before as (
    select
        entries_before_completed.*,
        row_number() over (
            partition by person_id, stage, entered_at, {{ dimensions | join(', ') }}
            order by told_person_id, cycle_number
        ) as place
    from entries_before_completed
),

told_now as (
    select
        entries_now.*,
        row_number() over (
            partition by person_id, stage, entered_at, {{ dimensions | join(', ') }}
            order by cycle_number
        ) as place
    from entries_now
),

differing as (
    select
        coalesce(told_now.person_id, told_before.person_id) as person_id,
        coalesce(told_now.stage, told_before.stage) as stage,
        coalesce(told_now.entered_at, told_before.entered_at) as entered_at,
        {% for dimension in dimensions -%}
            coalesce(told_now.{{ dimension }}, told_before.{{ dimension }}) as {{ dimension }},
        {% endfor -%}
        told_before.evidence_touch_id,
        case when told_before.person_id is null then 1 else 0 end as is_added,
        case when told_now.person_id is null then 1 else 0 end as is_removed
    from told_before
    full outer join told_now
        on
            told_before.person_id = told_now.person_id
            and told_before.stage = told_now.stage
            and told_before.entered_at = told_now.entered_at
            {% for dimension in dimensions -%}
                and told_before.{{ dimension }} = told_now.{{ dimension }}
            {% endfor -%}
            and told_before.place = told_now.place
    where
        told_before.person_id is null
        or told_now.person_id is null
),

-- What has come since: rows that landed after that release was published and say something new, facts that were found
-- missing, and rows that had landed before and waited for their moment.
{{ rows_changed_since(
    'touches',
    rows=ref('int_touches_staged'),
    key=['touch_id'],
    row_time='occurred_at',
    contents=telling_columns('touches', ['source_touch_id'])
) }},

{{ rows_changed_since(
    'contacts',
    rows=ref('int_contacts_staged'),
    key=['contact_key', 'updated_at'],
    family=['contact_key'],
    row_time='updated_at',
    contents=telling_columns('contacts', ['source_contact_id', 'updated_at']),
    is_version=true
) }},

{{ rows_changed_since(
    'handoffs',
    rows=ref('int_handoffs_judged'),
    key=['source_system', 'source_handoff_id'],
    row_time='occurred_at',
    contents=telling_columns('handoffs', ['source_handoff_id', 'reason'])
) }},

{{ rows_changed_since(
    'companies',
    rows=ref('int_companies_judged'),
    key=['source_system', 'source_company_id', 'updated_at'],
    family=['source_system', 'source_company_id'],
    row_time='updated_at',
    contents=telling_columns('companies', ['source_company_id', 'updated_at']),
    is_version=true
) }},

{{ rows_changed_since(
    'campaigns',
    rows=ref('int_campaigns_judged'),
    key=['source_system', 'campaign_id', 'updated_at'],
    family=['source_system', 'campaign_id'],
    row_time='updated_at',
    contents=telling_columns('campaigns', ['campaign_id', 'updated_at']),
    is_version=true
) }},

-- A row of then moves the past. A later one does so only by what it links: it may give a name to visits of then.
landed_touches as (
    select
        touches_changed.touch_id,
        touches_changed.contact_key,
        'email:' || touches_changed.email_normalised as email_key,
        touches_changed.anonymous_key,
        touches_changed.changed_from <= compared.told_until as is_of_then,
        case
            when touches_changed.is_waiting then 'pending_passed'
            when touches_changed.changed_from <= compared.told_until then 'late_touches'
            else 'newly_identified'
        end as cause
    from touches_changed
    cross join compared
),

named_visitors as (
    select distinct anonymous_key
    from landed_touches
    where
        not is_of_then
        and coalesce(contact_key, email_key) is not null
),

-- Visits of then are told apart only once they are found: asked first, DuckDB takes them for few and puts nearly all
-- touches into a hash table. (Of a hundred million, that took a quarter of all the time of an increment's models.)
visits_of_named as (
    select
        staged.anonymous_key,
        case
            when staged._loaded_at <= compared.published_at and staged.occurred_at <= compared.told_until
                then case when coalesce(staged.contact_key, staged.email_normalised) is not null then 1 else 0 end
        end as is_named_then
    from {{ ref('int_touches_staged') }} as staged
    inner join named_visitors
        on staged.anonymous_key = named_visitors.anonymous_key
    cross join compared
    where staged.reject_reason is null
),

newly_named_visitors as (
    select anonymous_key
    from visits_of_named
    group by anonymous_key
    having max(is_named_then) = 0
),

contacts_then as (
    select
        contact_key,
        min(created_at) as created_at
    from contacts_stood
    where is_then
    group by contact_key
),

contact_facts_then as (
    select distinct
        contact_key,
        email_normalised as fact
    from contacts_stood
    where is_then
    union
    select distinct
        contact_key,
        acquisition_source as fact
    from contacts_stood
    where is_then
),

-- What a version of after that moment says of the time before: since when the record exists, and where it came from.
-- What else it says holds from its own time on; a new address links.
contacts_reaching as (
    select
        contacts_changed.contact_key,
        contacts_changed.email_normalised,
        contacts_changed.is_waiting,
        contacts_changed.changed_from <= compared.told_until
        or (
            contacts_changed.created_at <= compared.told_until
            and (
                contacts_then.contact_key is null
                or contacts_changed.created_at < contacts_then.created_at
            )
        )
        or (contacts_changed.acquisition_source is not null and sources.contact_key is null) as is_of_then,
        contacts_changed.email_normalised is not null and addresses.contact_key is null as is_linking
    from contacts_changed
    cross join compared
    left join contacts_then
        on contacts_changed.contact_key = contacts_then.contact_key
    left join contact_facts_then as addresses
        on
            contacts_changed.contact_key = addresses.contact_key
            and contacts_changed.email_normalised = addresses.fact
    left join contact_facts_then as sources
        on
            contacts_changed.contact_key = sources.contact_key
            and contacts_changed.acquisition_source = sources.fact
),

landed_contacts as (
    select
        contact_key,
        'email:' || email_normalised as email_key,
        is_of_then,
        case
            when is_waiting then 'pending_passed'
            when is_of_then then 'late_contacts'
            else 'newly_identified'
        end as cause
    from contacts_reaching
    where
        is_of_then
        or is_linking
),

landed_handoffs as (
    select
        'contact:' || handoffs_changed.source_system || ':' || handoffs_changed.source_contact_id as contact_key,
        'email:' || {{ normalised_email('handoffs_changed.email') }} as email_key
    from handoffs_changed
    inner join compared
        on handoffs_changed.changed_from <= compared.told_until
),

companies as (
    select distinct
        companies_changed.source_system,
        companies_changed.source_company_id
    from companies_changed
    inner join compared
        on companies_changed.changed_from <= compared.told_until
),

campaigns_then as (
    select distinct
        source_system,
        campaign_id
    from campaigns_stood
    where is_then
),

-- A later version changes nothing before it; only the first one is in force from the campaign's beginning.
campaigns as (
    select distinct
        campaigns_changed.source_system,
        campaigns_changed.campaign_id
    from campaigns_changed
    cross join compared
    left join campaigns_then
        on
            campaigns_changed.source_system = campaigns_then.source_system
            and campaigns_changed.campaign_id = campaigns_then.campaign_id
    where
        campaigns_changed.changed_from <= compared.told_until
        or (
            campaigns_then.campaign_id is null
            and (
                campaigns_changed.starts_at <= compared.told_until
                or campaigns_changed.created_at <= compared.told_until
            )
        )
),

landed_keys as (
    select
        contact_key as identity_key,
        cause,
        is_of_then
    from landed_touches
    union
    select
        email_key as identity_key,
        cause,
        is_of_then
    from landed_touches
    union
    select
        landed_touches.anonymous_key as identity_key,
        landed_touches.cause,
        landed_touches.is_of_then or newly_named_visitors.anonymous_key is not null as is_of_then
    from landed_touches
    left join newly_named_visitors
        on landed_touches.anonymous_key = newly_named_visitors.anonymous_key
    union
    select
        contact_key as identity_key,
        cause,
        is_of_then
    from landed_contacts
    union
    select
        email_key as identity_key,
        cause,
        is_of_then
    from landed_contacts
    union
    select
        contact_key as identity_key,
        'late_handoffs' as cause,
        true as is_of_then
    from landed_handoffs
    union
    select
        email_key as identity_key,
        'late_handoffs' as cause,
        true as is_of_then
    from landed_handoffs
    union
    select
        staged.contact_key as identity_key,
        'late_companies' as cause,
        true as is_of_then
    from {{ ref('int_contacts_staged') }} as staged
    inner join companies
        on
            staged.source_system = companies.source_system
            and staged.source_company_id = companies.source_company_id
),

differing_people as (
    select distinct person_id from differing
),

known_before as (
    select distinct person_id from told_before
),

-- One row for each person and cause that concerns the person. What links moves nobody who had entries before, unless it
-- names visits of then: the two would have been merged.
concerning as (
    select
        identities.person_id,
        landed_keys.cause
    from landed_keys
    inner join {{ ref('int_identities_resolved') }} as identities
        on landed_keys.identity_key = identities.identity_key
    inner join differing_people
        on identities.person_id = differing_people.person_id
    left join known_before
        on identities.person_id = known_before.person_id
    where
        landed_keys.is_of_then
        or known_before.person_id is null
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
    inner join compared
        on touches.occurred_at <= compared.told_until
    union
    -- A touch that a correction gave to somebody else, or that is no more.
    select
        differing.person_id,
        landed_touches.cause
    from differing
    inner join landed_touches
        on differing.evidence_touch_id = landed_touches.touch_id
    where landed_touches.is_of_then
    union
    select
        person_id,
        'merged' as cause
    from told_before
    where is_merged
),

-- Of several, the first in this order.
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
),

explained as (
    select
        differing.stage,
        {{ month_of(local_date('differing.entered_at')) }} as entry_month,
        {% for dimension in dimensions -%}
            differing.{{ dimension }},
        {% endfor -%}
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
        {{ dimensions | join(', ') }},
        count(*) as entries
    from told_before
    group by
        stage,
        {{ month_of(local_date('entered_at')) }},
        {{ dimensions | join(', ') }}
),

counted as (
    select
        stage,
        entry_month,
        {{ dimensions | join(', ') }},
        cause,
        sum(is_added) as added,
        sum(is_removed) as removed,
        sum(sum(is_added) - sum(is_removed)) over (
            partition by stage, entry_month, {{ dimensions | join(', ') }}
        ) as changed
    from explained
    group by
        stage,
        entry_month,
        {{ dimensions | join(', ') }},
        cause
),

united as (
    select
        current_build.build_id,
        compared.release_id as compared_release_id,
        compared.told_until as compared_as_of,
        counted.stage,
        counted.entry_month,
        {% for dimension in dimensions -%}
            counted.{{ dimension }},
        {% endfor -%}
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
            {% for dimension in dimensions -%}
                and counted.{{ dimension }} = counted_before.{{ dimension }}
            {% endfor %}
    union all
    select
        build_id,
        compared_release_id,
        compared_as_of,
        stage,
        entry_month,
        {{ dimensions | join(', ') }},
        cause,
        entries_before,
        entries_now,
        added_count,
        removed_count,
        changed_count
    from {{ source('ops', 'released_restatements') }}
),

named as (
    {{ campaigns_named() }}
),

final as (
    select
        -- grain
        united.build_id,
        united.compared_release_id,
        united.compared_as_of,
        united.stage,
        united.entry_month,
        united.direction,
        united.segment,
        {{ named_campaign_columns('united.scoped_campaign_id', 'named') }},
        united.channel,
        united.acquisition_source,
        united.cause,

        -- facts
        united.entries_before,
        united.entries_now,
        united.added_count,
        united.removed_count,
        united.changed_count
    from united
    left join named
        on united.scoped_campaign_id = named.scoped_campaign_id
)

select * from final
