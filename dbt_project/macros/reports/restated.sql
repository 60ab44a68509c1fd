{#-
    CTEs that find which rows of an entity say something else now than when the compared release was published. A row
    that was delivered again with the same content says nothing new, however late it landed.

    * `<name>_stood`    the rows that stood then (`is_then`), stand now (`is_now`) or both, of every key in `family` that
                        something has happened to since; with `content`, a digest of the columns in `contents`.
    * `<name>_changed`  those of them whose key has another content now, or had none then, or has none now.
                        `changed_from` is the earlier of the row times then and now; `is_waiting` says that the row of
                        now had landed then and waited for its time.

    `rows`: a relation of staged rows. `key`: columns of which one row stands. `family`: the columns of the key by which
    rows are fetched. `is_version`: whether a row is a version, which no later snapshot takes back. For a model with a
    CTE `compared`.
-#}
{% macro rows_changed_since(name, rows, key, row_time, contents, family=none, is_version=false) -%}
{%- set family = family or key -%}
{{ name }}_touched as (
    select distinct
        {% for column in family -%}
        staged.{{ column }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ rows }} as staged
    inner join compared
        on
            staged._loaded_at > compared.published_at
            or staged._removed_at > compared.as_of
            or (staged.{{ row_time }} > compared.as_of and staged.{{ row_time }} <= {{ as_of() }})
),

{{ name }}_judged as (
    select
        staged.*,
        {{ content_digest(contents, 'staged') }} as content,
        staged._loaded_at <= compared.published_at as had_landed,
        staged._loaded_at <= compared.published_at
        and staged.{{ row_time }} <= compared.as_of
        {%- if not is_version %}
        and (
            staged._removed_at is null
            or staged._removed_at > compared.as_of
            or staged._removed_at = staged._observed_at
        )
        {%- endif %} as is_usable_then,
        staged.{{ row_time }} <= {{ as_of() }}
        and (staged._removed_at is null or staged._removed_at <> staged._observed_at or staged._is_synthetic)
        {%- if not is_version %}
        and (staged._removed_at is null or staged._removed_at > {{ as_of() }})
        {%- endif %} as is_usable_now
    from {{ rows }} as staged
    inner join {{ name }}_touched as touched
        on
            {% for column in family -%}
            staged.{{ column }} = touched.{{ column }}
            {%- if not loop.last %}
            and {% endif %}
            {% endfor %}
    cross join compared
    where staged.reject_reason is null
),

{{ name }}_ranked as (
    select
        {{ name }}_judged.*,
        {% for moment in ['then', 'now'] -%}
        row_number() over (
            partition by {{ key | join(', ') }}, is_usable_{{ moment }}
            order by _is_synthetic, _load_id desc, _source_file desc, _source_row desc
        ) as place_{{ moment }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ name }}_judged
),

{{ name }}_stood as (
    select
        {{ name }}_ranked.*,
        is_usable_then and place_then = 1 as is_then,
        is_usable_now and place_now = 1 as is_now
    from {{ name }}_ranked
    where
        (is_usable_then and place_then = 1)
        or (is_usable_now and place_now = 1)
),

{{ name }}_keys as (
    select
        {{ key | join(',\n        ') }},
        min({{ row_time }}) as changed_from,
        coalesce(
            max(case when is_now and had_landed and {{ row_time }} > compared.as_of then 1 end), 0
        ) = 1 as is_waiting
    from {{ name }}_stood
    cross join compared
    group by {{ key | join(', ') }}
    having
        coalesce(max(case when is_then then content end), {{ no_value() }})
        <> coalesce(max(case when is_now then content end), {{ no_value() }})
),

{{ name }}_changed as (
    select
        stood.*,
        changed.changed_from,
        changed.is_waiting
    from {{ name }}_stood as stood
    inner join {{ name }}_keys as changed
        on
            {% for column in key -%}
            stood.{{ column }} = changed.{{ column }}
            {%- if not loop.last %}
            and {% endif %}
            {% endfor %}
)
{%- endmacro %}

{#- The canonical columns of an entity that may move somebody: all but the key and what only names a person. -#}
{% macro telling_columns(entity, key) -%}
    {{ return(
        canonical_columns(entity).keys() | reject('in', key + ['phone', 'full_name', 'source_stage']) | list
    ) }}
{%- endmacro %}
