{#-
    One scorecard: every cut of the people contacted, with its quality figures, and the verdict on what was promised
    where a test asks for it. The three scorecards differ only in what they are cut by, so that a figure means the
    same in each.

    Args:
        dimensions: Columns of the item that the scorecard is about, first the one that all its cuts have.
        cuts: For each cut the dimensions it is cut by, the direction apart.
        counts_each_campaign: Whether a person whom two campaigns sent the same message counts once in each.
-#}
{% macro scorecard(dimensions, cuts, counts_each_campaign=false) %}
{% set all_dimensions = dimensions + ['channel', 'acquisition_source'] %}
{% set labels = {'scoped_campaign_id': 'campaign', 'message_name': 'message'} %}
with contacted as (
    select * from {{ ref('int_people_contacted') }}
    {{ 'where is_first_with_message' if not counts_each_campaign }}
),

counted as (
    select
        case
            {% for cut in cuts -%}
            when
                {% for dimension in all_dimensions -%}
                grouping({{ dimension }}) = {{ 0 if dimension in cut else 1 }}
                {{ 'and ' if not loop.last }}
                {%- endfor %}
                then 'direction
                {%- for dimension in all_dimensions if dimension in cut %} × {{ labels.get(dimension, dimension) }}
                {%- endfor %}'
            {% endfor -%}
        end as cut,
        direction,
        {% for dimension in all_dimensions -%}
        case when grouping({{ dimension }}) = 1 then {{ all_values() }} else {{ dimension }} end as {{ dimension }},
        {% endfor -%}
        {% if 'scoped_campaign_id' in dimensions -%}
        max(campaign_source_system) as campaign_source_system,
        max(campaign_id) as campaign_id,
        {% endif -%}
        count(*) as reached_count,
        count(*) filter (where not is_matured) as maturing_count,
        count(*) filter (where is_matured) as matured_count,
        count(*) filter (where is_matured and is_delivered) as delivered_count,
        count(*) filter (where is_matured and is_answered) as answered_count,
        count(*) filter (where is_matured and is_relevant) as relevant_count,
        count(*) filter (where is_matured and is_expected) as expected_count,
        count(*) filter (where is_icp_fit) as fit_count,
        count(*) filter (where is_context_complete) as complete_count
    from contacted
    group by grouping sets ( -- noqa: PRS
        {% for cut in cuts -%}
        ({{ (['direction'] + cut) | join(', ') }}){{ ',' if not loop.last }}
        {% endfor %}
    )
),

-- Of several tests of one item the one that can be judged, runs, is decided, and has the most contacts behind it, in this
-- order: a decided test is not hidden by one that somebody began after it. The log has them all (decision 0022).
tests as (
    select
        judged.*,
        count(*) over (partition by item_id) as tests_count,
        row_number() over (
            partition by item_id
            order by
                case when promised_rate is null then 1 else 0 end,
                case when ended_at is null then 0 else 1 end,
                case when verdict in ('scale', 'stop') then 0 else 1 end,
                success_n desc,
                first_contact_at desc,
                test_id
        ) as place
    from {{ ref('int_tests_judged') }} as judged
),
{% if 'scoped_campaign_id' in dimensions %}
campaigns as (
    select
        {{ scoped_campaign_id('source_system', 'campaign_id') }} as scoped_campaign_id,
        campaign_name
    from {{ ref('campaigns') }}
    where valid_to is null
),
{% endif %}
final as (
    select
        -- dimensions
        counted.cut,
        counted.direction,
        {% for dimension in all_dimensions -%}
        counted.{{ dimension }},
        {% if dimension == 'scoped_campaign_id' -%}
        counted.campaign_source_system,
        counted.campaign_id,
        coalesce(campaigns.campaign_name, {{ no_value() }}) as campaign_name,
        {% endif -%}
        {% endfor %}
        -- who was reached
        counted.reached_count,
        counted.maturing_count,

        -- quality
        {{ rate_columns('delivered', 'counted.delivered_count', 'counted.matured_count') }},
        {{ rate_columns('response', 'counted.answered_count', 'counted.delivered_count') }},
        {{ rate_columns('positive_reply_per_contact', 'counted.relevant_count', 'counted.delivered_count') }},
        {{ rate_columns('positive_reply_per_reply', 'counted.relevant_count', 'counted.answered_count') }},
        {{ rate_columns('expected_response', 'counted.expected_count', 'counted.delivered_count') }},
        {{ rate_columns('icp_fit', 'counted.fit_count', 'counted.reached_count') }},
        {{ rate_columns('complete_context', 'counted.complete_count', 'counted.reached_count') }},

        -- the test
        tests.test_id,
        coalesce(tests.tests_count, 0) as tests_count,
        tests.success_metric,
        tests.success_threshold,
        tests.promised_rate,
        coalesce(tests.success_n, 0) as success_n,
        coalesce(tests.success_count, 0) as success_count,
        tests.success_rate,
        tests.success_low,
        tests.success_high,
        tests.evidence_above_log10,
        tests.evidence_below_log10,
        tests.evidence_required_log10,
        tests.ended_at,
        tests.ended_because,
        coalesce(tests.verdict, 'not_tested') as verdict,
        coalesce(tests.verdict_because, 'not_tested') as verdict_because,
        coalesce(tests.verdict_sentence, 'Nothing was promised for this cut by itself, so it has no verdict.')
            as verdict_sentence
    from counted
    left join tests
        on
            counted.cut = tests.cut
            and counted.direction = tests.direction
            {% for dimension in dimensions -%}
            and counted.{{ dimension }} = tests.{{ dimension }}
            {% endfor -%}
            and tests.place = 1
    {% if 'scoped_campaign_id' in dimensions -%}
    left join campaigns
        on counted.scoped_campaign_id = campaigns.scoped_campaign_id
    {% endif %}
)

select * from final
{% endmacro %}
