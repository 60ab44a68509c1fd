{{ config(enabled='zoho' in var('source_systems')) }}

{#- The export leaves the potential's id out. -#}
{%- set potential_identity = ['leadid', 'potential_name', 'created_time', 'campaign_id'] -%}

-- Grain: one landed potential and status. Each was opened when it was created; one in a closed stage was also won or
-- lost on its closing date. The closing date of an open potential is a hope and is not read.
with source as (
    {{ snapshot_rows(
        source('raw_zoho', 'potentials'),
        key_columns=potential_identity,
        compared_columns=[],
        load_mode=load_mode('zoho.potentials'),
    ) }}
),

potentials as (
    select
        source.*,
        'potential-' || {{ content_digest(potential_identity, 'source') }} as source_deal_id,
        {{ clean_text('source.amount') }} as amount_text,
        {{ mapped_value('zoho', 'stage__status', clean_text('source.stage')) }} as closed_status
    from source
),

states as (
    select
        potentials.*,
        'opened' as status,
        potentials.created_time as occurred_at
    from potentials
    union all
    select
        potentials.*,
        potentials.closed_status as status,
        potentials.closing_date as occurred_at
    from potentials
    where potentials.closed_status is not null
),

renamed as (
    select
        -- ids
        states.source_deal_id,
        {{ zoho_id('lead', 'leadid') }} as source_contact_id,
        null as email,

        -- times
        states.occurred_at,

        -- facts
        states.status,
        {{ money_as_number('states.amount_text') }} as amount,
        {{ mapped_value('zoho', 'amount__currency', currency_sign('states.amount_text')) }} as currency,

        -- provenance
        {{ landing_columns('zoho', 'potentials') }}
    from states
),

final as (
    {{ conform('deals', 'renamed') }}
)

select * from final
