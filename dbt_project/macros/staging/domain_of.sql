{#- The host of a web address without `www.`, lower-cased: `https://www.Example.com/a?b` gives `example.com`. -#}
{% macro domain_of(address) -%}
    {{ regexp_extract('lower(' ~ address ~ ')', "'^(?:[a-z]+://)?(?:www[.])?([^/:?#@ ]+)'", 1) }}
{%- endmacro %}
