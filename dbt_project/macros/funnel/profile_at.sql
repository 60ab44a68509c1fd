{#-
    Joins what was known of a person at a moment (`attributes`), the policy then in force (`periods`), and what that policy
    says of it (`profiles`). Each moment has exactly one of each, so inner joins would find the same rows; outer ones keep
    their order. Free to choose, DuckDB joins every row with every profile of its period first.
-#}
{% macro profile_at(person_id, moment) -%}
    left join {{ ref('int_people_attributed') }} as attributes
        on
            {{ person_id }} = attributes.person_id
            and {{ moment }} >= attributes.valid_from
            and {{ moment }} < attributes.valid_to
    left join {{ ref('int_policy_periods') }} as periods
        on
            {{ moment }} >= periods.period_from
            and {{ moment }} < periods.period_to
    left join {{ ref('int_profiles_judged') }} as profiles
        on
            attributes.profile_id = profiles.profile_id
            and periods.period_from = profiles.period_from
{%- endmacro %}
