{#- The canonical columns of each entity with their types, in the order in which staging gives them. -#}
{% macro canonical_columns(entity) %}
    {% set double = type_double() | trim %}
    {% set columns = {
        'contacts': {
            'source_contact_id': 'varchar', 'source_company_id': 'varchar', 'email': 'varchar',
            'phone': 'varchar', 'full_name': 'varchar', 'job_title': 'varchar', 'seniority': 'varchar',
            'company_name': 'varchar', 'company_domain': 'varchar', 'industry': 'varchar',
            'employee_count': 'bigint', 'employee_count_max': 'bigint', 'company_type': 'varchar',
            'country': 'varchar', 'acquisition_source': 'varchar', 'source_stage': 'varchar',
            'created_at': 'timestamp', 'updated_at': 'timestamp', 'is_deleted': 'boolean',
        },
        'companies': {
            'source_company_id': 'varchar', 'company_name': 'varchar', 'company_domain': 'varchar',
            'industry': 'varchar', 'employee_count': 'bigint', 'employee_count_max': 'bigint',
            'company_type': 'varchar', 'country': 'varchar', 'updated_at': 'timestamp',
        },
        'touches': {
            'source_touch_id': 'varchar', 'occurred_at': 'timestamp', 'source_contact_id': 'varchar',
            'email': 'varchar', 'anonymous_id': 'varchar', 'channel': 'varchar', 'touch_type': 'varchar',
            'campaign_id': 'varchar', 'answers_touch_id': 'varchar', 'placement': 'varchar',
            'keyword_intent': 'varchar', 'audience_consent': 'varchar', 'content_fit': 'varchar',
            'initiated_by': 'varchar', 'offer_id': 'varchar', 'landing_page': 'varchar',
            'response_relevance': 'varchar', 'response_intent': 'varchar',
        },
        'campaigns': {
            'campaign_id': 'varchar', 'campaign_name': 'varchar', 'channel': 'varchar',
            'segment_name': 'varchar', 'segment_definition': 'varchar', 'message_name': 'varchar',
            'message_hypothesis': 'varchar', 'expected_response': 'varchar', 'success_metric': 'varchar',
            'success_threshold': 'varchar', 'icp_version': 'varchar', 'starts_at': 'timestamp',
            'ends_at': 'timestamp', 'created_at': 'timestamp', 'updated_at': 'timestamp',
        },
        'campaign_spend': {
            'campaign_id': 'varchar', 'spend_date': 'timestamp', 'amount': double, 'currency': 'varchar',
        },
        'handoffs': {
            'source_handoff_id': 'varchar', 'source_contact_id': 'varchar', 'email': 'varchar',
            'occurred_at': 'timestamp', 'outcome': 'varchar', 'reason': 'varchar',
        },
        'deals': {
            'source_deal_id': 'varchar', 'source_contact_id': 'varchar', 'email': 'varchar',
            'occurred_at': 'timestamp', 'status': 'varchar', 'amount': double, 'currency': 'varchar',
        },
    } %}
    {{ return(columns[entity]) }}
{% endmacro %}

{#- What every staged row says of where it came from and whether it can be used. -#}
{% macro staged_columns() %}
    {{ return({
        'source_system': 'varchar', 'source_table': 'varchar', '_load_id': 'bigint',
        '_loaded_at': 'timestamp', '_observed_at': 'timestamp', '_source_file': 'varchar',
        '_source_row': 'bigint', '_removed_at': 'timestamp', '_is_synthetic': 'boolean',
        'reject_reason': 'varchar', 'reject_column': 'varchar', 'warning_columns': 'varchar',
    }) }}
{% endmacro %}

{#- A staging model for an entity that the system does not have: the right columns and no row. -#}
{% macro no_rows(entity) %}
    {% set columns = {} %}
    {% do columns.update(canonical_columns(entity)) %}
    {% do columns.update(staged_columns()) %}
select
    {% for name, type in columns.items() -%}
    cast(null as {{ type }}) as {{ name }}{{ ',' if not loop.last }}
    {% endfor %}
where 1 = 0
{% endmacro %}
