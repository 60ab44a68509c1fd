-- Grain: what deals came of, by the month in which they were opened, the stage that their person had reached by then,
-- the score band and what describes that entry. Sales data: nothing else reads this table.
with deals as (
    select
        deals.source_system || ':' || deals.source_deal_id as deal_id,
        deals.status,
        deals.occurred_at,
        {{ local_date('deals.occurred_at') }} as occurred_on,
        deals.amount,
        deals.currency,
        coalesce(by_contact.person_id, by_address.person_id) as person_id,
        {{ dbt.concat([
            "deals.source_table",
            "':'",
            "cast(deals._load_id as varchar)",
            "':'",
            "deals._source_file",
            "':'",
            "cast(deals._source_row as varchar)",
        ]) }} as landed_row,
        row_number() over (
            partition by deals.source_system, deals.source_deal_id
            order by deals.occurred_at desc, case deals.status when 'won' then 1 when 'lost' then 2 else 3 end
        ) as recency
    from {{ ref('int_deals_judged') }} as deals
    left join {{ ref('int_identities_resolved') }} as by_contact
        on 'contact:' || deals.source_system || ':' || deals.source_contact_id = by_contact.identity_key
    left join {{ ref('int_identities_resolved') }} as by_address
        on 'email:' || {{ normalised_email('deals.email') }} = by_address.identity_key
    where deals.verdict = 'accepted'
),

{{ rated_rows('deals', 'occurred_on') }},

rows_exchanged as (
    select
        rated.*,
        {{ converted_amount('amount', 'rate') }} as converted_amount,
        row_number() over (
            partition by deal_id order by case when amount is null then 2 else 1 end, recency
        ) as amount_recency
    from rated
),

-- One row for each deal. Its state, person and amount are the latest that any of its rows names.
deals_closed as (
    select
        deal_id,
        min(occurred_at) as opened_at,
        count(distinct landed_row) as deal_rows,
        max(case when recency = 1 then status end) as status,
        {{ arg_max('person_id', '-recency') }} as person_id,
        max(case when amount_recency = 1 then converted_amount end) as deal_amount
    from rows_exchanged
    group by deal_id
),

-- The furthest entry at or before the opening says what marketing had proved by then, and whether that still stood.
entries_ranked as (
    select
        deals_closed.*,
        entries.stage,
        case when entries.left_at <= deals_closed.opened_at then entries.left_as end as ended_as,
        entries.direction,
        entries.segment,
        entries.scoped_campaign_id,
        entries.channel,
        entries.acquisition_source,
        entries.engagement_score,
        row_number() over (
            partition by deals_closed.deal_id
            order by entries.entered_at desc, {{ stage_rank('entries.stage') }} desc, entries.cycle_number desc
        ) as place
    from deals_closed
    left join {{ ref('int_entries_described') }} as entries
        on
            deals_closed.person_id = entries.person_id
            and deals_closed.opened_at >= entries.entered_at
),

described as (
    select
        {{ month_of(local_date('entries_ranked.opened_at')) }} as opened_month,
        case
            when entries_ranked.person_id is null then 'nobody_known'
            when people.is_excluded then 'excluded'
            else coalesce(entries_ranked.ended_as, entries_ranked.stage, {{ no_value() }})
        end as stage_at_opening,
        {{ score_band('entries_ranked.engagement_score') }} as score_band,
        coalesce(entries_ranked.direction, {{ no_value() }}) as direction,
        coalesce(entries_ranked.segment, {{ no_value() }}) as segment,
        coalesce(entries_ranked.scoped_campaign_id, {{ no_value() }}) as scoped_campaign_id,
        coalesce(entries_ranked.channel, {{ no_value() }}) as channel,
        coalesce(entries_ranked.acquisition_source, 'unknown') as acquisition_source,
        entries_ranked.deal_rows,
        entries_ranked.status,
        entries_ranked.deal_amount
    from entries_ranked
    left join {{ ref('people') }} as people
        on entries_ranked.person_id = people.person_id
    where entries_ranked.place = 1
),

summed as (
    select
        opened_month,
        stage_at_opening,
        score_band,
        direction,
        segment,
        scoped_campaign_id,
        channel,
        acquisition_source,
        count(*) as deals,
        cast(sum(deal_rows) as bigint) as deal_rows,
        {% for status in ['opened', 'won', 'lost'] -%}
            count(*) filter (where status = '{{ status }}') as {{ status }}_deals,
            cast(
                coalesce(sum(deal_amount) filter (where status = '{{ status }}'), 0) as decimal(38, 2)
            ) as {{ status }}_amount,
        {% endfor -%}
        count(*) filter (where deal_amount is null) as deals_without_amount
    from described
    group by
        opened_month,
        stage_at_opening,
        score_band,
        direction,
        segment,
        scoped_campaign_id,
        channel,
        acquisition_source
),

named as (
    {{ campaigns_named() }}
),

final as (
    select
        -- grain
        summed.opened_month,
        summed.stage_at_opening,
        summed.score_band,
        summed.direction,
        summed.segment,
        {{ named_campaign_columns('summed.scoped_campaign_id', 'named') }},
        summed.channel,
        summed.acquisition_source,

        -- facts
        summed.deals,
        summed.deal_rows,
        summed.opened_deals as open_deals,
        summed.won_deals,
        summed.lost_deals,
        summed.opened_amount as open_amount,
        summed.won_amount,
        summed.lost_amount,
        cast({{ reporting_value('currency') }} as {{ dbt.type_string() }}) as reporting_currency,
        summed.deals_without_amount
    from summed
    left join named
        on summed.scoped_campaign_id = named.scoped_campaign_id
)

select * from final
