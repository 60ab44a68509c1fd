{#-
    Makes a model one of which an increment keeps what it does not compute anew: the rows whose `key` (a column or a list
    of columns) stands in model `by` give way to what the query returns.

    `compared` is for models that are long and wide: a mapping of `key`, a column that tells the rows apart, and `rows`, a
    model that holds all rows of those computed anew under the same key. Such a model ends in `differing_rows`.
-#}
{% macro replaced_rows(key, by, compared=none) -%}
    {{ config(
        materialized='incremental',
        incremental_strategy='replaced_rows',
        unique_key=key,
        meta={'replaced_by': by, 'compared': compared} if compared else {'replaced_by': by},
        on_schema_change='fail',
    ) }}
    {#- So that dbt knows of it; the strategy reads it, not the model, and a unit test has no strategy. -#}
    {%- if not execute -%}
        {%- do ref(by) -%}
        {%- if compared -%}
            {%- do ref(compared.rows) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#-
    CTE `differing`: the rows of a CTE, in an increment without those that the table holds already. Somebody's new touch
    changes none of their old ones, and writing a row costs many times what reading and comparing it does. What the table
    holds is looked up by digests, so that nothing is kept in memory but these.
-#}
{% macro differing_rows(rows, key, by) -%}
    {%- set names = model.columns.keys() | list -%}
differing as (
    select {{ names | join(', ') }} from {{ rows }}
    {% if is_increment() -%}
    where {{ row_digest(names) }} not in (
        select {{ row_digest(names) }}
        from {{ this }}
        where {{ within_increment(key, by, key) }}
    )
    {%- endif %}
)
{%- endmacro %}

{#-
    Incremental strategy of these models. Unlike delete+insert, rows that have no successor go too: people who were
    merged, keys that a correction took away. Run twice, it comes to the same, so a killed build needs no repair.
-#}
{% macro get_incremental_replaced_rows_sql(arguments) -%}
    {%- set target_rows = arguments.target_relation -%}
    {%- set arrived = arguments.temp_relation -%}
    {%- set columns = arguments.dest_columns | map(attribute='quoted') | join(', ') -%}
    {%- set meta = config.get('meta') -%}
    {%- if not is_increment() -%}
    delete from {{ target_rows }};
    {%- elif meta.compared -%}
    {%- set key = meta.compared.key -%}
    create or replace temporary table rows_gone as
    select target_rows.{{ [key, meta.published_by] | select | join(', target_rows.') }}
    from {{ target_rows }} as target_rows
    where
        {{ replaced('target_rows', arguments.unique_key, meta.replaced_by) }}
        and (
            target_rows.{{ key }} in (select arrived.{{ key }} from {{ arrived }} as arrived)
            or target_rows.{{ key }} not in (
                select present.{{ key }} from {{ ref(meta.compared.rows) }} as present
            )
        );

    {{ note_changed_months(['rows_gone', arrived]) if meta.published_by }}

    delete from {{ target_rows }}
    where {{ key }} in (select rows_gone.{{ key }} from rows_gone);
    {%- else -%}
    delete from {{ target_rows }} as target_rows
    where {{ replaced('target_rows', arguments.unique_key, meta.replaced_by) }};
    {%- endif %}

    insert into {{ target_rows }} ({{ columns }})
    select {{ columns }} from {{ arrived }}
{%- endmacro %}

{#- Whether a row's keys stand in the model that says what is computed anew. -#}
{% macro replaced(row, unique_key, by) -%}
    {%- set keys = [unique_key] if unique_key is string else unique_key -%}
    exists (
        select 1
        from {{ ref(by) }} as replaced
        where
            {% for key in keys -%}
            {{ row }}.{{ key }} = replaced.{{ key }}
            {{ 'and ' if not loop.last }}
            {%- endfor %}
    )
{%- endmacro %}

{#-
    Notes to which months of a published table rows came or from which they went, in the transaction that changes them:
    publication reads the others no more. The build's own state, so no source of any model.
-#}
{% macro note_changed_months(relations) -%}
    {%- set noted = this.incorporate(path={'schema': 'ops', 'identifier': 'months_changed'}) -%}
    {%- set month = dbt.date_trunc('month', config.get('meta').published_by) -%}
    create table if not exists {{ noted }} (table_name varchar, changed_month timestamp);

    insert into {{ noted }} (table_name, changed_month)
    {% for relation in relations -%}
    select
        '{{ this.identifier }}' as table_name,
        {{ month }} as changed_month
    from {{ relation }}
    {{ 'union' if not loop.last }}
    {% endfor -%};
{%- endmacro %}
