{#- Fails with every combination of the columns that stands more than once, or that has a null in it. -#}
{% test is_unique_combination(model, columns) %}
select
    {{ columns | join(',\n    ') }},
    count(*) as copies
from {{ model }}
group by {{ columns | join(', ') }}
having
    count(*) > 1
    {% for column in columns -%}
    or bool_or({{ column }} is null)
    {% endfor %}
{% endtest %}
