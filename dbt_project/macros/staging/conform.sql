{#-
    Turns renamed source columns into the staging contract of an entity: cleaned texts, typed values, and the reason
    why a row cannot be used, if there is one. `rows` holds every canonical column of the entity, in whatever type the
    source has, and the landing columns.

    `is_snapshot`: rows can go missing; then each contact that did gets a deleted version made of its last row and dated
    by the snapshot that lacks it. `own_verdict`: `rows` also says `own_reject_reason`, `own_reject_column` and
    `own_warning_columns`, for what only the source's own model can know.

    The first of these decides: a required value is empty; it cannot be read; a code is not in its list; the model's
    own reason; nobody can be identified. Within each, the order of the columns.
-#}
{% macro conform(entity, rows, is_snapshot=false, own_verdict=false) -%}
    {%- set columns = canonical_columns(entity) -%}
    {%- set rules = staging_rules(entity) -%}
    {#- Columns whose text may turn out to be no value. -#}
    {%- set typed = [] -%}
    {%- set words = published_words(entity) -%}
    {%- for name, type in columns.items()
        if type != 'varchar' or name in rules.get('optional_codes', {}) or name in words -%}
        {%- do typed.append(name) -%}
    {%- endfor -%}
    {%- set has_versions = 'updated_at' in columns -%}
    {%- set own_columns = ['own_reject_reason', 'own_reject_column', 'own_warning_columns'] if own_verdict else [] -%}
    with cleaned as (
        select
            {% for name in columns -%}
            {{ staged_text(name) }} as {{ name ~ '_text' if name in typed else name }},
            {% endfor -%}
            {{ (['source_system', 'source_table'] + carried_landing_columns() + own_columns) | join(',\n            ') }}
        from {{ rows }}
    ),

    parsed as (
        select
            cleaned.*,
            {% for name in typed -%}
            {% if name in words -%}
            {{ publishable(name ~ '_text', words[name]) }} as {{ name }}
            {%- else -%}
            {% set codes = rules.get('optional_codes', {}).get(name) -%}
            {{ staged_value(name ~ '_text', columns[name], codes) }} as {{ name }}
            {%- endif %}{{ ',' if not loop.last }}
            {% endfor %}
        from cleaned
    ),

    {% set reasons = staged_reject_reasons(columns, typed, rules, own_verdict) -%}
    reasoned as (
        select
            parsed.*,
            cast(case
                {% for reason in reasons -%}
                when {{ reason.condition }} then {{ reason.code }}
                {% endfor -%}
            end as varchar) as reject_reason
        from parsed
    ),

    judged as (
        select
            {% for name in columns if name not in ('created_at', 'updated_at', 'is_deleted') -%}
            {% if name == 'spend_date' -%}
            {#- Spend is of a day, whatever time its source writes beside it. -#}
            cast({{ dbt.date_trunc('day', name) }} as {{ dbt.type_timestamp() }}) as {{ name }},
            {%- else -%}
            {{ name }},
            {%- endif %}
            {% endfor -%}
            {% if has_versions -%}
            {% set row_time = staged_row_time(entity) -%}
            {% if 'created_at' in columns -%}
            case when created_at > {{ row_time }} then {{ row_time }} else created_at end as created_at,
            {% endif -%}
            {{ row_time }} as updated_at,
            {% endif -%}
            {% if 'is_deleted' in columns -%}
            coalesce(is_deleted, false) as is_deleted,
            {% endif -%}
            source_system,
            source_table,
            _load_id,
            _loaded_at,
            _observed_at,
            _source_file,
            _source_row,
            _removed_at,
            false as _is_synthetic,
            reject_reason,
            -- Asked again only for the few rows that have a reason.
            cast(case
                when reject_reason is null then null
                {% for reason in reasons -%}
                when {{ reason.condition }} then {{ reason.column }}
                {% endfor -%}
            end as varchar) as reject_column,
            {{ staged_warning_columns(entity, columns, typed, rules, own_verdict) }} as warning_columns
        from reasoned
    )
    {%- set output = (columns.keys() | list) + (staged_columns().keys() | list) %}
    {%- set implies_deletions = entity == 'contacts' and is_snapshot %}
    {%- if implies_deletions %},

    missing as (
        select
            judged.*,
            row_number() over (
                partition by source_system, source_table, source_contact_id, _removed_at
                order by _observed_at desc, _load_id desc, _source_file desc, _source_row desc
            ) as recency
        from judged
        where _removed_at > _observed_at
    )
    {%- endif %}

    select {{ output | join(', ') }} from judged
    {%- if implies_deletions %}
    union all
    select
        {% for name in output -%}
        {% if name == 'is_deleted' -%}
        true as is_deleted
        {%- elif name == 'updated_at' -%}
        {#- A record cannot be deleted before it was last changed, even if its file carries an earlier date. -#}
        case when _removed_at > updated_at then _removed_at else updated_at + interval '1' microsecond end as updated_at
        {%- elif name == '_is_synthetic' -%}
        true as _is_synthetic
        {%- else -%}
        {{ name }}
        {%- endif %}{{ ',' if not loop.last }}
        {% endfor -%}
    from missing
    where
        recency = 1
        and reject_reason is null
        and not is_deleted
    {%- endif -%}
{%- endmacro %}

{#-
    What an entity requires. `required` in the order of its columns; `codes` and `optional_codes` are lists that no
    policy can widen: a row with another code is of no use, an optional column with one is left empty.
-#}
{% macro staging_rules(entity) -%}
    {%- set rules = {
        'contacts': {
            'required': ['source_contact_id', 'created_at'],
            'optional_codes': {
                'acquisition_source': [
                    'list_purchase', 'web_form', 'event', 'referral', 'partner', 'import', 'other',
                ],
            },
        },
        'companies': {'required': ['source_company_id', 'updated_at']},
        'touches': {
            'required': ['source_touch_id', 'occurred_at', 'channel', 'touch_type'],
            'codes': {'response_relevance': ['relevant', 'irrelevant']},
            'identities': ['source_contact_id', 'email', 'anonymous_id'],
        },
        'campaigns': {'required': ['campaign_id', 'updated_at']},
        'campaign_spend': {'required': ['campaign_id', 'spend_date', 'amount', 'currency']},
        'handoffs': {
            'required': ['source_handoff_id', 'occurred_at', 'outcome'],
            'codes': {'outcome': ['accepted', 'rejected']},
            'identities': ['source_contact_id', 'email'],
        },
        'deals': {
            'required': ['source_deal_id', 'occurred_at', 'status'],
            'codes': {'status': ['opened', 'won', 'lost']},
            'identities': ['source_contact_id', 'email'],
        },
    } -%}
    {{ return(rules[entity]) }}
{%- endmacro %}

{#- A canonical column as clean text. Codes and attributes compare lower-cased, ids and names exactly. -#}
{% macro staged_text(name) -%}
    {%- set codes = [
        'seniority', 'company_domain', 'industry', 'company_type', 'country', 'acquisition_source', 'source_stage',
        'is_deleted', 'channel', 'touch_type', 'placement', 'keyword_intent', 'audience_consent', 'content_fit',
        'initiated_by', 'response_relevance', 'response_intent', 'outcome', 'status',
    ] -%}
    {%- if name in codes -%}
        lower({{ clean_text(name) }})
    {%- elif name == 'currency' -%}
        upper({{ clean_text(name) }})
    {%- elif name == 'landing_page' -%}
        {#- Query strings and fragments carry addresses and names. Most pages have neither. -#}
        {%- set text = 'cast(' ~ name ~ ' as ' ~ dbt.type_string() ~ ')' -%}
        case
            when {{ text_contains(text, "'#'") }} or {{ text_contains(text, "'?'") }}
                then {{ clean_text("split_part(split_part(" ~ text ~ ", '#', 1), '?', 1)") }}
            else {{ clean_text(name) }}
        end
    {%- else -%}
        {{ clean_text(name) }}
    {%- endif -%}
{%- endmacro %}

{#- A clean text as a value of the canonical type, or as one of `codes`; null where it cannot be read. -#}
{% macro staged_value(text, type, codes=none) -%}
    {%- if codes -%}
        case when {{ text }} in ('{{ codes | join("', '") }}') then {{ text }} end
    {%- elif type == 'timestamp' -%}
        {{ parse_timestamp(text) }}
    {%- elif type == 'bigint' -%}
        {{ parse_count(text) }}
    {%- elif type == 'boolean' -%}
        {{ parse_boolean(text) }}
    {%- else -%}
        {{ parse_number(text) }}
    {%- endif -%}
{%- endmacro %}

{#-
    The row time of a version: its own modification time, else the snapshot in which it changed, else its creation. A
    record that had been missing is back from the snapshot that holds it again, whatever its own time says; so is its
    deletion undone.
-#}
{% macro staged_row_time(entity) -%}
    {%- set dated = 'coalesce(updated_at, _changed_at, created_at)' if entity == 'contacts'
        else 'coalesce(updated_at, _changed_at)' -%}
    case when _returned_at > {{ dated }} then _returned_at else {{ dated }} end
{%- endmacro %}

{#- The reasons to reject a row, in the order in which they decide: condition, code and column as SQL. -#}
{% macro staged_reject_reasons(columns, typed, rules, own_verdict) -%}
    {%- set reasons = [] -%}
    {%- for name in rules.required -%}
        {%- set given = name ~ '_text' if name in typed else name -%}
        {%- set missing = given ~ ' is null' ~ (' and _changed_at is null' if name == 'updated_at' else '') -%}
        {%- do reasons.append({'condition': missing, 'code': "'missing_required'", 'column': "'" ~ name ~ "'"}) -%}
    {%- endfor -%}
    {%- for name in rules.required if name in typed and columns[name] != 'varchar' -%}
        {%- set code = 'unparseable_timestamp' if columns[name] == 'timestamp' else 'unparseable_number' -%}
        {%- do reasons.append({
            'condition': name ~ '_text is not null and ' ~ name ~ ' is null',
            'code': "'" ~ code ~ "'",
            'column': "'" ~ name ~ "'",
        }) -%}
    {%- endfor -%}
    {%- for name, codes in rules.get('codes', {}).items() -%}
        {%- do reasons.append({
            'condition': name ~ " not in ('" ~ codes | join("', '") ~ "')",
            'code': "'unknown_code'",
            'column': "'" ~ name ~ "'",
        }) -%}
    {%- endfor -%}
    {%- if own_verdict -%}
        {%- do reasons.append({
            'condition': 'own_reject_reason is not null', 'code': 'own_reject_reason', 'column': 'own_reject_column',
        }) -%}
    {%- endif -%}
    {%- if rules.identities -%}
        {%- set absent = [] -%}
        {%- for name in rules.identities if name != 'email' -%}
            {%- do absent.append(name ~ ' is null') -%}
        {%- endfor -%}
        {%- do reasons.append({
            'condition': absent | join(' and ') ~ ' and (' ~ normalised_email('email') ~ ') is null',
            'code': "'no_identity'",
            'column': "case when email is null then 'source_contact_id' else 'email' end",
        }) -%}
    {%- endif -%}
    {{ return(reasons) }}
{%- endmacro %}

{#- Optional columns that hold something unreadable or a code that is not in their list, as a `|` list, else null. -#}
{% macro staged_warning_columns(entity, columns, typed, rules, own_verdict) -%}
    {%- set parts = [] -%}
    {%- set words = published_words(entity) -%}
    {%- for name in typed if name not in rules.required and words.get(name, 'code') == 'code' -%}
        {%- do parts.append("case when " ~ name ~ "_text is not null and " ~ name ~ " is null then '" ~ name ~ "' end") -%}
    {%- endfor -%}
    {%- if own_verdict -%}
        {%- do parts.append('own_warning_columns') -%}
    {%- endif -%}
    {%- if parts -%}
        nullif(concat_ws('|', {{ parts | join(', ') }}), '')
    {%- else -%}
        cast(null as varchar)
    {%- endif -%}
{%- endmacro %}
