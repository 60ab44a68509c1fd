-- Grain: one staged row of campaigns. A row is a version of its campaign; which of them stands is the verdict.
-- depends_on: {{ ref('int_rows_changed') }}
with staged as (
    {{ union_staging('campaigns') }}
),

{{ judged('staged', key=['source_system', 'campaign_id', 'updated_at'], row_time='updated_at', is_version=true) }}

select * from judged
