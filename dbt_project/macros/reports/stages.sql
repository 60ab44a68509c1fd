{#- The place of a stage in the funnel: what comes later at one instant is the further one. -#}
{% macro stage_rank(stage) -%}
    case {{ stage }} when 'suspect' then 1 when 'prospect' then 2 when 'mql' then 3 when 'sql' then 4 end
{%- endmacro %}

{#-
    Whether an entry of `int_entries_described` is that of a suspect who was a prospect at the very instant: whose name
    became known by the response itself, or who came back by it. Nobody was there before to be won, so such entries are
    in no rate from suspect to prospect (decision 0021).
-#}
{% macro is_immediate_prospect() -%}
    coalesce(stage = 'suspect' and next_stage_at = entered_at, false)
{%- endmacro %}
