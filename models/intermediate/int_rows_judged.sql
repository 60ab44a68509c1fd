-- Grain: one staged row of any entity that a file holds, with its verdict. What reconciliation counts and quarantine
-- lists. Both are about landed rows, so rows of a content that was delivered again lead to the row that was landed.
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

with redeliveries as (
    {{ file_redeliveries() }}
),

final as (
    {% for entity, columns in entities.items() %}
        select
            judged.source_system,
            judged.source_table,
            '{{ entity }}' as entity,
            coalesce(redeliveries.landed_load_id, judged._load_id) as _load_id,
            coalesce(redeliveries.landed_loaded_at, judged._loaded_at) as _loaded_at,
            coalesce(redeliveries.landed_path, judged._source_file) as _source_file,
            judged._source_row,
            judged._load_id as _delivered_load_id,
            judged._source_file as _delivered_source_file,
            {% for column in columns.key -%}
                cast(judged.{{ column }} as varchar){{ " || '|' || " if not loop.last }}
            {%- endfor %} as row_key,
            cast(judged.{{ columns.row_at }} as timestamp) as row_at,
            judged.verdict,
            judged.reject_reason,
            judged.reject_column,
            judged.warning_columns
        from {{ ref('int_' ~ entity ~ '_judged') }} as judged
        left join redeliveries
            on
                judged._load_id = redeliveries.load_id
                and judged._source_file = redeliveries.path
        where not judged._is_synthetic
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select * from final
