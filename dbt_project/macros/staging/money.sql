{#-
    An amount as CRMs print it (`$1,117.10K`, `(€ 200)`, `-$3.5M`) as the text of a plain number. A text of any other
    form stays as it is, so that what reads it can say that it is unreadable. A comma groups thousands, never decimals.
    Give a clean text column, not an expression: it is named several times.
-#}
{% macro money_as_number(text) -%}
    {%- set pattern = "'^[-(]{0,2}[$€£]?[ ]*[0-9]{1,3}(,?[0-9]{3})*([.][0-9]+)?[ ]*[KkMmBb]?[)]?$'" -%}
    case
        when {{ regexp_like(text, pattern) }}
            then cast(round(
                cast({{ regexp_replace_all(text, "'[^0-9.]'", "''") }} as {{ type_double() }})
                * case lower({{ regexp_extract(text, "'[KkMmBb]'") }})
                    when 'k' then 1000
                    when 'm' then 1000000
                    when 'b' then 1000000000
                    else 1
                end
                * case when {{ regexp_like(text, "'^[-(]'") }} then -1 else 1 end,
                4
            ) as {{ dbt.type_string() }})
        else {{ text }}
    end
{%- endmacro %}

{#- The currency sign of an amount, null where it carries none. Which currency it stands for is policy. -#}
{% macro currency_sign(text) -%}
    {{ regexp_extract(text, "'[$€£]'") }}
{%- endmacro %}
