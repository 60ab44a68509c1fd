{#-
    The rows of a raw table, each with what the table's snapshots say about it. In `append` mode nothing, because rows
    of earlier files stay in force. In `snapshot` mode all rows with one `_observed_at` are the whole table as it was
    then:

    * `_version_at`   observed-at of the snapshot in which the row's content first appeared without interruption.
    * `_changed_at`   the same, null where the key had no earlier content. The time of a change that the source
                      does not date itself.
    * `_returned_at`  observed-at of the snapshot in which the key came back after it had been missing.
    * `_removed_at`   on the last row before the key went missing, observed-at of the snapshot that lacks it. On a row
                      whose file was delivered again for the same snapshot, its own `_observed_at`: that row is
                      replaced and takes part in nothing, not even in the above.

    A snapshot of which a line could not be read proves no absence: the line may hold the key. An empty file brings no
    row and therefore no snapshot, so a failed export deletes nobody.

    `compared_columns` are those whose change makes a new version. Columns that record a sale do not belong among them.
-#}
{% macro snapshot_rows(relation, key_columns, compared_columns, load_mode) -%}
    {%- if load_mode == 'append' -%}
    select
        source_rows.*,
        source_rows._observed_at as _version_at,
        cast(null as timestamp) as _changed_at,
        cast(null as timestamp) as _returned_at,
        cast(null as timestamp) as _removed_at
    from {{ relation }} as source_rows
    {%- else -%}
    with read_rows as (
        select
            source_rows.*,
            {{ content_digest(key_columns, 'source_rows') }} as _key,
            {{ content_digest(compared_columns, 'source_rows') }} as _content,
            max(source_rows._load_id) over (
                partition by source_rows._observed_at, source_rows._source_file
            ) as _standing_load_id
        from {{ relation }} as source_rows
    ),

    standing_files as (
        select
            _observed_at,
            _source_file,
            max(_load_id) as _load_id
        from read_rows
        group by _observed_at, _source_file
    ),

    unreadable_files as (
        select distinct
            rejects.observed_at,
            rejects.source_file,
            rejects.load_id
        from {{ source('landing', 'rejects') }} as rejects
    ),

    snapshots as (
        select
            standing_files._observed_at,
            max(case when unreadable_files.source_file is null then 0 else 1 end) as unreadable_file_count
        from standing_files
        left join unreadable_files
            on
                standing_files._source_file = unreadable_files.source_file
                and standing_files._observed_at = unreadable_files.observed_at
                and standing_files._load_id = unreadable_files.load_id
        group by standing_files._observed_at
    ),

    snapshots_in_order as (
        select
            _observed_at,
            min(case when unreadable_file_count = 0 then _observed_at end) over (
                order by _observed_at rows between 1 following and unbounded following
            ) as next_complete_at
        from snapshots
    ),

    ranked as (
        select
            _key,
            _content,
            _observed_at,
            row_number() over (
                partition by _key, _observed_at order by _load_id desc, _source_file desc, _source_row desc
            ) as recency
        from read_rows
        where _load_id = _standing_load_id
    ),

    presences as (
        select
            ranked._key,
            ranked._content,
            ranked._observed_at,
            snapshots_in_order.next_complete_at,
            lag(ranked._content) over (partition by ranked._key order by ranked._observed_at) as earlier_content,
            lag(snapshots_in_order.next_complete_at) over (
                partition by ranked._key order by ranked._observed_at
            ) as expected_at,
            lead(ranked._observed_at) over (partition by ranked._key order by ranked._observed_at) as next_presence_at
        from ranked
        inner join snapshots_in_order
            on ranked._observed_at = snapshots_in_order._observed_at
        where ranked.recency = 1
    ),

    compared as (
        select
            presences.*,
            earlier_content is null as is_first,
            earlier_content is not null and expected_at < _observed_at as is_return,
            earlier_content is not null and earlier_content <> _content as is_change
        from presences
    ),

    dated as (
        select
            _key,
            _observed_at,
            max(case when is_first or is_return or is_change then _observed_at end) over key_so_far as _version_at,
            max(case when is_return or is_change then _observed_at end) over key_so_far as _changed_at,
            max(case when is_return then _observed_at end) over key_so_far as _returned_at,
            case
                when next_presence_at is null or next_complete_at < next_presence_at then next_complete_at
            end as _removed_at
        from compared
        window key_so_far as (partition by _key order by _observed_at rows unbounded preceding)
    )

    select
        read_rows.*,
        coalesce(dated._version_at, read_rows._observed_at) as _version_at,
        dated._changed_at,
        dated._returned_at,
        case
            when read_rows._load_id < read_rows._standing_load_id then read_rows._observed_at
            else dated._removed_at
        end as _removed_at
    from read_rows
    left join dated
        on
            read_rows._key = dated._key
            and read_rows._observed_at = dated._observed_at
    {%- endif -%}
{%- endmacro %}
