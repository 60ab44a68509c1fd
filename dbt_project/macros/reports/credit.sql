{#-
    What the touch at `place` of `total` gets of a conversion by each attribution model, in millionths of it. What a
    division leaves over goes to the earliest touches, one millionth each, so that the credits sum to the conversion.
-#}
{% macro first_touch_credit(place) -%}
    case when {{ place }} = 1 then 1000000 else 0 end
{%- endmacro %}

{% macro last_touch_credit(place, total) -%}
    case when {{ place }} = {{ total }} then 1000000 else 0 end
{%- endmacro %}

{% macro linear_credit(place, total) -%}
    {{ whole_quotient('1000000', total) }} + case when {{ place }} <= 1000000 % {{ total }} then 1 else 0 end
{%- endmacro %}

{#- 40 % to the first, 40 % to the last, 20 % to those between; two touches share it, one has it all. -#}
{% macro position_based_credit(place, total) -%}
    case
        when {{ total }} = 1 then 1000000
        when {{ total }} = 2 then 500000
        when {{ place }} = 1 or {{ place }} = {{ total }} then 400000
        else
            {{ whole_quotient('200000', '(' ~ total ~ ' - 2)') }}
            + case when {{ place }} - 1 <= 200000 % ({{ total }} - 2) then 1 else 0 end
    end
{%- endmacro %}

{#- Millionths as credit: conversions with six exact decimals. -#}
{% macro millionths_as_credit(millionths) -%}
    cast(cast({{ millionths }} as decimal(28, 0)) * cast(0.000001 as decimal(7, 6)) as decimal(38, 6))
{%- endmacro %}

{#- What stands for campaign, channel and direction where a conversion or an amount belongs to none. -#}
{% macro unattributed() -%}
    'unattributed'
{%- endmacro %}
