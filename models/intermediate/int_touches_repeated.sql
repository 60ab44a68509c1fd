-- Grain: one usable row of a touch id that has several. `recency` counts them from the last loaded. A model of its own,
-- because few touches are repeated and the many that are not need no ranking.
{{ replaced_rows(key='touch_id', by='int_rows_changed') }}

with usable as (
    select
        touch_id,
        contact_key,
        email_normalised,
        anonymous_key,
        _load_id,
        _source_file,
        _source_row
    from {{ ref('int_touches_screened') }}
    where
        standing = 'accepted'
        and {{ within_increment('touch_id', 'int_rows_changed', 'touch_id') }}
),

repeated_ids as (
    select touch_id
    from usable
    group by touch_id
    having count(*) > 1
),

final as (
    select
        usable.*,
        row_number() over (
            partition by usable.touch_id
            order by usable._load_id desc, usable._source_file desc, usable._source_row desc
        ) as recency
    from usable
    inner join repeated_ids
        on usable.touch_id = repeated_ids.touch_id
)

select * from final
