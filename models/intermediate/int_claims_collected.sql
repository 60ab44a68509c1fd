-- Grain: one person and source system: the stage that the system claims now. Read by stage_claims alone; nothing that
-- proves a stage may look at it, because a CRM may set it when a deal is won.
{{ replaced_rows(key='person_id', by='int_people_affected') }}

with staged as (
    {{ union_staging('contacts') }}
),

claims as (
    select
        contacts.person_id,
        contacts.source_system,
        staged.source_stage as claimed_stage,
        row_number() over (
            partition by contacts.person_id, contacts.source_system
            order by contacts.updated_at desc, contacts.source_contact_id desc
        ) as recency
    from {{ ref('int_contacts_identified') }} as contacts
    inner join staged
        on
            contacts.source_system = staged.source_system
            and contacts.source_table = staged.source_table
            and contacts._load_id = staged._load_id
            and contacts._source_file = staged._source_file
            and contacts._source_row = staged._source_row
            and contacts._is_synthetic = staged._is_synthetic
    where staged.source_stage is not null
),

final as (
    select
        person_id,
        source_system,
        claimed_stage
    from claims
    where recency = 1
)

select * from final
