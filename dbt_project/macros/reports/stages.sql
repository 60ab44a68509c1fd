{#- The place of a stage in the funnel: what comes later at one instant is the further one. -#}
{% macro stage_rank(stage) -%}
    case {{ stage }} when 'suspect' then 1 when 'prospect' then 2 when 'mql' then 3 when 'sql' then 4 end
{%- endmacro %}
