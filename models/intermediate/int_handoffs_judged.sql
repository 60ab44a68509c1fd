-- Grain: one staged row of handoffs. The row loaded last for an id stands.
-- depends_on: {{ ref('int_rows_changed') }}
with staged as (
    {{ union_staging('handoffs') }}
),

{{ judged('staged', key=['source_system', 'source_handoff_id'], row_time='occurred_at') }}

select * from judged
