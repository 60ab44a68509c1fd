-- Grain: one cycle of a person who is in the funnel: when each stage was reached, and where the cycle stands now.
with transitions as (
    select
        transitions.*,
        row_number() over (
            partition by person_id, cycle_number order by stage_rank desc
        ) as recency
    from {{ ref('int_transitions_evidenced') }} as transitions
),

final as (
    select
        person_id,
        cycle_number,
        max(case when to_stage = 'suspect' then occurred_at end) as became_suspect_at,
        max(case when to_stage = 'prospect' then occurred_at end) as became_prospect_at,
        max(case when to_stage = 'mql' then occurred_at end) as became_mql_at,
        max(case when to_stage = 'sql' then occurred_at end) as became_sql_at,
        max(case when recency = 1 then to_stage end) as current_stage,
        max(case when recency = 1 then occurred_at end) as current_stage_since
    from transitions
    group by
        person_id,
        cycle_number
)

select * from final
