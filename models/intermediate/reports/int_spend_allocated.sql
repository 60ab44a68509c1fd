-- Grain: what a campaign spent in a month, by the direction, segment, channel and acquisition source of whom it
-- touched. Spend has none of these. It is shared in proportion to the campaign's touches of that month; where there
-- were none, to all its touches; where it never touched anybody, it stays unattributed. Whole cents are dealt by
-- largest remainder.
with spend as (
    select
        spend_month,
        scoped_campaign_id,
        sum(unconverted_rows) as unconverted_rows,
        sum(spend_rows) as spend_rows,
        {{ amount_as_cents('sum(spend_amount)') }} as cents
    from {{ ref('campaign_spend') }}
    group by
        spend_month,
        scoped_campaign_id
),

people as (
    select
        person_id,
        coalesce(acquisition_source, 'unknown') as acquisition_source
    from {{ ref('people') }}
    where not is_excluded
),

spent_campaigns as (
    select distinct
        scoped_campaign_id,
        campaign_source_system,
        campaign_id
    from {{ ref('campaign_spend') }}
),

-- Counted once, by month; a campaign without touches in a month of spend asks for the sum over its months.
touched_by_month as (
    select
        spent_campaigns.scoped_campaign_id,
        {{ local_month('touches.occurred_at') }} as touch_month,
        touches.direction,
        coalesce(touches.person_segment, {{ no_value() }}) as segment,
        touches.channel,
        people.acquisition_source,
        count(*) as touch_count
    from {{ ref('touches') }} as touches
    inner join spent_campaigns
        on
            touches.campaign_source_system = spent_campaigns.campaign_source_system
            and touches.campaign_id = spent_campaigns.campaign_id
    inner join people
        on touches.person_id = people.person_id
    group by
        spent_campaigns.scoped_campaign_id,
        {{ local_month('touches.occurred_at') }},
        touches.direction,
        coalesce(touches.person_segment, {{ no_value() }}),
        touches.channel,
        people.acquisition_source
),

months_touched as (
    select distinct
        scoped_campaign_id,
        touch_month
    from touched_by_month
),

spend_based as (
    select
        spend.*,
        months_touched.touch_month is not null as has_touches_of_month
    from spend
    left join months_touched
        on
            spend.scoped_campaign_id = months_touched.scoped_campaign_id
            and spend.spend_month = months_touched.touch_month
),

touched_ever as (
    select
        scoped_campaign_id,
        direction,
        segment,
        channel,
        acquisition_source,
        sum(touch_count) as touch_count
    from touched_by_month
    group by
        scoped_campaign_id,
        direction,
        segment,
        channel,
        acquisition_source
),

shares as (
    select
        touch_month as spend_month,
        scoped_campaign_id,
        direction,
        segment,
        channel,
        acquisition_source,
        touch_count
    from touched_by_month
    union all
    select
        spend_based.spend_month,
        touched_ever.scoped_campaign_id,
        touched_ever.direction,
        touched_ever.segment,
        touched_ever.channel,
        touched_ever.acquisition_source,
        touched_ever.touch_count
    from spend_based
    inner join touched_ever
        on spend_based.scoped_campaign_id = touched_ever.scoped_campaign_id
    where not spend_based.has_touches_of_month
),

dealt as (
    select
        spend.spend_month,
        spend.scoped_campaign_id,
        spend.unconverted_rows,
        spend.spend_rows,
        spend.cents,
        abs(spend.cents) as cents_to_deal,
        coalesce(shares.direction, {{ unattributed() }}) as direction,
        coalesce(shares.segment, {{ unattributed() }}) as segment,
        coalesce(shares.channel, {{ unattributed() }}) as channel,
        coalesce(shares.acquisition_source, {{ unattributed() }}) as acquisition_source,
        coalesce(shares.touch_count, 1) as touch_count,
        sum(coalesce(shares.touch_count, 1)) over (
            partition by spend.spend_month, spend.scoped_campaign_id
        ) as touches_of_all
    from spend
    left join shares
        on
            spend.spend_month = shares.spend_month
            and spend.scoped_campaign_id = shares.scoped_campaign_id
),

divided as (
    select
        dealt.*,
        {{ whole_quotient('(cents_to_deal * touch_count)', 'touches_of_all') }} as whole_cents,
        (cents_to_deal * touch_count) % touches_of_all as fraction
    from dealt
),

ranked as (
    select
        divided.*,
        cents_to_deal - sum(whole_cents) over (partition by spend_month, scoped_campaign_id) as cents_left,
        row_number() over (
            partition by spend_month, scoped_campaign_id
            order by fraction desc, direction asc, segment asc, channel asc, acquisition_source asc
        ) as place
    from divided
),

final as (
    select
        spend_month,
        scoped_campaign_id,
        direction,
        segment,
        channel,
        acquisition_source,
        unconverted_rows > 0 as is_partly_unconverted,
        unconverted_rows = spend_rows as is_wholly_unconverted,
        {{ cents_as_amount(
            "(whole_cents + case when place <= cents_left then 1 else 0 end) * case when cents < 0 then -1 else 1 end"
        ) }} as spend_amount
    from ranked
)

select * from final
