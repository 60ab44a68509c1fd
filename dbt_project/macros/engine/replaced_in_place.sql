{#-
    Tables and views of DuckDB, replaced in place. Its DDL is transactional, so nobody sees a half-made table, and one that
    fails leaves the table that was there. dbt's own way for any engine, to build beside and rename twice, costs four
    statements and as many macros more for each model, which is most of what a small model costs; here it is one. A table
    is still made beside the one it replaces, because some models read what they kept. Models have neither indexes nor
    foreign keys, and grants are the business of the release.
-#}
{% materialization table, adapter='duckdb' %}
    {{ return(replaced_in_place('table')) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {{ return(replaced_in_place('view')) }}
{% endmaterialization %}

{% macro replaced_in_place(kind) %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type=kind) -%}
    {%- set beside = target.incorporate(path={'identifier': this.identifier ~ '__beside'}) -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- call statement('main') -%}
        {% if existing is none -%}
        {{ create_view_as(target, compiled_code) if kind == 'view' else create_table_as(False, target, compiled_code) }}
        {%- elif kind == 'view' -%}
        drop {{ existing.type }} if exists {{ existing }};
        {{ create_view_as(target, compiled_code) }}
        {%- else -%}
        {{ create_table_as(False, beside, compiled_code) }}
        drop {{ existing.type }} if exists {{ existing }};
        alter table {{ beside }} rename to {{ target.identifier }};
        {%- endif %}
    {%- endcall -%}
    {% do persist_docs(target, model) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{% endmacro %}
