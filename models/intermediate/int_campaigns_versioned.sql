-- Grain: one campaign from one change of its context to the next, with what the registry fills in. The first version is
-- in force from the earliest of its own dates, each later one from its modification; a registry row from its
-- registration on, and never before the campaign itself.
with versions as (
    select
        source_system,
        campaign_id,
        campaign_name,
        channel,
        segment_name,
        segment_definition,
        message_name,
        message_hypothesis,
        expected_response,
        success_metric,
        success_threshold,
        icp_version,
        starts_at,
        ends_at,
        created_at,
        updated_at,
        row_number() over (partition by source_system, campaign_id order by updated_at) as version_number
    from {{ ref('int_campaigns_judged') }}
    where verdict = 'accepted'
),

dated as (
    select
        versions.*,
        case
            when version_number = 1
                then least(coalesce(starts_at, updated_at), coalesce(created_at, updated_at), updated_at)
            else updated_at
        end as version_from
    from versions
),

bounded as (
    select
        dated.*,
        lead(version_from, 1, {{ end_of_time() }}) over (
            partition by source_system, campaign_id order by version_number
        ) as version_to,
        min(version_from) over (partition by source_system, campaign_id) as campaign_from
    from dated
),

registrations as (
    select
        source_system,
        campaign_id,
        {{ registry_columns() | join(', ') }},
        coalesce(registered_at, {{ beginning_of_time() }}) as registered_at
    from {{ ref('campaign_registry') }}
),

registrations_counted as (
    select
        source_system,
        campaign_id,
        {% for column in registry_columns() -%}
            {{ column }},
            count({{ column }}) over (
                partition by source_system, campaign_id order by registered_at
                rows between unbounded preceding and current row
            ) as {{ column }}_known,
        {% endfor -%}
        registered_at
    from registrations
),

registered as (
    select
        source_system,
        campaign_id,
        registered_at,
        {% for column in registry_columns() -%}
            max({{ column }}) over (
                partition by source_system, campaign_id, {{ column }}_known
            ) as {{ column }},
        {% endfor -%}
        lead(registered_at, 1, {{ end_of_time() }}) over (
            partition by source_system, campaign_id order by registered_at
        ) as registered_to
    from registrations_counted
),

moments as (
    select
        source_system,
        campaign_id,
        version_from as valid_from
    from bounded
    union
    select
        registered.source_system,
        registered.campaign_id,
        registered.registered_at as valid_from
    from registered
    inner join bounded
        on
            registered.source_system = bounded.source_system
            and registered.campaign_id = bounded.campaign_id
            and registered.registered_at > bounded.campaign_from
),

periods as (
    select
        source_system,
        campaign_id,
        valid_from,
        lead(valid_from, 1, {{ end_of_time() }}) over (
            partition by source_system, campaign_id order by valid_from
        ) as valid_to
    from moments
),

final as (
    select
        -- ids
        periods.source_system
        || ':'
        || periods.campaign_id
        || ':'
        || cast(periods.valid_from as varchar) as campaign_key,
        periods.source_system,
        periods.campaign_id,

        -- facts
        {% for column, name in stamped_campaign_columns().items() -%}
            {% if column in registry_columns() -%}
                coalesce(bounded.{{ column }}, registered.{{ column }}) as {{ name }},
            {% else -%}
                bounded.{{ column }} as {{ name }},
            {% endif -%}
        {% endfor %}

        -- times
        periods.valid_from,
        periods.valid_to
    from periods
    inner join bounded
        on
            periods.source_system = bounded.source_system
            and periods.campaign_id = bounded.campaign_id
            and periods.valid_from >= bounded.version_from
            and periods.valid_from < bounded.version_to
    left join registered
        on
            periods.source_system = registered.source_system
            and periods.campaign_id = registered.campaign_id
            and periods.valid_from >= registered.registered_at
            and periods.valid_from < registered.registered_to
)

select * from final
