{#-
    Whether this run continues from the last completed build. The build decides and says so in `ops.current_build`: no
    model decides for itself, because half an increment is wrong. Without a word of it, everything is built anew.
-#}
{% macro is_increment() -%}
    {#- While dbt parses, yes: the increment is the branch that reads more. -#}
    {%- if not execute -%}
        {{ return(true) }}
    {%- endif -%}
    {%- if flags.FULL_REFRESH -%}
        {{ return(false) }}
    {%- endif -%}
    {#- Not `source`: a unit test replaces what a model reads, and this is about the run. -#}
    {%- set build = adapter.get_relation(target.database, 'ops', 'current_build') -%}
    {%- if build is none -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set found = run_query('select count(*) from ' ~ build ~ ' where since_build_id is not null') -%}
    {{ return(found.columns[0].values()[0] > 0) }}
{%- endmacro %}

{#- The last completed build, from which an increment continues; null where everything is built anew. -#}
{% macro since_build_id() -%}
    (select current_build.since_build_id from {{ source('ops', 'current_build') }} as current_build)
{%- endmacro %}

{#- Its clock. Rows between it and as-of waited for this build. -#}
{% macro since_as_of() -%}
    (select current_build.since_as_of from {{ source('ops', 'current_build') }} as current_build)
{%- endmacro %}

{#- The latest load run that it had seen. -#}
{% macro since_load_id() -%}
    (select current_build.since_load_id from {{ source('ops', 'current_build') }} as current_build)
{%- endmacro %}

{#-
    A model's table as an earlier build left it. Not a `ref`: the model that reads it runs before the one that
    replaces it, and the latter must say so with `depends_on`.
-#}
{% macro kept(model_name) -%}
    {{ return(this.incorporate(path={'schema': generate_schema_name('intermediate', none), 'identifier': model_name})) }}
{%- endmacro %}

{#-
    In an increment, whether a column's value stands in a column of a model; else true. So each model between identity and
    marts holds all people in a full build and the affected ones in an increment, by the same query.
-#}
{% macro within_increment(column, model_name, model_column) -%}
    {%- if is_increment() -%}
        {{ column }} in (select touched.{{ model_column }} from {{ ref(model_name) }} as touched)
    {%- else -%}
        1 = 1
    {%- endif -%}
{%- endmacro %}
