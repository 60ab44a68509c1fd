{#-
    Tables and views of DuckDB, replaced in place. Its DDL is transactional, so nobody sees a half-made table, and one that
    fails leaves the table that was there. dbt's own way for any engine, to build beside and rename twice, costs four
    statements and as many macros more for each model, which is most of what a small model costs. Models have neither
    indexes nor foreign keys, and grants are the business of the release.
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

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- call statement('main') -%}
        {% if existing is not none -%}
        drop {{ existing.type }} if exists {{ existing }};
        {% endif -%}
        {{ create_view_as(target, compiled_code) if kind == 'view' else create_table_as(False, target, compiled_code) }}
    {%- endcall -%}
    {% do persist_docs(target, model) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{% endmacro %}
