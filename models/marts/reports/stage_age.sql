-- Grain: one stage × cut: how long those who stand in it now have stood there.
{%- set bounds = [7, 30, 90, 180] %}
with aged as (
    select
        stage,
        {{ (entry_dimensions() + campaign_columns()) | join(', ') }},
        {{ seconds_between('entered_at', as_of()) }} / 86400 as age_days
    from {{ ref('int_entries_described') }}
    where
        next_stage_at is null
        and left_at is null
),

final as (
    select
        -- grain
        stage,
        {{ cut_columns() }},

        -- ages
        count(*) as open_count,
        {% set ns = namespace(lower=none) -%}
        {% for bound in bounds -%}
            cast(sum(
                case
                    when age_days < {{ bound }}{% if ns.lower %} and age_days >= {{ ns.lower }}{% endif %} then 1
                    else 0
                end
            ) as bigint) as open_{{ ns.lower or 0 }}_to_{{ bound }}_days_count,
            {% set ns.lower = bound -%}
        {% endfor -%}
        cast(sum(case when age_days >= {{ bounds | last }} then 1 else 0 end) as bigint)
            as open_from_{{ bounds | last }}_days_count,
        {{ rounded('percentile_cont(0.5) within group (order by age_days)') }} as median_age_days,
        {{ rounded('percentile_cont(0.9) within group (order by age_days)') }} as p90_age_days,
        {{ rounded('max(age_days)') }} as max_age_days
    from aged
    group by {{ cut_grouping_sets(['stage']) }} -- noqa: PRS
)

select * from final
