-- Grain: one kind of moment after as-of at which the result changes although no file brings anything new; the earliest
-- of each kind. Until the earliest of all, a build of the same files and policy comes to the same stages.
-- Deals decide no stage, so one that waits does so until the next day's build.
{% set pending = {
    'contacts_judged': 'updated_at',
    'companies_judged': 'updated_at',
    'touches_judged': 'occurred_at',
    'campaigns_judged': 'updated_at',
    'campaign_spend_judged': 'spend_date',
    'handoffs_judged': 'occurred_at',
} -%}
with waiting as (
    {% for rows, row_at in pending.items() -%}
        select min({{ row_at }}) as row_at
        from {{ ref('int_' ~ rows) }}
        where
            verdict = 'pending'
            -- Said again, because by this the rows of the past are passed over unread.
            and {{ row_at }} > {{ as_of() }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

pending_rows as (
    select
        'pending_row' as kind,
        min(row_at) as due_at
    from waiting
),

-- A fact that a snapshot no longer holds stands until the moment at which it was found missing.
missing as (
    {% for facts in ['touches_staged', 'campaign_spend_judged', 'handoffs_judged'] -%}
        select min(_removed_at) as removed_at
        from {{ ref('int_' ~ facts) }}
        where _removed_at > {{ as_of() }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

removals as (
    select
        'removal' as kind,
        min(removed_at) as due_at
    from missing
),

dormancies as (
    select
        'dormancy' as kind,
        min(dormant_at) as due_at
    from {{ ref('int_people_progressed') }}
),

-- People are assessed, and their addresses judged, by the policy in force at as-of.
policy_changes as (
    select period_from as policy_from from {{ ref('int_policy_periods') }}
    union all
    select valid_from as policy_from from {{ ref('int_stage_policy_versioned') }}
),

policies as (
    select
        'policy' as kind,
        min(policy_from) as due_at
    from policy_changes
    where policy_from > {{ as_of() }}
),

final as (
    select * from pending_rows
    union all
    select * from removals
    union all
    select * from dormancies
    union all
    select * from policies
)

select * from final
