{{ config(enabled='olist' in var('source_systems')) }}

{{ no_rows('campaign_spend') }}
