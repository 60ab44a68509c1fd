{#-
    How a campaign's success_metric and success_threshold are read. Both are free text in every CRM. A metric is read
    if the policy table `success_metrics` lists it, a threshold if it says in one of the ways below that at least some
    share of the people contacted is to succeed. Whatever else they say is not guessed at.
-#}

{#- A success_metric as `success_metrics` writes it: words in lower case, one blank between them. -#}
{% macro metric_as_listed(text) -%}
    lower(trim({{ regexp_replace_all(text, "'[\\s_-]+'", "' '") }}))
{%- endmacro %}

{#-
    The share that a success_threshold promises, six decimals; null where it is no share between 0.0001 and 0.99 that is
    to be reached. Read are `5 %`, `>= 5 %`, `at least 5 percent`, `5,5% or more`, `0.05`. A number without a percent
    sign is a share, so `5` is not read: whoever wrote it may have meant five people. `<= 5 %` is not read either: a
    promise is kept by reaching it.
-#}
{% macro promised_share(text) -%}
    {%- set number = regexp_extract(
        "lower(trim(" ~ text ~ "))",
        "'^(>=|≥|=>|>|at least|min\\.?|minimum|from|over|above|more than)?\\s*([0-9]{1,4}([.,][0-9]{1,6})?)"
        ~ "\\s*(%|percent|per cent|pct)?\\s*(\\+|or more|or better|or higher|and more)?$'",
        2
    ) -%}
    {%- set sign = regexp_extract("lower(" ~ text ~ ")", "'(%|percent|per cent|pct)'", 1) -%}
    {%- set share -%}
        round(
            cast(replace({{ number }}, ',', '.') as {{ type_double() }})
            / case when {{ sign }} is null then 1 else 100 end,
            6
        )
    {%- endset -%}
    case when {{ share }} between 0.0001 and 0.99 then {{ share }} end
{%- endmacro %}

{#- Whether a touch type says that what was sent did not arrive. -#}
{% macro is_bounce(touch_type) -%}
    {{ touch_type }} in ('email_bounced', 'outreach_bounced')
{%- endmacro %}
