-- Grain: one staged row that is new, gone, different or fallen due since the last completed build, by the keys through
-- which it reaches people. Empty where everything is built anew. What an earlier build found and did not complete stays
-- here until a build completes: by then the tables it was compared with may have been replaced.
{% set all_keys = [
    'touch_id', 'contact_key', 'email_normalised', 'anonymous_key', 'source_company_id', 'campaign_id',
] -%}
{% set person_keys = {
    'contact_key': contact_key('source_system', 'source_contact_id'),
    'email_normalised': normalised_email('email'),
} -%}
{% set keys_of_entities = {
    'touches': dict(
        person_keys,
        touch_id="source_system || ':' || source_touch_id",
        anonymous_key=anonymous_key('source_system', 'anonymous_id')
    ),
    'contacts': person_keys,
    'handoffs': person_keys,
    'companies': {'source_company_id': 'source_company_id'},
    'campaigns': {'campaign_id': 'campaign_id'},
    'registrations': {'campaign_id': 'campaign_id'},
} -%}
{% if is_increment() -%}
    with
    {{ changed_rows('touches', 'int_touches_staged', 'occurred_at') }},

    {{ changed_rows('contacts', 'int_contacts_staged', 'updated_at', omitted=['source_stage']) }},

    {{ changed_rows('companies', 'int_companies_judged', 'updated_at') }},

    {{ changed_rows('campaigns', 'int_campaigns_judged', 'updated_at') }},

    {{ changed_rows('handoffs', 'int_handoffs_judged', 'occurred_at') }},

    registrations as (
        select
            source_system,
            campaign_id,
            {{ registry_columns() | join(', ') }},
            registered_at
        from {{ ref('campaign_registry') }}
    ),

    registrations_kept as (
        select
            source_system,
            campaign_id,
            {{ registry_columns() | join(', ') }},
            registered_at
        from {{ source('ops', 'completed_registry') }}
    ),

    new_registrations as (
        select * from registrations
        except
        select * from registrations_kept
    ),

    gone_registrations as (
        select * from registrations_kept
        except
        select * from registrations
    ),

    changed_registrations as (
        select * from new_registrations
        union all
        select * from gone_registrations
    ),

    keyed as (
        {% for entity, keys in keys_of_entities.items() -%}
            select
                '{{ 'campaigns' if entity == 'registrations' else entity }}' as entity,
                source_system,
                {% for key in all_keys -%}
                    {{ keys.get(key, 'cast(null as varchar)') }} as {{ key }}{{ ',' if not loop.last }}
                {% endfor %}
            from changed_{{ entity }}
            {{ 'union' if not loop.last }}
        {% endfor %}
    ),

    final as (
        select
            entity,
            source_system,
            {{ all_keys | join(', ') }},
            {{ since_build_id() }} as since_build_id
        from keyed
        union
        select
            entity,
            source_system,
            {{ all_keys | join(', ') }},
            since_build_id
        from {{ kept('int_rows_changed') }}
        where since_build_id = {{ since_build_id() }}
    )
{%- else -%}
    with final as (
        select
            {% for name in ['entity', 'source_system'] + all_keys -%}
                cast(null as varchar) as {{ name }},
            {% endfor -%}
            cast(null as varchar) as since_build_id
        where 1 = 0
    )
{%- endif %}

select * from final
