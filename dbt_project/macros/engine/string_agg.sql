{#- The values of a group in one text, separated by `|`, in the order given. -#}
{% macro string_agg(value, ordered) -%}
    {{ return(adapter.dispatch('string_agg', 'leadproof')(value, ordered)) }}
{%- endmacro %}

{% macro default__string_agg(value, ordered) -%}
    string_agg({{ value }}, '|' order by {{ ordered }})
{%- endmacro %}

{% macro spark__string_agg(value, ordered) -%}
    array_join(transform(array_sort(collect_list(struct({{ ordered }}, {{ value }}))), x -> x.col2), '|')
{%- endmacro %}
