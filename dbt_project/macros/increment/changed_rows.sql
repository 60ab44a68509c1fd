{#-
    CTEs that end in `changed_<entity>`: the staged rows that are new, gone, different or fallen due since the last
    completed build. They are found by comparing what is staged now with what `kept_model` still holds, so this must run
    before that model is replaced.
-#}
{% macro changed_rows(entity, kept_model, row_time, omitted=[]) -%}
    {%- set names = staged_row_columns(entity, omitted) | join(', ') -%}
arrived_{{ entity }} as (
    {{ union_staging(entity, omitted=omitted, loads=ref('int_loads_restaged')) }}
),

former_{{ entity }} as (
    select kept_rows.*
    from {{ kept(kept_model) }} as kept_rows
    inner join {{ ref('int_loads_restaged') }} as restaged
        on
            kept_rows.source_system = restaged.source_system
            and kept_rows._load_id = restaged._load_id
),

new_{{ entity }} as (
    select {{ names }} from arrived_{{ entity }}
    except
    select {{ names }} from former_{{ entity }}
),

gone_{{ entity }} as (
    select {{ names }} from former_{{ entity }}
    except
    select {{ names }} from arrived_{{ entity }}
),

due_{{ entity }} as (
    select {{ names }}
    from {{ kept(kept_model) }}
    where
        ({{ row_time }} > {{ since_as_of() }} and {{ row_time }} <= {{ as_of() }})
        or (_removed_at > {{ since_as_of() }} and _removed_at <= {{ as_of() }})
),

changed_{{ entity }} as (
    select * from new_{{ entity }}
    union all
    select * from gone_{{ entity }}
    union all
    select * from due_{{ entity }}
)
{%- endmacro %}

{#- The keys on changed rows that began or ceased to link nobody. -#}
{% macro keys_flipped() -%}
    select changed_keys.identity_key
    from {{ ref('int_keys_changed') }} as changed_keys
    left join {{ ref('int_identity_hubs_found') }} as hubs
        on changed_keys.identity_key = hubs.identity_key
    where changed_keys.was_hub <> (hubs.identity_key is not null)
{%- endmacro %}
