-- Grain: one staged row of any entity that a file holds, with its verdict. What reconciliation
-- counts and quarantine lists.
{{ config(materialized='view') }}

{% set entities = {
    'contacts': {'row_at': 'updated_at', 'key': ['source_contact_id']},
    'companies': {'row_at': 'updated_at', 'key': ['source_company_id']},
    'touches': {'row_at': 'occurred_at', 'key': ['source_touch_id']},
    'campaigns': {'row_at': 'updated_at', 'key': ['campaign_id']},
    'campaign_spend': {'row_at': 'spend_date', 'key': ['campaign_id', 'spend_date', 'currency']},
    'handoffs': {'row_at': 'occurred_at', 'key': ['source_handoff_id']},
    'deals': {'row_at': 'occurred_at', 'key': ['source_deal_id', 'status']},
} %}

{% for entity, columns in entities.items() %}
    select
        source_system,
        source_table,
        '{{ entity }}' as entity,
        _load_id,
        _loaded_at,
        _source_file,
        _source_row,
        {% for column in columns.key -%}
            cast({{ column }} as varchar){{ " || '|' || " if not loop.last }}
        {%- endfor %} as row_key,
        cast({{ columns.row_at }} as timestamp) as row_at,
        verdict,
        reject_reason,
        reject_column,
        warning_columns
    from {{ ref('int_' ~ entity ~ '_judged') }}
    where not _is_synthetic
    {% if not loop.last %}union all{% endif %}
{% endfor %}
