-- Grain: one test with its evidence, its interval and its verdict at as-of (decision 0022). Everything is computed from
-- counts of people whose time to answer is over, so a reply that comes early is not counted early.
{% set odds_ratios = {'above': tested_odds_ratios('above'), 'below': tested_odds_ratios('below')} %}
{% set sides = ['above', 'below'] %}
{% set alternatives = range(odds_ratios['above'] | length) %}
{% set logarithms = {'above': [], 'below': []} %}
{% for side in sides -%}
    {% for alternative in alternatives -%}
        {% do logarithms[side].append(side ~ '_' ~ alternative) -%}
    {% endfor -%}
{% endfor -%}
{% set message_subject %}
case when tests.message_name = {{ no_value() }} then 'No message' else tests.message_name end
{%- endset %}
{% set segment_subject %}
case when tests.segment = {{ no_value() }} then 'People of no segment' else tests.segment end
{%- endset %}
with promises as (
    select * from {{ ref('int_tests_counted') }}
),

tests as (
    select
        test_id,
        item_id,
        cut,
        direction,
        scoped_campaign_id,
        message_name,
        segment,
        untestable_because,
        case
            when min(success_metric) = max(success_metric) then min(success_metric)
            when count(success_metric) > 0 then 'several'
        end as success_metric,
        case when count(*) = 1 then min(success_threshold) when count(success_threshold) > 0 then 'several' end
            as success_threshold,
        {{ arg_max('message_hypothesis', 'last_contact_at') }} as message_hypothesis,
        cast(sum(reached_count) as bigint) as reached_count,
        cast(case when untestable_because is null then sum(matured_count) else 0 end as bigint) as matured_n,
        cast(case when untestable_because is null then sum(success_count) else 0 end as bigint) as success_count,
        -- Of several promises, what all people together were promised.
        case
            when untestable_because is null
                then
                    {{ rounded(
                        ratio('sum(cast(reached_count * promised_rate as decimal(38, 6)))', 'sum(reached_count)')
                    ) }}
        end as promised_rate,
        min(first_contact_at) as first_contact_at,
        max(last_contact_at) as last_contact_at,
        max(last_matures_at) as last_matures_at,
        max(campaigns_end_at) as campaigns_end_at,
        max(grown_count) as grown_count,
        max(grown_from_count) as grown_from_count,
        {% for side in sides -%}
            {% for alternative in alternatives -%}
                cast(sum(success_count) as {{ type_double() }}) * ln({{ odds_ratios[side][alternative] }})
                - cast(
                    sum({{ expected_term('matured_count', 'promised_rate', odds_ratios[side][alternative]) }})
                    as {{ type_double() }}
                ) as {{ side }}_{{ alternative }},
            {% endfor -%}
        {% endfor -%}
        min({{ report_policy_value('verdict_min_contacts') }}) as min_contacts
    from promises
    group by
        test_id,
        item_id,
        cut,
        direction,
        scoped_campaign_id,
        message_name,
        segment,
        untestable_because
),

-- Tests are judged together with those of their kind that began in the same fiscal year: their share of false verdicts
-- is what is bounded. One with too few people yet is not judged.
evidence as (
    select
        test_id,
        concat_ws('|', cut, direction, cast({{ fiscal_year(local_date('first_contact_at')) }} as varchar))
            as test_family,
        untestable_because is null and matured_n >= min_contacts as is_judged,
        {{ rounded(log10_of_average(logarithms['above'])) }} as evidence_above_log10,
        {{ rounded(log10_of_average(logarithms['below'])) }} as evidence_below_log10
    from tests
    where untestable_because is null
),

hypotheses as (
    {% for side in sides -%}
        select
            test_id,
            test_family,
            '{{ side }}' as side,
            evidence_{{ side }}_log10 as evidence_log10
        from evidence
        where is_judged
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

ordered as (
    select
        hypotheses.*,
        row_number() over (partition by test_family order by evidence_log10 desc, test_id asc, side asc) as place,
        count(*) over (partition by test_family) as hypotheses_count
    from hypotheses
),

-- e-BH: the greatest number of verdicts such that each of them has evidence enough for that many.
families as (
    select
        test_family,
        max(hypotheses_count) as hypotheses_count,
        coalesce(
            max(place) filter (
                where evidence_log10 >= log10(hypotheses_count / ({{ report_policy_value('verdict_alpha') }} * place))
            ),
            0
        ) as verdicts_count
    from ordered
    group by test_family
),

required as (
    select
        test_family,
        verdicts_count,
        case
            when verdicts_count > 0
                then log10(hypotheses_count / ({{ report_policy_value('verdict_alpha') }} * verdicts_count))
        end as required_log10,
        log10(hypotheses_count / ({{ report_policy_value('verdict_alpha') }} * (verdicts_count + 1)))
            as required_for_one_more_log10
    from families
),

decided as (
    select
        tests.test_id,
        evidence.evidence_above_log10,
        evidence.evidence_below_log10,
        {{ rounded('required.required_for_one_more_log10') }} as evidence_required_log10,
        case
            when tests.untestable_because is not null then 'insufficient_data'
            when evidence.is_judged and evidence.evidence_above_log10 >= required.required_log10 then 'scale'
            when evidence.is_judged and evidence.evidence_below_log10 >= required.required_log10 then 'stop'
            when tests.grown_count > 0 then 'scaled_before_validated'
            when not evidence.is_judged then 'insufficient_data'
            else 'keep_testing'
        end as verdict
    from tests
    left join evidence
        on tests.test_id = evidence.test_id
    left join required
        on evidence.test_family = required.test_family
),

digits as (
    {% for digit in range(16) -%}
        select {{ digit }} as digit
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- Rates from 0.001 % to 99 %, 512 of them, equally far apart in the logarithm of their odds.
rates as (
    select
        1 / (
            1 + exp(
                -ln(0.00001)
                - (32 * high.digit + 2 * low.digit + half.digit) * (ln(99.0) - ln(0.00001)) / 511
            )
        ) as rate
    from digits as high
    cross join digits as low
    cross join digits as half
    where half.digit < 2
),

rates_tried as (
    select
        tests.test_id,
        rates.rate,
        {% for side in sides -%}
            {% for odds_ratio in odds_ratios[side] -%}
                tests.success_count * ln({{ odds_ratio }}) - tests.matured_n * ln(1 + {{ odds_ratio - 1 }} * rates.rate)
                    as {{ side }}_{{ loop.index0 }},
            {% endfor -%}
        {% endfor -%}
        rates.rate * tests.matured_n <= tests.success_count as is_low
    from tests
    cross join rates
    where
        tests.untestable_because is null
        and tests.matured_n > 0
),

-- A rate against which there is twentyfold evidence is not in the interval.
intervals as (
    select
        test_id,
        coalesce(max(rate) filter (where is_low), 0) as success_low,
        coalesce(min(rate) filter (where not is_low), 1) as success_high
    from rates_tried
    where {{ log10_of_average(logarithms['above'] + logarithms['below']) }} >= log10(20.0)
    group by test_id
),

campaigns as (
    select
        {{ scoped_campaign_id('source_system', 'campaign_id') }} as scoped_campaign_id,
        campaign_name
    from {{ ref('campaigns') }}
    where valid_to is null
),

-- A test ends when nobody's answer is awaited any more and: the same item promises something else since, its campaigns
-- are over, or nobody was contacted for long. A contact that comes later takes it up again.
successors as (
    select
        tests.test_id,
        min(later.first_contact_at) as changed_at
    from tests
    inner join tests as later
        on
            tests.item_id = later.item_id
            and tests.last_contact_at < later.first_contact_at
    group by tests.test_id
),

endings as (
    select
        tests.test_id,
        case
            when tests.last_matures_at > {{ as_of() }} then null
            when successors.changed_at is not null then 'promise_changed'
            when tests.campaigns_end_at <= {{ as_of() }} then 'campaign_over'
            when {{ days_after('tests.last_contact_at', report_policy_value('test_quiet_days')) }} <= {{ as_of() }}
                then 'nobody_contacted'
        end as ended_because,
        successors.changed_at
    from tests
    left join successors
        on tests.test_id = successors.test_id
),

described as (
    select
        tests.*,
        decided.evidence_above_log10,
        decided.evidence_below_log10,
        decided.evidence_required_log10,
        decided.verdict,
        case
            when decided.verdict <> 'insufficient_data' then decided.verdict
            else coalesce(tests.untestable_because, 'too_few_people')
        end as verdict_because,
        {{ rounded(ratio('tests.success_count', 'tests.matured_n')) }} as success_rate,
        case when tests.matured_n > 0 then {{ rounded('coalesce(intervals.success_low, 0)') }} end as success_low,
        case when tests.matured_n > 0 then {{ rounded('coalesce(intervals.success_high, 1)') }} end as success_high,
        endings.ended_because,
        case endings.ended_because
            when 'promise_changed' then greatest(tests.last_matures_at, endings.changed_at)
            when 'campaign_over' then greatest(tests.last_matures_at, tests.campaigns_end_at)
            when 'nobody_contacted'
                then
                    greatest(
                        tests.last_matures_at,
                        {{ days_after('tests.last_contact_at', report_policy_value('test_quiet_days')) }}
                    )
        end as ended_at,
        case tests.cut
            when 'direction × campaign'
                then
                    case
                        when tests.scoped_campaign_id = {{ no_value() }} then 'Contacts of no campaign'
                        else coalesce(campaigns.campaign_name, tests.scoped_campaign_id)
                    end
            when 'direction × segment' then {{ segment_subject }}
            when 'direction × message' then {{ message_subject }}
            else {{ message_subject }} || ' / ' || {{ segment_subject }}
        end as subject
    from tests
    inner join decided
        on tests.test_id = decided.test_id
    inner join endings
        on tests.test_id = endings.test_id
    left join intervals
        on tests.test_id = intervals.test_id
    left join campaigns
        on tests.scoped_campaign_id = campaigns.scoped_campaign_id
),

worded as (
    select
        described.*,
        cast(success_count as varchar) || ' of ' || cast(matured_n as varchar) || ' contacts succeeded ('
        || case when success_metric = 'several' then 'their campaigns'' own metrics' else success_metric end
        || ' ' || {{ percent_text('success_rate') }} || ', between '
        || {{ percent_text('success_low') }} || ' and ' || {{ percent_text('success_high') }}
        || ' at 95 % confidence); ' || case when success_threshold = 'several' then 'on average ' else '' end
        || 'at least ' || {{ percent_text('promised_rate') }} || ' was promised' as finding,
        case verdict_because
            when 'too_few_people'
                then
                    'only ' || cast(matured_n as varchar) || ' of the ' || cast(cast(min_contacts as bigint) as varchar)
                    || ' contacts needed have had their time to answer'
            when 'no_campaign' then 'the contacts name no campaign, so nothing was promised'
            when 'direction_unclassified' then 'it is not known whether these contacts came or were interrupted'
            when 'no_message' then 'neither a message nor a hypothesis was written down before the contact'
            when 'no_metric' then 'no success metric was written down before the contact'
            when 'metric_not_listed'
                then
                    case
                        when success_metric = 'several' then 'none of the success metrics is a'
                        else 'the success metric “' || success_metric || '” is no'
                    end || ' listed share of the people contacted'
            when 'no_threshold' then 'no success threshold was written down before the contact'
            when 'threshold_not_readable'
                then
                    case
                        when success_threshold = 'several' then 'none of the success thresholds says'
                        else 'the success threshold “' || success_threshold || '” does not say'
                    end || ' how large a share was promised'
        end as obstacle
    from described
),

final as (
    select
        -- ids
        test_id,
        item_id,

        -- dimensions
        cut,
        direction,
        scoped_campaign_id,
        message_name,
        segment,

        -- what was promised
        subject,
        message_hypothesis,
        success_metric,
        success_threshold,
        promised_rate,

        -- times
        first_contact_at,
        last_contact_at,
        ended_at,
        ended_because,

        -- figures
        reached_count,
        matured_n as success_n,
        success_count,
        success_rate,
        success_low,
        success_high,
        evidence_above_log10,
        evidence_below_log10,
        evidence_required_log10,

        -- verdict
        verdict,
        verdict_because,
        subject || ': ' || case
            when verdict = 'insufficient_data'
                then
                    'not enough data: ' || obstacle
                    || case when ended_because is null then '.' else '. It has ended.' end
            when verdict = 'scale' and ended_because is null then finding || '. The promise is kept: scale it.'
            when verdict = 'scale' then finding || '. It has ended. The promise was kept: it may be scaled.'
            when verdict = 'stop' and ended_because is null then finding || '. The promise is not kept: stop it.'
            when verdict = 'stop'
                then finding || '. It has ended. The promise was not kept: do not take it up again.'
            when verdict = 'keep_testing' and ended_because is null
                then finding || '. Not decided yet: keep testing.'
            when verdict = 'keep_testing' then finding || '. Ended undecided.'
            else
                coalesce(finding, 'nobody''s time to answer is over')
                || case
                    when ended_because is null then '. Not decided, and yet '
                    else '. Ended undecided, although its volume had grown: '
                end || cast(grown_count as varchar) || ' contacts were made in one maturity window, after at most '
                || cast(grown_from_count as varchar) || ' in any before'
                || case when ended_because is null then ': hold the volume until it is decided.' else '.' end
        end as verdict_sentence,
        case
            when ended_because is null then null
            when verdict = 'scale' then 'Confirmed: '
            when verdict = 'stop' then 'Refuted: '
            when verdict = 'insufficient_data' then 'Nothing learned about: '
            else 'Ended undecided: '
        end || coalesce(message_hypothesis, subject) || ' ('
        || case when verdict = 'insufficient_data' then obstacle else finding end || ').' as learned
    from worded
)

select * from final
