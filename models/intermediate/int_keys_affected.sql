-- Grain: one identity key whose people an increment computes anew, from their full history, and the person it belonged
-- to until now (null for a new key). All keys of such a person are here, so people are found among them alone. What an
-- earlier build found and did not complete stays here: by then the former people may be forgotten.
{% if is_increment() -%}
    with recursive changed as (
        select * from {{ ref('int_rows_changed') }}
    ),

    keys_changed as (
        select * from {{ ref('int_keys_changed') }}
    ),

    -- All rows of a touch: which of them stands may depend on which of them identifies somebody.
    touches_rechecked as (
        select
            contact_key,
            email_normalised,
            anonymous_key
        from {{ ref('int_touches_staged') }}
        where touch_id in (select rechecked.touch_id from {{ ref('int_touches_rechecked') }} as rechecked)
    ),

    -- A key that ceased to link nobody links whoever shares a row with it.
    flipped as (
        {{ keys_flipped() }}
    ),

    contacts_unlocked as (
        select contact_key
        from {{ ref('int_contacts_staged') }}
        where 'email:' || email_normalised in (select flipped.identity_key from flipped)
    ),

    companies as (
        select distinct
            source_system,
            source_company_id
        from changed
        where entity = 'companies'
    ),

    campaigns as (
        select distinct
            source_system,
            campaign_id
        from changed
        where entity = 'campaigns'
    ),

    reasons as (
        select identity_key from keys_changed
        union
        select contact_key as identity_key from touches_rechecked
        union
        select 'email:' || email_normalised as identity_key from touches_rechecked
        union
        select anonymous_key as identity_key from touches_rechecked
        union
        select contact_key as identity_key from contacts_unlocked
        union
        select contacts.contact_key as identity_key
        from {{ ref('int_contacts_staged') }} as contacts
        inner join companies
            on
                contacts.source_system = companies.source_system
                and contacts.source_company_id = companies.source_company_id
        union
        select touches.identity_key
        from {{ ref('int_touches_judged') }} as touches
        inner join campaigns
            on
                touches.source_system = campaigns.source_system
                and touches.campaign_id = campaigns.campaign_id
        where touches.verdict = 'accepted'
        union
        select crossed.answered_key as identity_key
        from {{ ref('int_answers_crossed') }} as crossed
        inner join {{ ref('int_touches_rechecked') }} as rechecked
            on crossed.touch_id = rechecked.touch_id
        union
        select crossed.identity_key
        from {{ ref('int_answers_crossed') }} as crossed
        inner join {{ ref('int_touches_rechecked') }} as rechecked
            on crossed.touch_id = rechecked.touch_id
    ),

    -- A handoff follows its address only as long as nobody has its contact key: who gets or loses that key takes the
    -- handoff from, or leaves it to, whoever has the address.
    causes as (
        select identity_key from reasons
        union
        select 'email:' || {{ normalised_email('handoffs.email') }} as identity_key
        from {{ ref('int_handoffs_judged') }} as handoffs
        inner join reasons
            on {{ contact_key('handoffs.source_system', 'handoffs.source_contact_id') }} = reasons.identity_key
        where handoffs.verdict = 'accepted'
    ),

    former_people as (
        select former.person_id
        from {{ kept('int_identities_resolved') }} as former
        inner join causes
            on former.identity_key = causes.identity_key
        union
        select person_id from {{ kept('int_people_progressed') }}
        where dormant_at <= {{ as_of() }}
    ),

    crossings as (
        select
            answering.person_id,
            answered.person_id as other_person_id
        from {{ ref('int_answers_crossed') }} as crossed
        inner join {{ kept('int_identities_resolved') }} as answering
            on crossed.identity_key = answering.identity_key
        inner join {{ kept('int_identities_resolved') }} as answered
            on crossed.answered_key = answered.identity_key
        where answering.person_id <> answered.person_id
    ),

    neighbours as (
        select
            person_id,
            other_person_id
        from crossings
        union
        select
            other_person_id as person_id,
            person_id as other_person_id
        from crossings
    ),

    reached as (
        select person_id from former_people
        union
        select neighbours.other_person_id as person_id
        from reached
        inner join neighbours
            on reached.person_id = neighbours.person_id
    ),

    found as (
        select
            former.identity_key,
            former.person_id as former_person_id
        from {{ kept('int_identities_resolved') }} as former
        inner join reached
            on former.person_id = reached.person_id
        union
        select
            causes.identity_key,
            cast(null as varchar) as former_person_id
        from causes
        where causes.identity_key is not null
    ),

    final as (
        select
            found.*,
            {{ since_build_id() }} as since_build_id
        from found
        union
        select
            identity_key,
            former_person_id,
            since_build_id
        from {{ kept('int_keys_affected') }}
        where since_build_id = {{ since_build_id() }}
    )
{%- else -%}
    with final as (
        select
            cast(null as varchar) as identity_key,
            cast(null as varchar) as former_person_id,
            cast(null as varchar) as since_build_id
        where 1 = 0
    )
{%- endif %}

select * from final
