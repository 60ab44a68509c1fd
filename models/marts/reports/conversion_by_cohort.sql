-- Grain: one stage × month of entry (or all of them) × cut. Within a horizon only those count who entered at least that
-- long before as-of, whatever became of them: counting a young entry because it has already converted would look ahead.
-- Suspects who were prospects at once are in no rate.
{%- set horizons = [30, 60, 90] %}
with judged as (
    select
        stage,
        next_stage,
        entry_month,
        {{ (entry_dimensions() + campaign_columns()) | join(', ') }},
        {% for days in horizons -%}
            case
                when {{ days_after('entered_at', days) }} <= {{ as_of() }} and not {{ is_immediate_prospect() }} then 1
                else 0
            end as is_matured_{{ days }},
            case
                when next_stage_at <= {{ days_after('entered_at', days) }} then 1
                else 0
            end as is_reached_{{ days }},
        {% endfor -%}
        case when {{ is_immediate_prospect() }} then 1 else 0 end as is_immediate,
        case when next_stage_at is not null then 1 else 0 end as is_reached,
        case when next_stage_at is null and left_at is null then 1 else 0 end as is_open
    from {{ ref('int_entries_described') }}
    where next_stage is not null
),

counted as (
    select
        stage,
        next_stage,
        entry_month,
        {{ entry_dimensions() | join(', ') }},
        {% for column in campaign_columns() -%}
            max({{ column }}) as {{ column }},
        {% endfor -%}
        count(*) as entries,
        sum(is_immediate) as at_once,
        {% for days in horizons -%}
            sum(is_matured_{{ days }}) as matured_{{ days }},
            sum(is_matured_{{ days }} * is_reached_{{ days }}) as reached_{{ days }},
        {% endfor -%}
        sum(is_matured_{{ horizons | last }} * is_reached) as reached_ever,
        sum(is_matured_{{ horizons | last }} * is_open) as open_ever
    from judged
    group by
        stage,
        next_stage,
        entry_month,
        {{ entry_dimensions() | join(', ') }}
),

cut as (
    select
        stage,
        next_stage,
        entry_month,
        {{ cut_columns() }},
        sum(entries) as entries,
        sum(at_once) as at_once,
        {% for days in horizons -%}
            sum(matured_{{ days }}) as matured_{{ days }},
            sum(reached_{{ days }}) as reached_{{ days }},
        {% endfor -%}
        sum(reached_ever) as reached_ever,
        sum(open_ever) as open_ever
    from counted
    group by {{ cut_grouping_sets(['stage', 'next_stage'], also=['entry_month']) }} -- noqa: PRS
),

final as (
    select
        -- grain
        stage,
        next_stage,
        coalesce(substr(cast(entry_month as {{ dbt.type_string() }}), 1, 7), {{ all_values() }}) as cohort,
        entry_month,
        cut,
        direction,
        segment,
        scoped_campaign_id,
        campaign_source_system,
        campaign_id,
        campaign_name,
        channel,
        acquisition_source,

        -- conversion
        cast(entries as bigint) as entries,
        cast(case when stage = 'suspect' then at_once end as bigint) as immediate_prospects,
        {% for days in horizons -%}
            {{ rate_columns('within_' ~ days ~ '_days', as_bigint('reached_' ~ days), as_bigint('matured_' ~ days)) }},
            cast(entries - at_once - matured_{{ days }} as bigint) as within_{{ days }}_days_maturing_count,
        {% endfor -%}
        {{ rate_columns('ever', as_bigint('reached_ever'), as_bigint('matured_' ~ horizons | last)) }},
        cast(entries - at_once - matured_{{ horizons | last }} as bigint) as ever_maturing_count,
        cast(open_ever as bigint) as ever_open_count
    from cut
)

select * from final
