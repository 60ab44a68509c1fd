-- Grain: one stage, month of entry, direction, segment, campaign, channel and acquisition source with credit.
{% set models = ['first_touch', 'last_touch', 'linear', 'position_based'] %}
{% set dimensions = [
    'stage', 'entry_month', 'direction', 'segment', 'scoped_campaign_id', 'channel', 'acquisition_source',
] %}
with entries as (
    select
        person_id,
        cycle_number,
        stage,
        entry_month,
        segment,
        acquisition_source
    from {{ ref('int_entries_described') }}
    where stage in ('mql', 'sql')
),

credited as (
    select
        person_id,
        cycle_number,
        stage,
        direction,
        scoped_campaign_id,
        channel,
        row_number() over (partition by person_id, cycle_number, stage order by place) as place,
        count(*) over (partition by person_id, cycle_number, stage) as total
    from {{ ref('int_conversions_traced') }}
    where takes_part
),

-- An entry that no campaign touched is credited to nobody, in full.
shared as (
    select
        entries.stage,
        entries.entry_month,
        entries.segment,
        entries.acquisition_source,
        coalesce(credited.direction, {{ unattributed() }}) as direction,
        coalesce(credited.scoped_campaign_id, {{ unattributed() }}) as scoped_campaign_id,
        coalesce(credited.channel, {{ unattributed() }}) as channel,
        credited.place is not null as is_credited,
        coalesce(credited.place, 1) as place,
        coalesce(credited.total, 1) as total
    from entries
    left join credited
        on
            entries.person_id = credited.person_id
            and entries.cycle_number = credited.cycle_number
            and entries.stage = credited.stage
),

summed as (
    select
        {{ dimensions | join(', ') }},
        count(*) filter (where is_credited) as credited_touches,
        sum({{ first_touch_credit('place') }}) as first_touch,
        sum({{ last_touch_credit('place', 'total') }}) as last_touch,
        sum({{ linear_credit('place', 'total') }}) as linear,
        sum({{ position_based_credit('place', 'total') }}) as position_based
    from shared
    group by {{ dimensions | join(', ') }}
),

named as (
    {{ campaigns_named() }}
),

final as (
    select
        -- grain
        summed.stage,
        summed.entry_month,
        summed.direction,
        summed.segment,
        {{ named_campaign_columns('summed.scoped_campaign_id', 'named') }},
        summed.channel,
        summed.acquisition_source,

        -- credit
        {% for model in models -%}
            {{ millionths_as_credit('summed.' ~ model) }} as {{ model }}_credit,
        {% endfor -%}
        summed.credited_touches
    from summed
    left join named
        on summed.scoped_campaign_id = named.scoped_campaign_id
)

select * from final
