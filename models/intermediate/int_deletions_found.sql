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
            as change_in_live_records,
        -- A record may be known as deleted from the first: it came and went between two exports.
        sum(case when is_deleted and not coalesce(was_deleted, false) then 1 else 0 end) as deleted_records
    from versions
    group by
        person_id,
        updated_at
),

counted as (
    select
        person_id,
        updated_at,
        deleted_records,
        sum(change_in_live_records) over (
            partition by person_id order by updated_at
            rows between unbounded preceding and current row
        ) as live_records
    from changes
),

final as (
    select
        person_id,
        updated_at as deleted_at
    from counted
    where
        live_records = 0
        and deleted_records > 0
)

select * from final
