-- Grain: one cut, the values of the dimensions that it cuts by, and one step of the funnel.
{% set dimensions = ['segment', 'channel', 'acquisition_source'] %}
{% set directions = ['inbound', 'outbound'] %}
{% set begins_with_response = "from_stage in ('prospect', 'mql')" %}
with entries as (
    select
        person_id,
        cycle_number,
        stage,
        entered_at,
        {{ days_after('entered_at', report_policy_value('stage_maturity_days')) }} as matured_at,
        next_stage_at,
        {{ is_immediate_prospect() }} as is_immediate,
        direction,
        {{ dimensions | join(', ') }},
        case
            when is_icp_fit then 'fit'
            when is_icp_complete then 'unfit'
            else 'unknown'
        end as icp_fit
    from {{ ref('int_entries_described') }}
    where direction in ('inbound', 'outbound')
),

steps as (
    select
        {{ no_value() }} as from_stage,
        'suspect' as to_stage
    union all
    select
        'suspect' as from_stage,
        'prospect' as to_stage
    union all
    select
        'prospect' as from_stage,
        'mql' as to_stage
    union all
    select
        'mql' as from_stage,
        'sql' as to_stage
    union all
    select
        'prospect' as from_stage,
        'sql' as to_stage
),

-- A cohort is described by the entry that begins it, whatever touched its people later.
reached as (
    select
        steps.from_stage,
        steps.to_stage,
        entries.*,
        case when steps.from_stage = 'prospect' and steps.to_stage = 'sql' then mqls.next_stage_at
            else entries.next_stage_at
        end as reached_at
    from entries
    inner join steps
        on entries.stage = steps.from_stage
    left join {{ ref('int_entries_described') }} as mqls
        on
            entries.person_id = mqls.person_id
            and entries.cycle_number = mqls.cycle_number
            and mqls.stage = 'mql'
),

-- Only those who have had the whole window, and only what they reached within it: everybody is given the same time.
-- Whoever was a prospect at the instant of becoming a suspect stands apart: nobody had yet to be won.
matured as (
    select
        from_stage,
        to_stage,
        direction,
        {{ dimensions | join(', ') }},
        icp_fit,
        count(*) filter (where not is_immediate) as cohort,
        count(*) filter (where not is_immediate and reached_at <= matured_at) as arrived,
        count(*) filter (where is_immediate) as immediates
    from reached
    where matured_at <= {{ as_of() }}
    group by
        from_stage,
        to_stage,
        direction,
        {{ dimensions | join(', ') }},
        icp_fit
),

counted as (
    select
        stage,
        direction,
        {{ dimensions | join(', ') }},
        count(*) as entries
    from entries
    group by
        stage,
        direction,
        {{ dimensions | join(', ') }}
),

spend as (
    select
        direction,
        {{ dimensions | join(', ') }},
        sum(spend_amount) as spend_amount,
        count(*) as spend_cells,
        sum(case when is_partly_unconverted then 1 else 0 end) as unconverted_cells,
        sum(case when is_wholly_unconverted then 0 else 1 end) as converted_cells
    from {{ ref('int_spend_allocated') }}
    where direction in ('inbound', 'outbound')
    group by
        direction,
        {{ dimensions | join(', ') }}
),

united as (
    select
        from_stage,
        to_stage,
        direction,
        {{ dimensions | join(', ') }},
        segment as stratum_segment,
        icp_fit,
        cohort,
        arrived,
        immediates,
        0 as entries,
        0 as spend_amount,
        0 as spend_cells,
        0 as unconverted_cells,
        0 as converted_cells
    from matured
    union all
    select
        steps.from_stage,
        steps.to_stage,
        counted.direction,
        {{ dimensions | join(', ') }},
        counted.segment as stratum_segment,
        {{ no_value() }} as icp_fit,
        0 as cohort,
        0 as arrived,
        0 as immediates,
        counted.entries,
        0 as spend_amount,
        0 as spend_cells,
        0 as unconverted_cells,
        0 as converted_cells
    from counted
    inner join steps
        on counted.stage = steps.to_stage
    union all
    select
        steps.from_stage,
        steps.to_stage,
        spend.direction,
        {{ dimensions | join(', ') }},
        spend.segment as stratum_segment,
        {{ no_value() }} as icp_fit,
        0 as cohort,
        0 as arrived,
        0 as immediates,
        0 as entries,
        spend.spend_amount,
        spend.spend_cells,
        spend.unconverted_cells,
        spend.converted_cells
    from spend
    cross join steps
),

-- By cut and stratum: the person's segment and fit are strata in every cut, the one by segment included.
strata as (
    select
        {{ cut_name(dimensions) }} as cut,
        {% for dimension in dimensions -%}
            {{ cut_dimension(dimension) }} as {{ dimension }},
        {% endfor -%}
        from_stage,
        to_stage,
        stratum_segment,
        icp_fit,
    {% for direction in directions -%}
    {% for fact in [
        'cohort', 'arrived', 'immediates', 'entries', 'spend_amount', 'spend_cells', 'unconverted_cells',
        'converted_cells',
    ] -%}
        coalesce(sum({{ fact }}) filter (where direction = '{{ direction }}'), 0) as {{ direction }}_{{ fact }}
        {{- ',' if not (loop.last and direction == directions[-1]) }}
    {% endfor -%}
    {% endfor %}
    from united
    group by grouping sets ( -- noqa: PRS
        (from_stage, to_stage, stratum_segment, icp_fit),
        (from_stage, to_stage, stratum_segment, icp_fit, segment),
        (from_stage, to_stage, stratum_segment, icp_fit, channel),
        (from_stage, to_stage, stratum_segment, icp_fit, acquisition_source)
    )
),

pooled as (
    select
        cut,
        {{ dimensions | join(', ') }},
        from_stage,
        to_stage,
        {% for direction in directions -%}
            cast(sum({{ direction }}_cohort) as bigint) as {{ direction }}_n,
            cast(sum({{ direction }}_arrived) as bigint) as {{ direction }}_count,
            cast(sum({{ direction }}_immediates) as bigint) as {{ direction }}_immediate_prospects,
            cast(sum({{ direction }}_entries) as bigint) as {{ direction }}_entries,
            cast(sum({{ direction }}_spend_amount) as decimal(38, 2)) as {{ direction }}_spend_amount,
            sum({{ direction }}_spend_cells) as {{ direction }}_spend_cells,
            sum({{ direction }}_unconverted_cells) as {{ direction }}_unconverted_cells,
            sum({{ direction }}_converted_cells) as {{ direction }}_converted_cells,
            cast(coalesce(sum({{ direction }}_cohort) filter (
                where inbound_cohort > 0 and outbound_cohort > 0
            ), 0) as bigint) as {{ direction }}_compared_n,
        {% endfor -%}
        coalesce(sum(inbound_arrived + outbound_arrived) filter (
            where inbound_cohort > 0 and outbound_cohort > 0
        ), 0) as compared_arrived,
        count(*) filter (where inbound_cohort > 0 and outbound_cohort > 0) as compared_strata,
        {{ mantel_haenszel_sums('inbound_arrived', 'inbound_cohort', 'outbound_arrived', 'outbound_cohort') }}
    from strata
    group by
        cut,
        {{ dimensions | join(', ') }},
        from_stage,
        to_stage
),

rated as (
    select
        pooled.*,
        {% for direction in directions -%}
            {{ ratio(direction ~ '_count', direction ~ '_n') }} as {{ direction }}_rate,
            {{ wilson_bound(direction ~ '_count', direction ~ '_n', '-') }} as {{ direction }}_low,
            {{ wilson_bound(direction ~ '_count', direction ~ '_n', '+') }} as {{ direction }}_high,
        {% endfor -%}
        weighted_left / nullif(weight, 0) as inbound_adjusted_rate,
        weighted_right / nullif(weight, 0) as outbound_adjusted_rate,
        (weighted_left - weighted_right) / nullif(weight, 0) as adjusted_difference,
        -- Where nobody converts, or everybody, the estimated error is 0 and says nothing: then there is no interval.
        sqrt(nullif(greatest((weighted_left - weighted_right) / nullif(weight, 0) * sato_p + sato_q, 0), 0))
        / nullif(weight, 0) as standard_error
    from pooled
),

bounded as (
    select
        rated.*,
        inbound_rate - outbound_rate as crude_difference,
        {{ newcombe_bound('inbound', 'outbound', '-') }} as crude_difference_low,
        {{ newcombe_bound('inbound', 'outbound', '+') }} as crude_difference_high,
        case
            when standard_error is not null
                then greatest(adjusted_difference - {{ normal_quantile() }} * standard_error, -1)
        end as adjusted_difference_low,
        case
            when standard_error is not null
                then least(adjusted_difference + {{ normal_quantile() }} * standard_error, 1)
        end as adjusted_difference_high
    from rated
),

final as (
    select
        -- grain
        cut,
        {{ dimensions | join(', ') }},
        case when from_stage = {{ no_value() }} then to_stage else from_stage || '_to_' || to_stage end as funnel_step,

        -- volume and cost
        {% for direction in directions -%}
            {{ direction }}_entries,
            {{ direction }}_spend_amount,
            {{ spend_status(direction ~ '_spend_cells', direction ~ '_unconverted_cells') }}
                as {{ direction }}_spend_status,
            case
                when {{ direction }}_converted_cells > 0
                    then {{ amount_each(direction ~ '_spend_amount', direction ~ '_entries') }}
            end as {{ direction }}_cost_per_entry,
        {% endfor %}
        -- rates; who comes by themselves had not to be won, so inbound suspects have none
        {% for direction in directions -%}
            {% set has_rate = begins_with_response if direction == 'inbound' else "from_stage <> " ~ no_value() -%}
            {% for column in ['n', 'count', 'rate', 'low', 'high'] -%}
                {% set name = direction ~ '_' ~ column -%}
                case when {{ has_rate }} then {{ rounded(name) if column == 'rate' else name }} end as {{ name }},
            {% endfor -%}
            case when from_stage = 'suspect' then {{ direction }}_immediate_prospects end
                as {{ direction }}_immediate_prospects,
        {% endfor %}
        -- difference, inbound minus outbound
        {% for column in ['crude_difference', 'crude_difference_low', 'crude_difference_high'] -%}
            case when {{ begins_with_response }} then {{ rounded(column) }} end as {{ column }},
        {% endfor %}
        -- like for like
        {% for column in ['compared_strata', 'inbound_compared_n', 'outbound_compared_n'] -%}
            case when {{ begins_with_response }} then {{ column }} end as {{ column }},
        {% endfor -%}
        {% for column in [
            'inbound_adjusted_rate', 'outbound_adjusted_rate',
            'adjusted_difference', 'adjusted_difference_low', 'adjusted_difference_high',
        ] -%}
            case when {{ begins_with_response }} then {{ rounded(column) }} end as {{ column }},
        {% endfor -%}
        case
            when not {{ begins_with_response }} then 'not_compared'
            when
                least(inbound_compared_n, outbound_compared_n) < 30
                or least(compared_arrived, inbound_compared_n + outbound_compared_n - compared_arrived) < 5
                or standard_error is null
                then 'insufficient_data'
            when adjusted_difference_low > 0 then 'inbound_better'
            when adjusted_difference_high < 0 then 'outbound_better'
            else 'no_difference_shown'
        end as comparison_verdict
    from bounded
)

select * from final
