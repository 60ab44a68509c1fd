-- Grain: one usable row of a touch id that has several. `recency` counts them from the last loaded. A model of its own,
-- because few touches are repeated and the many that are not need no ranking.
{{ replaced_rows(key='touch_id', by='int_rows_changed') }}

{% set is_usable = "standing = 'accepted' and " ~ within_increment('touch_id', 'int_rows_changed', 'touch_id') -%}

with suspected_numbers as (
    select {{ text_number('touch_id') }} as touch_number
    from {{ ref('int_touches_screened') }}
    where {{ is_usable }}
    group by {{ text_number('touch_id') }}
    having count(*) > 1
),

-- Read once more and not kept from above: of all rows, that would be many times what is looked for.
suspected as (
    select
        touch_id,
        contact_key,
        email_normalised,
        anonymous_key,
        _load_id,
        _source_file,
        _source_row,
        count(*) over (partition by touch_id) as usable_rows,
        row_number() over (
            partition by touch_id
            order by _load_id desc, _source_file desc, _source_row desc
        ) as recency
    from {{ ref('int_touches_screened') }}
    where
        {{ is_usable }}
        and {{ text_number('touch_id') }} in (select suspected_numbers.touch_number from suspected_numbers)
),

final as (
    select
        touch_id,
        contact_key,
        email_normalised,
        anonymous_key,
        _load_id,
        _source_file,
        _source_row,
        recency
    from suspected
    where usable_rows > 1
)

select * from final
