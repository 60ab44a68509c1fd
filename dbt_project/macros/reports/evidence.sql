{#-
    Evidence for and against a promised share, as e-values (decision 0022).

    Each person contacted succeeds or does not. The promise p0 is tested against alternatives by the likelihood ratio of
    the outcomes so far. An alternative says that the odds of success are r times those promised; then after n people of
    whom s succeeded

        ln LR(r) = s * ln(r) - n * ln(1 + (r - 1) * p0)

    and the evidence is the plain average of LR(r) over the odds ratios below, those above 1 against "at most p0" and
    their reciprocals against "at least p0". Where p0 differs from person to person, the second term is a sum.
-#}

{#- The odds ratios of one side (`above` or `below`): a third of a doubling apart, up to sixteenfold. -#}
{% macro tested_odds_ratios(side) -%}
    {%- set ratios = [] -%}
    {%- for step in range(1, 13) -%}
        {%- do ratios.append(2 ** ((step if side == 'above' else -step) / 3)) -%}
    {%- endfor -%}
    {{ return(ratios) }}
{%- endmacro %}

{#-
    What the second term sums over people who were promised the same, exactly: a floating sum would depend on the order
    of its rows.
-#}
{% macro expected_term(people, promised, odds_ratio) -%}
    cast({{ people }} * ln(1 + {{ odds_ratio - 1 }} * {{ promised }}) as decimal(38, 9))
{%- endmacro %}

{#-
    log10 of the average of likelihood ratios, from expressions of their natural logarithms. The greatest is taken out
    first: an e-value has hundreds of digits, and a double has not. What is e^700 times smaller adds nothing to it; some
    engines take its exponential for an error.
-#}
{% macro log10_of_average(logarithms) -%}
    {%- set greatest_one = "greatest(" ~ logarithms | join(", ") ~ ")" -%}
    (
        (
            {{ greatest_one }}
            + ln(
                (
                    {%- for logarithm in logarithms %}
                    {{ '+ ' if not loop.first }}exp(greatest({{ logarithm }} - {{ greatest_one }}, -700))
                    {%- endfor %}
                ) / {{ logarithms | length }}.0
            )
        ) / ln(10.0)
    )
{%- endmacro %}

{#- A rate in words, as a percentage with one decimal at most, below 1 % with two; `4 %` and not `4.0 %`. -#}
{% macro percent_text(rate) -%}
    {%- set digits -%}
        case
            when {{ rate }} < 0.01 then cast(cast(100 * {{ rate }} as decimal(9, 2)) as varchar)
            else cast(cast(100 * {{ rate }} as decimal(9, 1)) as varchar)
        end
    {%- endset -%}
    {{ regexp_replace_all(digits, "'\\.?0+$'", "''") }} || ' %'
{%- endmacro %}
