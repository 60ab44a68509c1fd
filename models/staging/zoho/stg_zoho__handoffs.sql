{{ config(enabled='zoho' in var('source_systems')) }}

{{ no_rows('handoffs') }}
