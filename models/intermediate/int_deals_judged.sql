-- Grain: one staged row of deals. The row loaded last for an id and status stands. Read by closed-loop reports only.
with staged as (
    {{ union_staging('deals') }}
),

{{ judged('staged', key=['source_system', 'source_deal_id', 'status'], row_time='occurred_at') }}

select * from judged
