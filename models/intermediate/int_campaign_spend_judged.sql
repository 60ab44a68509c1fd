-- Grain: one staged row of campaign_spend. The row loaded last for a campaign, date and currency stands.
with staged as (
    {{ union_staging('campaign_spend') }}
),

{{ judged('staged', key=['source_system', 'campaign_id', 'spend_date', 'currency'], row_time='spend_date') }}

select * from judged
