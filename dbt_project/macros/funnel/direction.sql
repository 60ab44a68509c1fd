{#- The touch columns that a direction rule may look at, besides the permission that the person gave. -#}
{% macro direction_rule_fields() %}
    {{ return([
        'channel', 'touch_type', 'placement', 'keyword_intent', 'audience_consent', 'content_fit', 'initiated_by'
    ]) }}
{% endmacro %}
