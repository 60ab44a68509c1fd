-- Grain: one staged row of companies. A row is a version of its company; which of them stands is the verdict.
-- depends_on: {{ ref('int_rows_changed') }}
with staged as (
    {{ union_staging('companies') }}
),

{{ judged('staged', key=['source_system', 'source_company_id', 'updated_at'], row_time='updated_at', is_version=true) }}

select * from judged
