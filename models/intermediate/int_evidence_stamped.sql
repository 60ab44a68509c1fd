-- Grain: one accepted touch by which somebody entered or left a stage, or may have: a response or an opt-out, with
-- everything decided about it. A table of its own, because few touches are evidence and what proves stages asks often.
with final as (
    select *
    from {{ ref('int_touches_stamped') }}
    where
        is_response
        or is_opt_out
)

select * from final
