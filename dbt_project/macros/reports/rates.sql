{#-
    The published columns of a rate, from two expressions: how many of how many. Null where there is no one to count.
    The interval is Wilson's (1927) at 95 %: it stays within 0 and 1 and holds its level for small numbers and for rates
    near 0, where the usual normal interval does not.
-#}
{% macro rate_columns(what, count, out_of) -%}
{{ out_of }} as {{ what }}_n,
        {{ count }} as {{ what }}_count,
        {{ rounded(ratio(count, out_of)) }} as {{ what }}_rate,
        {{ wilson_bound(count, out_of, '-') }} as {{ what }}_low,
        {{ wilson_bound(count, out_of, '+') }} as {{ what }}_high
{%- endmacro %}

{#- One expression by another as a double, null where the latter is 0. -#}
{% macro ratio(count, out_of) -%}
    (cast({{ count }} as {{ type_double() }}) / nullif({{ out_of }}, 0))
{%- endmacro %}

{#-
    Six decimals, as all published doubles: the last digits of a floating sum depend on the order of its rows. Adding zero
    takes the sign from a zero: what lies a hair below it would be published as -0.0, and be no 0 to whoever compares texts.
-#}
{% macro rounded(value) -%}
    (round({{ value }}, 6) + 0.0)
{%- endmacro %}

{#- The lower (`-`) or upper (`+`) bound of Wilson's interval: at 95 %, or at the level of another normal quantile. -#}
{% macro wilson_bound(count, out_of, side, quantile=none) -%}
    {%- set z = quantile or normal_quantile() -%}
    {%- set share = ratio(count, out_of) -%}
    {{ rounded(
        "(" ~ share ~ " + " ~ z ~ " * " ~ z ~ " / (2 * nullif(" ~ out_of ~ ", 0)) " ~ side ~ " " ~ z ~ " * sqrt("
        ~ share ~ " * (1 - " ~ share ~ ") / nullif(" ~ out_of ~ ", 0) + " ~ z ~ " * " ~ z
        ~ " / (4.0 * nullif(" ~ out_of ~ ", 0) * nullif(" ~ out_of ~ ", 0))))"
        ~ " / (1 + " ~ z ~ " * " ~ z ~ " / nullif(" ~ out_of ~ ", 0))"
    ) }}
{%- endmacro %}

{#- A count as it is published: engines sum integers into types of their own. -#}
{% macro as_bigint(count) -%}
    cast({{ count }} as bigint)
{%- endmacro %}

{#- The quantile of the normal distribution at 0.975, for intervals at 95 % with both sides. -#}
{% macro normal_quantile() -%}
    1.959963984540054
{%- endmacro %}
