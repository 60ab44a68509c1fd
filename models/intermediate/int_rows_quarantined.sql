-- Grain: one landed row that the present build cannot use, per entity it should have fed. Lines that could not be
-- parsed structurally stand here too.
with feeds as (
    {{ declared_feeds() }}
),

deliveries as (
    {{ file_deliveries() }}
),

-- A path loaded again with new content is a further version of the file.
file_versions as (
    select
        source_system,
        source_table,
        path,
        load_id,
        content_hash,
        row_number() over (partition by source_system, source_table, path order by load_id) as file_version
    from deliveries
    where status = 'loaded'
),

present_files as (
    select
        source_system,
        source_table,
        path,
        {{ arg_max('content_hash', 'load_id') }} as content_hash
    from deliveries
    group by
        source_system,
        source_table,
        path
),

unusable_deliveries as (
    select
        source_system,
        source_table,
        entity,
        _load_id,
        _loaded_at,
        _source_file,
        _source_row,
        _delivered_load_id,
        _delivered_source_file,
        min(row_key) as row_key,
        -- A fact that is corrected may move; a version that is older says something else.
        max(case when entity in ('contacts', 'companies', 'campaigns') then row_at end) as version_at,
        min(reject_reason) as reason_code,
        min(reject_column) as reason_column,
        row_number() over (
            partition by source_system, source_table, entity, _load_id, _source_file, _source_row
            order by _delivered_load_id desc, _delivered_source_file desc
        ) as recency
    from {{ ref('int_rows_judged') }}
    where verdict = 'quarantined'
    group by
        source_system,
        source_table,
        entity,
        _load_id,
        _loaded_at,
        _source_file,
        _source_row,
        _delivered_load_id,
        _delivered_source_file
),

-- However often its content was delivered, a landed row stands here once.
unusable as (
    select
        source_system,
        source_table,
        entity,
        _load_id,
        _loaded_at,
        _source_file,
        _source_row,
        _delivered_load_id,
        _delivered_source_file,
        row_key,
        version_at,
        reason_code,
        reason_column
    from unusable_deliveries
    where recency = 1
),

-- A raw row that feeds an entity with several rows counts as used when one of them is.
used as (
    select distinct
        rows_judged.source_system,
        rows_judged.source_table,
        rows_judged.entity,
        rows_judged._load_id,
        rows_judged._source_file,
        rows_judged._source_row
    from {{ ref('int_rows_judged') }} as rows_judged
    inner join unusable
        on
            rows_judged.source_system = unusable.source_system
            and rows_judged.source_table = unusable.source_table
            and rows_judged.entity = unusable.entity
            and rows_judged._load_id = unusable._load_id
            and rows_judged._source_file = unusable._source_file
            and rows_judged._source_row = unusable._source_row
    where
        rows_judged.verdict <> 'quarantined'
        -- Where rows stand alone, one raw row is one staged row of an entity.
        and not {{ stands_alone('rows_judged.source_system') }}
),

rejected_rows as (
    select unusable.*
    from unusable
    left join used
        on
            unusable.source_system = used.source_system
            and unusable.source_table = used.source_table
            and unusable.entity = used.entity
            and unusable._load_id = used._load_id
            and unusable._source_file = used._source_file
            and unusable._source_row = used._source_row
    where used.source_system is null
    union all
    select
        rejects.source_system,
        rejects.source_table,
        feeds.entity,
        rejects.load_id as _load_id,
        rejects.loaded_at as _loaded_at,
        rejects.source_file as _source_file,
        rejects.source_row as _source_row,
        rejects.load_id as _delivered_load_id,
        rejects.source_file as _delivered_source_file,
        cast(null as varchar) as row_key,
        cast(null as timestamp) as version_at,
        'structural_reject' as reason_code,
        cast(null as varchar) as reason_column
    from {{ source('landing', 'rejects') }} as rejects
    inner join feeds
        on
            rejects.source_system = feeds.source_system
            and rejects.source_table = feeds.source_table
),

numbered as (
    select
        rejected_rows.*,
        row_number() over (
            partition by
                rejected_rows.source_system,
                rejected_rows.source_table,
                rejected_rows.entity,
                rejected_rows._load_id,
                rejected_rows._source_file,
                rejected_rows._source_row
            order by rejected_rows.reason_code
        ) as place
    from rejected_rows
),

accepted_later as (
    select distinct
        numbered.source_system,
        numbered.entity,
        numbered._load_id,
        numbered._source_file,
        numbered._source_row
    from numbered
    inner join {{ ref('int_rows_judged') }} as rows_judged
        on
            numbered.source_system = rows_judged.source_system
            and numbered.entity = rows_judged.entity
            and numbered.row_key = rows_judged.row_key
    where
        rows_judged.verdict = 'accepted'
        and rows_judged.row_at >= coalesce(numbered.version_at, {{ beginning_of_time() }})
        and (
            rows_judged._delivered_load_id > numbered._delivered_load_id
            or (
                rows_judged._delivered_load_id = numbered._delivered_load_id
                and rows_judged._delivered_source_file > numbered._delivered_source_file
            )
            or (
                rows_judged._delivered_load_id = numbered._delivered_load_id
                and rows_judged._delivered_source_file = numbered._delivered_source_file
                and rows_judged._source_row > numbered._source_row
            )
        )
),

final as (
    select
        md5(concat_ws(
            '|',
            numbered.source_system,
            numbered.source_table,
            numbered.entity,
            numbered._source_file,
            cast(coalesce(file_versions.file_version, 1) as varchar),
            cast(numbered._source_row as varchar),
            cast(numbered.place as varchar)
        )) as quarantine_id,
        numbered.source_system,
        numbered.source_table,
        numbered.entity,
        numbered._source_file as source_file,
        numbered._source_row as source_row,
        numbered.reason_code,
        numbered.reason_column,
        numbered._loaded_at as first_seen_at,
        accepted_later.source_system is not null
        -- Without a key only another content of its file can replace a row. With one, that is so where the file is the
        -- whole table; else the next export under a name that is used again would close what nobody has repaired.
        or (
            coalesce(present_files.content_hash <> file_versions.content_hash, false)
            and (
                numbered.row_key is null
                {% for table in snapshot_tables() -%}
                    or numbered.source_system || '.' || numbered.source_table = '{{ table }}'
                {% endfor %}
            )
        ) as is_replaced
    from numbered
    left join file_versions
        on
            numbered.source_system = file_versions.source_system
            and numbered.source_table = file_versions.source_table
            and numbered._source_file = file_versions.path
            and numbered._load_id = file_versions.load_id
    left join present_files
        on
            numbered.source_system = present_files.source_system
            and numbered.source_table = present_files.source_table
            and numbered._delivered_source_file = present_files.path
    left join accepted_later
        on
            numbered.source_system = accepted_later.source_system
            and numbered.entity = accepted_later.entity
            and numbered._load_id = accepted_later._load_id
            and numbered._source_file = accepted_later._source_file
            and numbered._source_row = accepted_later._source_row
)

select * from final
