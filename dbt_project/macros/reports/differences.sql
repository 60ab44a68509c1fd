{#-
    Newcombe's hybrid score interval (Statistics in Medicine 17, 1998, method 10) for a difference of two independent
    rates, `left` minus `right`: what Wilson's limits of each leave is squared and added. `side`: `-` or `+`. Each
    argument names a rate, with columns `<name>_rate`, `<name>_low` and `<name>_high`.
-#}
{% macro newcombe_bound(left, right, side) -%}
    {%- set out = {'-': ('low', 'high'), '+': ('high', 'low')}[side] -%}
    ({{ left }}_rate - {{ right }}_rate {{ side }} sqrt(
        ({{ left }}_rate - {{ left }}_{{ out[0] }}) * ({{ left }}_rate - {{ left }}_{{ out[0] }})
        + ({{ right }}_{{ out[1] }} - {{ right }}_rate) * ({{ right }}_{{ out[1] }} - {{ right }}_rate)
    ))
{%- endmacro %}

{#-
    Aggregates over strata of a two-by-two table, for the risk difference of Mantel and Haenszel (Greenland and Robins,
    Biometrics 41, 1985) and its variance by Sato (Sato, Greenland and Robins, Biometrics 45, 1989), which holds for few
    large strata and for many small ones. Expressions: `x1` of `n1` on the left, `x0` of `n0` on the right.
-#}
{% macro mantel_haenszel_sums(x1, n1, x0, n0) -%}
    {%- set double = type_double() -%}
    {%- set n = '(' ~ n1 ~ ' + ' ~ n0 ~ ')' -%}
    sum(cast({{ n1 }} as {{ double }}) * {{ n0 }} / nullif({{ n }}, 0)) as weight,
        sum(cast({{ x1 }} as {{ double }}) * {{ n0 }} / nullif({{ n }}, 0)) as weighted_left,
        sum(cast({{ x0 }} as {{ double }}) * {{ n1 }} / nullif({{ n }}, 0)) as weighted_right,
        sum(
            (
                cast({{ n1 }} as {{ double }}) * {{ n1 }} * {{ x0 }}
                - cast({{ n0 }} as {{ double }}) * {{ n0 }} * {{ x1 }}
                + cast({{ n1 }} as {{ double }}) * {{ n0 }} * ({{ n0 }} - {{ n1 }}) / 2
            )
            / nullif({{ n }} * {{ n }}, 0)
        ) as sato_p,
        sum(
            (
                cast({{ x1 }} as {{ double }}) * ({{ n0 }} - {{ x0 }})
                + cast({{ x0 }} as {{ double }}) * ({{ n1 }} - {{ x1 }})
            )
            / nullif(2 * {{ n }}, 0)
        ) as sato_q
{%- endmacro %}
