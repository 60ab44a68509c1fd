select
    -- ids
    campaign_key,
    source_system,
    campaign_id,

    -- times
    valid_from,
    case when valid_to < {{ end_of_time() }} then valid_to end as valid_to,

    -- facts
    {% for name in stamped_campaign_columns().values() -%}
    {{ name }}{{ ',' if not loop.last }}
    {% endfor %}
from {{ ref('int_campaigns_versioned') }}
