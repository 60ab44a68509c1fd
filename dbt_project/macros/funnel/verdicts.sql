{#- The one clock of a build. -#}
{% macro as_of() -%}
    (select current_build.as_of from {{ source('ops', 'current_build') }} as current_build)
{%- endmacro %}

{#- Before any date that a source could hold: the open start of a first version. -#}
{% macro beginning_of_time() -%}
    timestamp '0001-01-01 00:00:00'
{%- endmacro %}

{% macro end_of_time() -%}
    timestamp '9999-12-31 00:00:00'
{%- endmacro %}

{#-
    The rows of relation `staged` with `verdict`: quarantined, pending, superseded or accepted, in that order of
    questions. `key`: columns of which only the row loaded last stands. `row_time`: what as-of is compared with.
    A row that a snapshot no longer holds is superseded: at once when a corrected file replaced it, and for facts
    (not for versions, whose past stays true) from the moment it was found missing.
-#}
{% macro judged(staged, key, row_time, is_version=false) %}
{{ standing_rows(staged, row_time, is_version) }},

{{ repeated_rows('standing', key) }},

{{ judged_rows('standing', 'repeated', key) }}
{% endmacro %}

{#- CTE `standing`: what can be said of each row without looking at the others. -#}
{% macro standing_rows(staged, row_time, is_version=false) -%}
standing as (
    select
        {{ staged }}.*,
        case
            when reject_reason is not null then 'quarantined'
            when {{ row_time }} > {{ as_of() }} then 'pending'
            when _removed_at = _observed_at and not _is_synthetic then 'superseded'
            {% if not is_version -%}
            when _removed_at <= {{ as_of() }} then 'superseded'
            {% endif -%}
            else 'accepted'
        end as standing
    from {{ staged }}
)
{%- endmacro %}

{#- CTE `repeated`: usable rows whose key stands more than once, ranked from the row loaded last. -#}
{% macro repeated_rows(standing, key) -%}
repeated_keys as (
    select {{ key | join(', ') }}
    from {{ standing }}
    where standing = 'accepted'
    group by {{ key | join(', ') }}
    having count(*) > 1
),

repeated as (
    select
        standing._load_id,
        standing._source_file,
        standing._source_row,
        standing._is_synthetic,
        {% for column in key %}standing.{{ column }},
        {% endfor %}
        row_number() over (
            partition by {% for column in key %}standing.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
            order by standing._is_synthetic, standing._load_id desc, standing._source_file desc, standing._source_row desc
        ) as recency
    from {{ standing }} as standing
    inner join repeated_keys
        on {% for column in key %}standing.{{ column }} = repeated_keys.{{ column }}{{ ' and ' if not loop.last }}{% endfor %}
    where standing.standing = 'accepted'
)
{%- endmacro %}

{#- CTE `judged`: of the rows of one key only the one loaded last stands. -#}
{% macro judged_rows(standing, repeated, key) -%}
judged as (
    select
        standing.*,
        case
            when standing.standing = 'accepted' and repeated.recency > 1 then 'superseded'
            else standing.standing
        end as verdict
    from {{ standing }} as standing
    left join {{ repeated }} as repeated
        on
            standing._load_id = repeated._load_id
            and standing._source_file = repeated._source_file
            and standing._source_row = repeated._source_row
            and standing._is_synthetic = repeated._is_synthetic
            {% for column in key -%}
            and standing.{{ column }} = repeated.{{ column }}
            {% endfor %}
)
{%- endmacro %}

{#- Verdicts from the best to the worst, as a number. -#}
{% macro verdict_rank(verdict) -%}
    case {{ verdict }} when 'accepted' then 1 when 'superseded' then 2 when 'pending' then 3 else 4 end
{%- endmacro %}

{#- How many values a `|` list holds. -#}
{% macro listed_values(list) -%}
    case
        when coalesce({{ list }}, '') = '' then 0
        else length({{ list }}) - length(replace({{ list }}, '|', '')) + 1
    end
{%- endmacro %}
