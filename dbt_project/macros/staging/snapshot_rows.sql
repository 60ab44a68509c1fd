{#-
    The rows of a raw table, each with what the table's snapshots say about it. In `append` mode nothing, because rows
    of earlier files stay in force. In `snapshot` mode all rows with one `_delivered_observed_at` are the whole table
    as it was then:

    * `_delivered_*`  when and in which file the row was delivered. A content that was loaded before loads nothing;
                      its rows are here again, once per delivery that brings an old state back. Where nothing has
                      been delivered since, they are not: they would say the same.
    * `_version_at`   observed-at of the snapshot in which the row's content first appeared without interruption.
    * `_changed_at`   the same, null where the key had no earlier content. The time of a change that the source
                      does not date itself.
    * `_returned_at`  observed-at of the snapshot in which the key came back after it had been missing.
    * `_removed_at`   observed-at of the first snapshot after the row that lacks its key. On a row whose file was
                      replaced for the same snapshot, its own `_delivered_observed_at`: that row takes part in
                      nothing, not even in the above.

    A snapshot of which a line could not be read proves no absence: the line may hold the key. An empty file brings no
    row and therefore no snapshot, so a failed export deletes nobody.

    `compared_columns` are those whose change makes a new version. Columns that record a sale do not belong among them.
-#}
{% macro snapshot_rows(relation, key_columns, compared_columns, load_mode) -%}
    {%- if load_mode == 'append' -%}
    select
        source_rows.*,
        {% for column in delivered_landing_columns() -%}
        source_rows.{{ column }} as _delivered{{ column }},
        {% endfor -%}
        source_rows._observed_at as _version_at,
        cast(null as timestamp) as _changed_at,
        cast(null as timestamp) as _returned_at,
        cast(null as timestamp) as _removed_at
    from {{ relation }} as source_rows
    {%- else -%}
    with redeliveries as (
        {{ file_redeliveries() }}
    ),

    delivered_rows as (
        select
            source_rows.*,
            {% for column in delivered_landing_columns() -%}
            source_rows.{{ column }} as _delivered{{ column }},
            {% endfor -%}
            false as _is_redelivered
        from {{ relation }} as source_rows
        union all
        select
            source_rows.*,
            redeliveries.load_id as _delivered_load_id,
            redeliveries.loaded_at as _delivered_loaded_at,
            redeliveries.observed_at as _delivered_observed_at,
            redeliveries.path as _delivered_source_file,
            true as _is_redelivered
        from {{ relation }} as source_rows
        inner join redeliveries
            on
                source_rows._load_id = redeliveries.landed_load_id
                and source_rows._source_file = redeliveries.landed_path
    ),

    read_rows as (
        select
            delivered_rows.*,
            {{ content_digest(key_columns, 'delivered_rows') }} as _key,
            {{ content_digest(compared_columns, 'delivered_rows') }} as _content,
            max(delivered_rows._delivered_load_id) over (
                partition by delivered_rows._delivered_observed_at, delivered_rows._delivered_source_file
            ) as _standing_load_id
        from delivered_rows
    ),

    standing_files as (
        select
            _delivered_observed_at as observed_at,
            _delivered_source_file as source_file,
            max(_delivered_load_id) as load_id
        from read_rows
        group by
            _delivered_observed_at,
            _delivered_source_file
    ),

    unreadable_files as (
        select
            rejects.observed_at,
            rejects.source_file,
            rejects.load_id
        from {{ source('landing', 'rejects') }} as rejects
        union
        select
            redeliveries.observed_at,
            redeliveries.path as source_file,
            redeliveries.load_id
        from redeliveries
        where redeliveries.reject_count > 0
    ),

    snapshots as (
        select
            standing_files.observed_at,
            max(case when unreadable_files.source_file is null then 0 else 1 end) as unreadable_file_count
        from standing_files
        left join unreadable_files
            on
                standing_files.source_file = unreadable_files.source_file
                and standing_files.observed_at = unreadable_files.observed_at
                and standing_files.load_id = unreadable_files.load_id
        group by standing_files.observed_at
    ),

    snapshots_in_order as (
        select
            observed_at,
            lag(observed_at) over (order by observed_at) as earlier_snapshot_at,
            min(case when unreadable_file_count = 0 then observed_at end) over (
                order by observed_at rows between 1 following and unbounded following
            ) as next_complete_at
        from snapshots
    ),

    ranked as (
        select
            _key,
            _content,
            _load_id,
            _source_file,
            _delivered_observed_at as observed_at,
            row_number() over (
                partition by _key, _delivered_observed_at
                order by _delivered_load_id desc, _delivered_source_file desc, _source_row desc
            ) as recency
        from read_rows
        where _delivered_load_id = _standing_load_id
    ),

    presences as (
        select
            ranked._key,
            ranked._content,
            ranked.observed_at,
            ranked._load_id,
            ranked._source_file,
            snapshots_in_order.earlier_snapshot_at,
            snapshots_in_order.next_complete_at,
            lag(ranked._content) over key_in_order as earlier_content,
            lag(ranked.observed_at) over key_in_order as earlier_presence_at,
            lag(ranked._load_id) over key_in_order as earlier_load_id,
            lag(ranked._source_file) over key_in_order as earlier_source_file,
            lag(snapshots_in_order.next_complete_at) over key_in_order as expected_at,
            lead(ranked.observed_at) over key_in_order as next_presence_at
        from ranked
        inner join snapshots_in_order
            on ranked.observed_at = snapshots_in_order.observed_at
        where ranked.recency = 1
        window key_in_order as (partition by ranked._key order by ranked.observed_at)
    ),

    compared as (
        select
            presences.*,
            earlier_content is null as is_first,
            earlier_content is not null and expected_at < observed_at as is_return,
            earlier_content is not null and earlier_content <> _content as is_change,
            -- The snapshot before holds the same rows of the same file version.
            earlier_presence_at = earlier_snapshot_at
            and earlier_load_id = _load_id
            and earlier_source_file = _source_file as is_repeat
        from presences
    ),

    dated as (
        select
            _key,
            observed_at,
            coalesce(is_repeat, false) as is_repeat,
            max(case when is_first or is_return or is_change then observed_at end) over key_so_far as _version_at,
            max(case when is_return or is_change then observed_at end) over key_so_far as _changed_at,
            max(case when is_return then observed_at end) over key_so_far as _returned_at,
            min(case
                when next_presence_at is null or next_complete_at < next_presence_at then next_complete_at
            end) over key_from_here as _removed_at
        from compared
        window
            key_so_far as (partition by _key order by observed_at rows unbounded preceding),
            key_from_here as (
                partition by _key order by observed_at rows between current row and unbounded following
            )
    )

    select
        read_rows.*,
        coalesce(dated._version_at, read_rows._delivered_observed_at) as _version_at,
        dated._changed_at,
        dated._returned_at,
        case
            when read_rows._delivered_load_id < read_rows._standing_load_id then read_rows._delivered_observed_at
            else dated._removed_at
        end as _removed_at
    from read_rows
    left join dated
        on
            read_rows._key = dated._key
            and read_rows._delivered_observed_at = dated.observed_at
    where
        not read_rows._is_redelivered
        or (read_rows._delivered_load_id = read_rows._standing_load_id and not dated.is_repeat)
    {%- endif -%}
{%- endmacro %}
