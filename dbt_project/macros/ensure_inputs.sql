{#-
    Creates what the models read and no file or build has brought yet: the tables of the landing ledger and
    of the build's own state, and every declared raw table and column. So a source without files builds as
    empty, a vanished column reads as null, and a plain `dbt build` works on a new warehouse.
-#}
{% macro ensure_inputs() %}
    {% if not execute or flags.WHICH not in ('run', 'build', 'test', 'compile', 'show') %}
        {{ return('') }}
    {% endif %}

    {% set present = {} %}
    {% set rows = run_query(
        "select table_schema, table_name, column_name from information_schema.columns"
    ) %}
    {% for row in rows %}
        {% do present.setdefault((row[0] ~ '.' ~ row[1]) | lower, []).append(row[2] | lower) %}
    {% endfor %}

    {#- The dbt of a build that was killed, and another has begun since. -#}
    {% if env_var('LEADPROOF_BUILD_ID', '') and 'ops.current_build' in present %}
        {% set known = run_query(
            "select count(*) from ops.current_build where build_id = '" ~ env_var('LEADPROOF_BUILD_ID') ~ "'"
        ) %}
        {% if known.columns[0].values()[0] == 0 %}
            {{ exceptions.raise_compiler_error('Another build has begun in this warehouse, so this one ends here.') }}
        {% endif %}
    {% endif %}

    {% set statements = [] %}
    {% for source in graph.sources.values() if source.package_name == project_name %}
        {% set wanted = {} %}
        {% for column in source.columns.values() %}
            {% do wanted.update({column.name: column.data_type or 'varchar'}) %}
        {% endfor %}
        {% if source.schema.startswith('raw_') %}
            {% do wanted.update(provenance_columns()) %}
        {% endif %}
        {% set relation = source.schema ~ '.' ~ source.identifier %}
        {% if relation | lower not in present %}
            {% set columns = [] %}
            {% for name, type in wanted.items() %}
                {% do columns.append(adapter.quote(name) ~ ' ' ~ type) %}
            {% endfor %}
            {% do statements.append('create schema if not exists ' ~ source.schema) %}
            {% do statements.append('create table ' ~ relation ~ ' (' ~ columns | join(', ') ~ ')') %}
        {% else %}
            {% for name, type in wanted.items() if name | lower not in present[relation | lower] %}
                {% do statements.append(
                    'alter table ' ~ relation ~ ' add column ' ~ adapter.quote(name) ~ ' ' ~ type
                ) %}
            {% endfor %}
        {% endif %}
    {% endfor %}
    {% for statement in statements %}
        {% do run_query(statement) %}
    {% endfor %}

    {#- What dbt leaves when it is started by hand, perhaps in part, cannot be continued by the next build. -#}
    {% if flags.WHICH in ('run', 'build') %}
        {% set strangers = "(select build_id from ops.current_build where build_id = '"
            ~ env_var('LEADPROOF_BUILD_ID', '') ~ "')" %}
        {% if adapter.get_relation(target.database, 'ops', 'completed_build') is not none %}
            {% do run_query('delete from ops.completed_build where not exists ' ~ strangers) %}
        {% endif %}
        {% do run_query('update ops.current_build set since_build_id = null where not exists ' ~ strangers) %}
    {% endif %}

    {#- A build by hand has no build id of its own; it says so and looks at the present moment. -#}
    {% do run_query(
        "insert into ops.current_build (build_id, as_of, started_at, id_salt) "
        ~ "select 'by_hand', t.present, t.present, '' from ("
        ~ "select " ~ utc_now() ~ " as present) as t "
        ~ "where not exists (select 1 from ops.current_build)"
    ) %}
{% endmacro %}

{% macro provenance_columns() %}
    {{ return({
        '_load_id': 'bigint',
        '_loaded_at': 'timestamp',
        '_observed_at': 'timestamp',
        '_source_file': 'varchar',
        '_source_row': 'bigint',
    }) }}
{% endmacro %}
