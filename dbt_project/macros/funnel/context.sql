{#- Campaign columns of the context stamp, by the name they have in the campaign's own record. -#}
{% macro stamped_campaign_columns() %}
    {{ return({
        'campaign_name': 'campaign_name',
        'channel': 'campaign_channel',
        'segment_name': 'segment_name',
        'segment_definition': 'segment_definition',
        'message_name': 'message_name',
        'message_hypothesis': 'message_hypothesis',
        'expected_response': 'expected_response',
        'success_metric': 'success_metric',
        'success_threshold': 'success_threshold',
        'icp_version': 'campaign_icp_version',
        'starts_at': 'campaign_starts_at',
        'ends_at': 'campaign_ends_at',
        'created_at': 'campaign_created_at',
        'updated_at': 'campaign_updated_at',
    }) }}
{% endmacro %}

{#- Campaign columns that the registry may fill. -#}
{% macro registry_columns() %}
    {{ return([
        'campaign_name', 'channel', 'segment_name', 'segment_definition', 'message_name', 'message_hypothesis',
        'expected_response', 'success_metric', 'success_threshold', 'icp_version', 'starts_at', 'ends_at',
    ]) }}
{% endmacro %}

{#- The whole stamp as published, from relation alias `stamped`; the campaign's texts from alias `texts`, if another. -#}
{% macro stamp_columns(stamped, texts=none) -%}
{{ stamped }}.campaign_id,
        {% for column in stamped_campaign_columns().values() -%}
        {{ texts or stamped }}.{{ column }},
        {% endfor -%}
        {{ stamped }}.is_in_segment,
        {{ stamped }}.is_context_complete,
        {{ stamped }}.missing_context_fields,
        {{ stamped }}.context_source
{%- endmacro %}

{#- Why a touch may have no campaign to be stamped with. -#}
{% macro missing_campaign_reasons() -%}
    {{ return(['no_campaign', 'campaign_unknown', 'campaign_not_in_force']) }}
{%- endmacro %}
