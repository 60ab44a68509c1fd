{#-
    What looks personal in words that get published, by the patterns for which the audit blocks a release
    (`expectations/claims/tables.py`): one web hit that carries a telephone number must not stop everyone's figures.
    Decision 0029.
-#}

{#-
    Columns of an entity that are published and whose words a source chooses, with what becomes of something personal:
    `code` is no code then and left empty, of `words` only that part is hidden, and so of an `id`, where numbers
    are no telephones.
-#}
{% macro published_words(entity) -%}
    {%- set words = {
        'contacts': {
            'seniority': 'code', 'industry': 'code', 'company_type': 'code', 'country': 'code', 'source_stage': 'code',
        },
        'companies': {'industry': 'code', 'company_type': 'code', 'country': 'code'},
        'touches': {
            'channel': 'words', 'campaign_id': 'id', 'answers_touch_id': 'id', 'placement': 'code',
            'keyword_intent': 'code', 'audience_consent': 'code', 'content_fit': 'code', 'initiated_by': 'code',
            'offer_id': 'id', 'landing_page': 'words', 'response_intent': 'code',
        },
        'campaigns': {
            'campaign_name': 'words', 'channel': 'code', 'segment_name': 'words', 'segment_definition': 'words',
            'message_name': 'words', 'message_hypothesis': 'words', 'expected_response': 'words',
            'success_metric': 'words', 'success_threshold': 'words', 'icp_version': 'words',
        },
        'campaign_spend': {'currency': 'words'},
    } -%}
    {{ return(words.get(entity, {})) }}
{%- endmacro %}

{#- What of a text may be published: `how` as in `published_words`. Give a column, it is named several times. -#}
{% macro publishable(text, how) -%}
    {%- if how == 'code' -%}
        case when not ({{ looks_personal(text) }}) then {{ text }} end
    {%- elif how == 'id' -%}
        case when {{ holds_address(text) }} then {{ without_addresses(text) }} else {{ text }} end
    {%- else -%}
        case when {{ looks_personal(text) }} then {{ without_personal_words(text) }} else {{ text }} end
    {%- endif -%}
{%- endmacro %}

{#-
    Whether a text looks personal; null for null. Signs and length are looked at first: a pattern takes six times as long.
    Signs may be written as in links and HTML, where what a form sends ends up in the path of a page.
-#}
{% macro looks_personal(text) -%}
    {{ holds_address(text) }}
    or case
        when {{ holds_any_of(text, ['+', '%']) }} then {{ regexp_like(text, telephone_pattern()) }}
        else false
    end
    or case when {{ text }} like '%?%=%' then {{ regexp_like(text, query_pattern()) }} else false end
    or case when length({{ text }}) >= 12 then {{ regexp_like(text, grouped_telephone_pattern()) }} else false end
{%- endmacro %}

{% macro holds_address(text) -%}
    case
        when {{ holds_any_of(text, ['@', '%', '&', 'u0040']) }} then {{ regexp_like(text, address_pattern()) }}
        else false
    end
{%- endmacro %}

{% macro holds_any_of(text, signs) -%}
    {%- for sign in signs -%}
        {{ text_contains(text, "'" ~ sign ~ "'") }}{{ ' or ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{% macro without_personal_words(text) -%}
    {%- set told = without_addresses(text) -%}
    {%- set told = regexp_replace_all(told, query_pattern(rest='[^\\s]*'), "'?<query>'") -%}
    {%- set told = regexp_replace_all(told, telephone_pattern(), "'<telephone>'") -%}
    {{ regexp_replace_all(told, grouped_telephone_pattern(), "'<telephone>'") }}
{%- endmacro %}

{#- The words around an address go with it, up to what parts a web address or a list; no sign of one is left. -#}
{% macro without_addresses(text) -%}
    {%- set around = "'(?i)[^\\s@|,;:/=<>()]*" ~ address_sign() ~ "[^\\s@|,;/<>()]*'" -%}
    {{ regexp_replace_all(text, around, "'<address>'") }}
{%- endmacro %}

{% macro address_sign() -%}
    (?:@|%(?:25)*40|&(?:amp;)*(?:#0*64|#x0*40|commat);|\\u0040)
{%- endmacro %}

{% macro address_pattern() -%}
    '(?i)[^\s@|,;]{{ address_sign() }}[^\s@|,;]+(?:\.|%(?:25)*2e)[^\s@|,;]'
{%- endmacro %}

{% macro telephone_pattern() -%}
    '(?i)(?:\+|%(?:25)*2b)[1-9](?:[0-9 ().\-/]|%(?:25)*2[089f]){6,}[0-9]'
{%- endmacro %}

{% macro grouped_telephone_pattern() -%}
    '(?i)(?:\b|%(?:25)*[0-9a-f]{2})[0-9]{3}(?:\)|%(?:25)*29)?(?:[-. ]|%(?:25)*20)[0-9]{3}(?:[-. ]|%(?:25)*20)[0-9]{4}\b'
{%- endmacro %}

{% macro query_pattern(rest='') -%}
    '\?[^\s?=&]+={{ rest }}'
{%- endmacro %}
