-- Grain: one staged row that is new, gone, different or fallen due since the last completed build, by the keys through
-- which it reaches people. Empty where everything is built anew. What an earlier build found and did not complete stays
-- here until a build completes: by then the tables it was compared with may have been replaced.
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
        select
            'touches' as entity,
            source_system,
            source_system || ':' || source_touch_id as touch_id,
            {{ contact_key('source_system', 'source_contact_id') }} as contact_key,
            {{ normalised_email('email') }} as email_normalised,
            {{ anonymous_key('source_system', 'anonymous_id') }} as anonymous_key,
            cast(null as varchar) as source_company_id,
            cast(null as varchar) as campaign_id
        from changed_touches
        union
        select
            'contacts' as entity,
            source_system,
            null as touch_id,
            {{ contact_key('source_system', 'source_contact_id') }} as contact_key,
            {{ normalised_email('email') }} as email_normalised,
            null as anonymous_key,
            null as source_company_id,
            null as campaign_id
        from changed_contacts
        union
        select
            'companies' as entity,
            source_system,
            null as touch_id,
            null as contact_key,
            null as email_normalised,
            null as anonymous_key,
            source_company_id,
            null as campaign_id
        from changed_companies
        union
        select
            'campaigns' as entity,
            source_system,
            null as touch_id,
            null as contact_key,
            null as email_normalised,
            null as anonymous_key,
            null as source_company_id,
            campaign_id
        from changed_campaigns
        union
        select
            'campaigns' as entity,
            source_system,
            null as touch_id,
            null as contact_key,
            null as email_normalised,
            null as anonymous_key,
            null as source_company_id,
            campaign_id
        from changed_registrations
        union
        select
            'handoffs' as entity,
            source_system,
            null as touch_id,
            {{ contact_key('source_system', 'source_contact_id') }} as contact_key,
            {{ normalised_email('email') }} as email_normalised,
            null as anonymous_key,
            null as source_company_id,
            null as campaign_id
        from changed_handoffs
    ),

    final as (
        select
            keyed.*,
            {{ since_build_id() }} as since_build_id
        from keyed
        union
        select
            entity,
            source_system,
            touch_id,
            contact_key,
            email_normalised,
            anonymous_key,
            source_company_id,
            campaign_id,
            since_build_id
        from {{ kept('int_rows_changed') }}
        where since_build_id = {{ since_build_id() }}
    )
{%- else -%}
    with final as (
        select
            cast(null as varchar) as entity,
            cast(null as varchar) as source_system,
            cast(null as varchar) as touch_id,
            cast(null as varchar) as contact_key,
            cast(null as varchar) as email_normalised,
            cast(null as varchar) as anonymous_key,
            cast(null as varchar) as source_company_id,
            cast(null as varchar) as campaign_id,
            cast(null as varchar) as since_build_id
        where 1 = 0
    )
{%- endif %}

select * from final
