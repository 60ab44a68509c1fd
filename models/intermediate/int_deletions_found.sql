-- Grain: one moment at which all contact records that a person had by then had become deleted.
with versions as (
    select
        person_id,
        contact_key,
        updated_at,
        is_deleted,
        lag(is_deleted) over (partition by person_id, contact_key order by updated_at) as was_deleted
    from {{ ref('int_contacts_identified') }}
),

changes as (
    select
        person_id,
        updated_at,
        sum(case when not is_deleted then 1 else 0 end - case when not coalesce(was_deleted, true) then 1 else 0 end)
            as change_in_live_records
    from versions
    group by
        person_id,
        updated_at
),

counted as (
    select
        person_id,
        updated_at,
        sum(change_in_live_records) over (
            partition by person_id order by updated_at
            rows between unbounded preceding and current row
        ) as live_records
    from changes
),

compared as (
    select
        person_id,
        updated_at,
        live_records,
        lag(live_records) over (partition by person_id order by updated_at) as live_records_before
    from counted
),

final as (
    select
        person_id,
        updated_at as deleted_at
    from compared
    where
        live_records = 0
        and coalesce(live_records_before, 1) > 0
)

select * from final
