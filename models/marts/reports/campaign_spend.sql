-- Grain: one campaign, month and currency. Spend is of a day in its source's books; no time zone moves it.
with spend as (
    select
        {{ scoped_campaign_id('source_system', 'campaign_id') }} as scoped_campaign_id,
        spend_date,
        {{ month_of('spend_date') }} as spend_month,
        upper(currency) as currency,
        amount
    from {{ ref('int_campaign_spend_judged') }}
    where verdict = 'accepted'
),

{{ rated_rows('spend', 'spend_date') }},

exchanged as (
    select
        rated.*,
        {{ converted_amount('amount', 'rate') }} as exchanged_amount,
        case when abs(amount) < 1e12 then cast(amount as decimal(18, 2)) end as original_amount
    from rated
),

named as (
    {{ campaigns_named() }}
),

summed as (
    select
        spend_month,
        currency,
        scoped_campaign_id,
        count(*) as spend_rows,
        count(*) filter (where exchanged_amount is null) as unconverted_rows,
        cast(coalesce(sum(original_amount), 0) as decimal(38, 2)) as original_amount,
        cast(coalesce(sum(original_amount) filter (where exchanged_amount is null), 0) as decimal(38, 2))
            as unconverted_amount,
        cast(coalesce(sum(exchanged_amount), 0) as decimal(38, 2)) as spend_amount
    from exchanged
    group by
        spend_month,
        currency,
        scoped_campaign_id
),

final as (
    select
        -- grain
        summed.spend_month,
        {{ named_campaign_columns('summed.scoped_campaign_id', 'named') }},
        summed.currency,

        -- facts
        summed.spend_rows,
        summed.original_amount,
        summed.spend_amount,
        cast({{ reporting_value('currency') }} as {{ dbt.type_string() }}) as reporting_currency,
        summed.unconverted_rows,
        summed.unconverted_amount
    from summed
    left join named
        on summed.scoped_campaign_id = named.scoped_campaign_id
)

select * from final
