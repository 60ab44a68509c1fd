with present as (
    select
        quarantined.quarantine_id,
        quarantined.source_system,
        quarantined.source_table,
        quarantined.entity,
        {{ publishable("quarantined.source_file", "words") }} as source_file,
        quarantined.source_row,
        quarantined.reason_code,
        quarantined.reason_column,
        quarantined.first_seen_at,
        case
            when dismissals.quarantine_id is not null then 'dismissed'
            when quarantined.is_replaced then 'replaced'
            else 'open'
        end as status,
        dismissals.reason as status_reason
    from {{ ref('int_rows_quarantined') }} as quarantined
    left join {{ ref('quarantine_dismissals') }} as dismissals
        on quarantined.quarantine_id = dismissals.quarantine_id
),

-- A system that is off is not examined, so nothing of it can be said to pass.
feeds as (
    {{ declared_feeds() }}
),

released as (
    select
        log.quarantine_id,
        log.source_system,
        log.source_table,
        log.entity,
        {{ publishable("log.source_file", "words") }} as source_file,
        log.source_row,
        log.reason_code,
        log.reason_column,
        log.first_seen_at,
        'released' as status,
        cast(null as varchar) as status_reason
    from {{ source('ops', 'quarantine_log') }} as log
    inner join feeds
        on
            log.source_system = feeds.source_system
            and log.source_table = feeds.source_table
            and log.entity = feeds.entity
    left join present
        on log.quarantine_id = present.quarantine_id
    where present.quarantine_id is null
),

final as (
    select * from present
    union all
    select * from released
)

select * from final
