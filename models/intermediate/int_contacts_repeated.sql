-- Grain: one usable row of a contact version that several rows hold. A model of its own, because few are repeated and
-- the many that are not need no ranking.
{{ replaced_rows(key='contact_key', by='int_rows_changed') }}

with staged as (
    select * from {{ ref('int_contacts_staged') }}
    where {{ within_increment('contact_key', 'int_rows_changed', 'contact_key') }}
),

{{ standing_rows('staged', row_time='updated_at', is_version=true) }},

{{ repeated_rows('standing', key=['contact_key', 'updated_at']) }}

select * from repeated
