-- Grain: one load run of one source system whose rows an increment stages (again): those since the last completed
-- build, and all of a system whose rows do not stand alone once it has delivered. Empty where all is built anew.
with delivered as (
    select distinct source_system
    from {{ source('landing', 'files') }}
    where load_id > {{ since_load_id() }}
),

final as (
    select distinct
        files.source_system,
        files.load_id as _load_id
    from {{ source('landing', 'files') }} as files
    inner join delivered
        on files.source_system = delivered.source_system
    where
        files.load_id > {{ since_load_id() }}
        or not {{ stands_alone('files.source_system') }}
)

select * from final
