with feeds as (
    {{ declared_feeds() }}
),

landed as (
    select
        source_system,
        source_table,
        sum(row_count + reject_count) as landed_rows,
        sum(coalesce(erased_count, 0)) as erased_rows,
        count(*) as files,
        max(observed_at) as latest_observed_at
    from {{ source('landing', 'files') }}
    where status = 'loaded'
    group by
        source_system,
        source_table
),

-- A raw row counts once per entity it feeds, by the best verdict of the rows staged from it.
raw_rows as (
    select
        source_system,
        source_table,
        entity,
        min({{ verdict_rank('verdict') }}) as verdict_rank,
        max(case when verdict = 'accepted' then row_at end) as row_at,
        max({{ listed_values('warning_columns') }}) as warning_values
    from {{ ref('int_rows_judged') }}
    where not {{ stands_alone('source_system') }}
    group by
        source_system,
        source_table,
        entity,
        _load_id,
        _source_file,
        _source_row
),

-- Where rows stand alone, each raw row is staged once per entity, so nothing has to be brought together row by row.
verdict_ranks as (
    select
        source_system,
        source_table,
        entity,
        verdict_rank,
        row_at,
        warning_values
    from raw_rows
    union all
    select
        source_system,
        source_table,
        entity,
        {{ verdict_rank('verdict') }} as verdict_rank,
        case when verdict = 'accepted' then row_at end as row_at,
        {{ listed_values('warning_columns') }} as warning_values
    from {{ ref('int_rows_judged') }}
    where {{ stands_alone('source_system') }}
),

counted as (
    select
        source_system,
        source_table,
        entity,
        sum(case when verdict_rank = 1 then 1 else 0 end) as accepted_rows,
        sum(case when verdict_rank = 2 then 1 else 0 end) as superseded_rows,
        sum(case when verdict_rank = 3 then 1 else 0 end) as pending_rows,
        sum(case when verdict_rank = 4 then 1 else 0 end) as quarantined_rows,
        sum(warning_values) as warning_values,
        max(row_at) as latest_row_at
    from verdict_ranks
    group by
        source_system,
        source_table,
        entity
),

rejects as (
    select
        source_system,
        source_table,
        count(*) as rejected_rows
    from {{ source('landing', 'rejects') }}
    group by
        source_system,
        source_table
),

opened as (
    select
        source_system,
        source_table,
        entity,
        count(*) as open_quarantined_rows
    from {{ ref('quarantine') }}
    where status = 'open'
    group by
        source_system,
        source_table,
        entity
),

present as (
    select
        current_build.build_id,
        feeds.source_system,
        feeds.source_table,
        feeds.entity,
        cast(coalesce(landed.landed_rows, 0) as bigint) as landed_rows,
        cast(coalesce(counted.accepted_rows, 0) as bigint) as accepted_rows,
        cast(coalesce(counted.superseded_rows, 0) as bigint) as superseded_rows,
        cast(coalesce(counted.quarantined_rows, 0) + coalesce(rejects.rejected_rows, 0) as bigint) as quarantined_rows,
        cast(coalesce(counted.pending_rows, 0) as bigint) as pending_rows,
        cast(coalesce(landed.erased_rows, 0) as bigint) as erased_rows,
        cast(coalesce(opened.open_quarantined_rows, 0) as bigint) as open_quarantined_rows,
        cast(coalesce(counted.warning_values, 0) as bigint) as warning_values,
        cast(coalesce(landed.files, 0) as bigint) as files,
        landed.latest_observed_at,
        counted.latest_row_at,
        current_build.as_of
    from feeds
    cross join {{ source('ops', 'current_build') }} as current_build
    left join landed
        on
            feeds.source_system = landed.source_system
            and feeds.source_table = landed.source_table
    left join counted
        on
            feeds.source_system = counted.source_system
            and feeds.source_table = counted.source_table
            and feeds.entity = counted.entity
    left join rejects
        on
            feeds.source_system = rejects.source_system
            and feeds.source_table = rejects.source_table
    left join opened
        on
            feeds.source_system = opened.source_system
            and feeds.source_table = opened.source_table
            and feeds.entity = opened.entity
),

earlier as (
    select
        log.build_id,
        log.source_system,
        log.source_table,
        log.entity,
        log.landed_rows,
        log.accepted_rows,
        log.superseded_rows,
        log.quarantined_rows,
        log.pending_rows,
        coalesce(log.erased_rows, 0) as erased_rows,
        log.open_quarantined_rows,
        log.warning_values,
        log.files,
        log.latest_observed_at,
        log.latest_row_at,
        log.as_of
    from {{ source('ops', 'row_reconciliation_log') }} as log
    where log.build_id not in (select current_build.build_id from {{ source('ops', 'current_build') }} as current_build)
),

final as (
    select * from present
    union all
    select * from earlier
)

select * from final
