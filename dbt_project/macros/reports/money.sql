{#- Whole cents as an amount, and an amount as whole cents. -#}
{% macro cents_as_amount(cents) -%}
    cast(cast({{ cents }} as decimal(34, 0)) * cast(0.01 as decimal(3, 2)) as decimal(38, 2))
{%- endmacro %}

{% macro amount_as_cents(amount) -%}
    cast({{ amount }} * 100 as bigint)
{%- endmacro %}

{#- An amount for each of `entries`, to the cent; null where there is none. -#}
{% macro amount_each(amount, entries) -%}
    cast(round(cast({{ amount }} as {{ type_double() }}) / nullif({{ entries }}, 0), 2) as decimal(18, 2))
{%- endmacro %}

{#-
    What is known of spend, from how many amounts are on record and how many of them lack, wholly or in part, a rate.
    Nothing on record is not a cost of nothing.
-#}
{% macro spend_status(recorded, unconverted) -%}
    case
            when {{ unconverted }} > 0 then 'rate_missing'
            when {{ recorded }} > 0 then 'recorded'
            else 'not_recorded'
        end
{%- endmacro %}

{#-
    CTE `rated`: relation `rows` with `rate`, the units of the reporting currency for one unit of the row's: that of the
    latest `exchange_rates` row not after `day`, 1 for the reporting currency itself, null where no rate is known.
-#}
{% macro rated_rows(rows, day) -%}
rates as (
    select
        upper(currency) as currency,
        rate_to_reporting,
        rate_date as rated_from,
        lead(rate_date) over (partition by upper(currency) order by rate_date) as rated_to
    from {{ ref('exchange_rates') }}
),

rated as (
    select
        {{ rows }}.*,
        case
            when upper({{ rows }}.currency) = upper({{ reporting_value('currency') }}) then 1
            else rates.rate_to_reporting
        end as rate
    from {{ rows }}
    left join rates
        on
            upper({{ rows }}.currency) = rates.currency
            and cast({{ rows }}.{{ day }} as date) >= rates.rated_from
            and (rates.rated_to is null or cast({{ rows }}.{{ day }} as date) < rates.rated_to)
)
{%- endmacro %}

{#-
    An amount in the reporting currency, rounded to the cent, once. Null without a rate, and for an amount that no book
    holds (10^12 and more), which would break the build rather than a row.
-#}
{% macro converted_amount(amount, rate) -%}
    case
        when abs({{ amount }}) < 1e12 and abs({{ amount }} * {{ rate }}) < 1e12
            {#- 20 digits, where 18 would do: DuckDB multiplies two decimals of 18 digits within 18. #}
            then cast(
                    cast({{ amount }} as decimal(20, 4)) * cast({{ rate }} as decimal(18, 9)) as decimal(18, 2)
                )
    end
{%- endmacro %}
