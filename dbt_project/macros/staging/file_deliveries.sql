{#-
    Each time a path of the landing folder took another content, whether that content was loaded then or had been
    before. A file that was only touched, or copied along with its folder, delivers nothing.
-#}
{% macro file_deliveries() -%}
    with readable_versions as (
        select
            files.source_system,
            files.source_table,
            files.path,
            files.content_hash,
            files.status,
            files.load_id,
            files.loaded_at,
            files.observed_at,
            lag(files.content_hash) over (
                partition by files.source_system, files.source_table, files.path order by files.load_id
            ) as earlier_content_hash
        from {{ source('landing', 'files') }} as files
        where files.status in ('loaded', 'duplicate')
    )

    select
        source_system,
        source_table,
        path,
        content_hash,
        status,
        load_id,
        loaded_at,
        observed_at
    from readable_versions
    where
        earlier_content_hash is null
        or earlier_content_hash <> content_hash
{%- endmacro %}

{#-
    Deliveries of a content that its table holds already, with the file version that brought its rows: the loader
    loads a content once. Of snapshot tables only, where they say that the old state is back.
-#}
{% macro file_redeliveries() -%}
    with deliveries as (
        {{ file_deliveries() }}
    )

    select
        deliveries.source_system,
        deliveries.source_table,
        deliveries.path,
        deliveries.load_id,
        deliveries.loaded_at,
        deliveries.observed_at,
        landed.path as landed_path,
        landed.load_id as landed_load_id,
        landed.loaded_at as landed_loaded_at,
        landed.reject_count
    from deliveries
    inner join {{ source('landing', 'files') }} as landed
        on
            deliveries.source_system = landed.source_system
            and deliveries.source_table = landed.source_table
            and deliveries.content_hash = landed.content_hash
            and landed.status = 'loaded'
    where
        deliveries.status = 'duplicate'
        and deliveries.source_system || '.' || deliveries.source_table in ('{{ snapshot_tables() | join("', '") }}')
{%- endmacro %}
