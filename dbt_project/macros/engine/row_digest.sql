{#-
    A value that two rows share if they share all of these columns, null being a value like any other, and else do not, for
    all that can happen: 128 bits of MD5. Two long tables are compared by it, row with row, where `except` over all columns
    would keep the rows of both with all their texts in memory. Each value is written down with its length, so that no text
    can be taken for two.
-#}
{% macro row_digest(columns) -%}
    {{ return(adapter.dispatch('row_digest', 'leadproof')(columns)) }}
{%- endmacro %}

{% macro default__row_digest(columns) -%}
    md5({{ written_with_lengths(columns) }})
{%- endmacro %}

{#-
    As a number, which takes half of the memory. Not DuckDB's own `hash`, which is several times as fast: of two texts that
    differ in two bytes eight places apart it makes the same one time in some hundreds. Of numbers it does not, so lengths
    go through it: to write fifty of them down costs as much as all the rest.
-#}
{% macro duckdb__row_digest(columns) -%}
    md5_number(concat(
        {{ columns | join(', ') }},
        hash({% for column in columns %}strlen({{ column }}::varchar){{ ', ' if not loop.last }}{% endfor %})
    ))
{%- endmacro %}

{% macro written_with_lengths(columns) -%}
    concat(
        {% for column in columns -%}
            coalesce(
                cast(length(cast({{ column }} as {{ dbt.type_string() }})) as {{ dbt.type_string() }})
                || ':' || cast({{ column }} as {{ dbt.type_string() }}),
                '-'
            ){{ ', ' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
