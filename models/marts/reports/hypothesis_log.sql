-- Grain: one test, running or ended, of a campaign, a message, a message in a segment or a segment. It is computed anew
-- by each build from what was landed, so a late reply changes it, and a further contact takes up an ended test.
with tests as (
    select * from {{ ref('int_tests_judged') }}
),

final as (
    select
        -- ids
        test_id,

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
        success_n,
        success_count,
        success_rate,
        success_low,
        success_high,
        evidence_above_log10,
        evidence_below_log10,
        evidence_required_log10,

        -- what came of it
        verdict,
        verdict_because,
        verdict_sentence,
        learned
    from tests
)

select * from final
