{#- An address as identity sees it: lower-cased, null unless exactly one `@` stands between two non-empty parts. -#}
{% macro normalised_email(email) -%}
    case when {{ email }} like '_%@_%' and {{ email }} not like '%@%@%' then lower({{ email }}) end
{%- endmacro %}

{#- A person's id from its leading key: md5 over salt and key. Without a salt it can be guessed from an address. -#}
{% macro person_id_of(key) -%}
    'p_' || substr(
        md5((select current_build.id_salt from {{ source('ops', 'current_build') }} as current_build) || {{ key }}), 1, 16
    )
{%- endmacro %}

{#- A contact record as an identity key; null without an id. -#}
{% macro contact_key(source_system, source_contact_id) -%}
    'contact:' || {{ source_system }} || ':' || {{ source_contact_id }}
{%- endmacro %}

{#- A visitor's anonymous id as an identity key; null without one. -#}
{% macro anonymous_key(source_system, anonymous_id) -%}
    'anonymous:' || {{ source_system }} || ':' || {{ anonymous_id }}
{%- endmacro %}
