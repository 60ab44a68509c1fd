-- The funnel tables by hand: one DuckDB script that comes to the rows of the marts as fast as one machine can without
-- orchestration, contracts, audits or releases. What a build takes is measured against this.
--
-- Session variables: `as_of`, `id_salt`, and one list of files per table (`touches`, `contacts`, `companies`,
-- `campaigns`, `handoffs`) in the order in which they were loaded. Schema `policy` holds the seeds. Files are typed
-- Parquet of the system leadproof in append mode; a row that cannot be used is dropped and not accounted for.
--
-- What saves time: the files of touches are read twice, once for the keys and once for the rest; people, campaigns and
-- touch contexts are small integers; only events (responses, opt-outs, permissions: a quarter of all touches) are
-- ordered, the other touches pass once through joins with small tables. What only the script needs is temporary, which
-- takes several times the disk where memory ends; on request it lies in the database (see `floor.py`).

create schema if not exists marts;

create or replace temp macro clean(value) as case
    when
        value >= '!' and value not like '% '
        and value not like e'%\t' and value not like e'%\r' and value not like e'%\n'
        then value
    else nullif(trim(value, e' \t\r\n'), '')
end;
create or replace temp macro code(value) as lower(clean(value));
create or replace temp macro address(value) as
    case when value like '_%@_%' and value not like '%@%@%' then lower(value) end;
create or replace temp macro moment(value) as case when value >= timestamp '1900-01-01' then value end;
create or replace temp macro amount(value) as case when value between 0 and 1000000000000000 then value end;
create or replace temp macro holds_item(items, item) as
    position('|' || lower(trim(item)) || '|' in '|' || regexp_replace(lower(trim(items)), '\s*\|\s*', '|', 'g') || '|')
    > 0 and position('|' in item) = 0;
create or replace temp macro days_after(moment, days) as
    moment + to_microseconds(cast(round(days * 86400000000.0) as bigint));
create or replace temp macro seconds_between(earlier, later) as (epoch_us(later) - epoch_us(earlier)) / 1000000.0::double;
create or replace temp macro beginning() as timestamp '0001-01-01';
create or replace temp macro ending() as timestamp '9999-12-31';
create or replace temp macro person_of(key) as 'p_' || substr(md5(getvariable('id_salt') || key), 1, 16);

-- Policy -------------------------------------------------------------------------------------------------------------

create or replace temp table stage_policy as
with policy as (
    select
        key,
        value,
        coalesce(effective_from, beginning()) as effective_from,
        coalesce(effective_to, ending()) as effective_to
    from policy.stage_policy
),

instants as (
    select effective_from as valid_from from policy
    union
    select effective_to from policy where effective_to < ending()
),

periods as (
    select
        case when row_number() over (order by valid_from) = 1 then beginning() else valid_from end as valid_from,
        valid_from as policy_from,
        lead(valid_from, 1, ending()) over (order by valid_from) as valid_to
    from instants
)

select
    periods.valid_from,
    periods.valid_to,
    max(try_cast(value as double)) filter (key = 'mql_min_score') as mql_min_score,
    max(try_cast(value as double)) filter (key = 'score_half_life_days') as score_half_life_days,
    max(try_cast(value as double)) filter (key = 'dormancy_days') as dormancy_days,
    max(try_cast(value as double)) filter (key = 'response_window_days') as response_window_days,
    max(lower(value)) filter (key = 'hand_raise_qualifies') = 'true' as hand_raise_qualifies,
    max(try_cast(value as double)) filter (key = 'max_contacts_per_address') as max_contacts_per_address,
    md5(string_agg(key || '=' || value, '|' order by key)) as policy
from periods
inner join policy
    on periods.policy_from >= policy.effective_from and periods.policy_from < policy.effective_to
group by all;

set variable max_contacts = (
    select max_contacts_per_address from stage_policy
    where valid_from <= getvariable('as_of') and valid_to > getvariable('as_of')
);

create or replace temp table touch_type as
select
    touch_type,
    actor,
    is_response and not is_opt_out as is_response,
    is_hand_raise and not is_opt_out as is_hand_raise,
    is_opt_out,
    grants_permission,
    points,
    max_scored_per_cycle,
    case when is_response and not is_opt_out then 0 when is_opt_out then 2 else 1 end as order_rank,
    coalesce(effective_from, beginning()) as effective_from,
    coalesce(effective_to, ending()) as effective_to
from policy.touch_types;

-- Periods in which no dated rule changes.
create or replace temp table period as
with instants as (
    select beginning() as period_from
    union select effective_from from policy.icp_profiles
    union select effective_from from policy.segment_rules where effective_from is not null
    union select effective_to from policy.segment_rules where effective_to is not null
    union select effective_from from policy.touch_direction_rules where effective_from is not null
    union select effective_to from policy.touch_direction_rules where effective_to is not null
    union select effective_from from policy.context_requirements where effective_from is not null
    union select effective_to from policy.context_requirements where effective_to is not null
),

periods as (
    select
        row_number() over (order by period_from)::int as period_no,
        period_from,
        lead(period_from, 1, ending()) over (order by period_from) as period_to
    from instants
),

versions as (
    select icp_version, min(effective_from) as effective_from from policy.icp_profiles group by icp_version
)

select
    period_no,
    period_from,
    period_to,
    (
        select arg_max(icp_version, (effective_from, icp_version)) from versions
        where effective_from <= period_from
    ) as icp_version
from periods;

-- A join on a range alone sorts both sides. By way of the day it hashes.
create or replace temp table day_period as
select
    days.day::timestamp as day,
    period.period_no,
    period.icp_version,
    period.period_from,
    period.period_to
from generate_series(timestamp '1900-01-01', getvariable('as_of')::timestamp, interval 1 day) as days (day)
inner join period on period.period_from < days.day + interval 1 day and period.period_to > days.day;

-- Rows that can be used ----------------------------------------------------------------------------------------------

create or replace temp table contact as
with read as (
    select
        clean(source_contact_id) as contact_id,
        clean(source_company_id) as company_id,
        address(clean(email)) as email,
        clean(job_title) as job_title,
        code(seniority) as seniority,
        code(company_domain) as company_domain,
        code(industry) as industry,
        amount(employee_count) as employee_count,
        amount(employee_count_max) as employee_count_max,
        code(company_type) as company_type,
        code(country) as country,
        case
            when code(acquisition_source)
                in ('list_purchase', 'web_form', 'event', 'referral', 'partner', 'import', 'other')
                then code(acquisition_source)
        end as acquisition_source,
        moment(created_at) as created,
        coalesce(moment(updated_at), moment(created_at)) as updated_at,
        coalesce(code(is_deleted) in ('true', 't', 'yes', 'y', '1'), false) as is_deleted,
        file_index,
        file_row_number
    from read_parquet(getvariable('contacts'))
    where
        clean(source_contact_id) is not null
        and moment(created_at) is not null
        and coalesce(moment(updated_at), created_at) <= getvariable('as_of')
),

titles as (
    select
        job_title,
        arg_min(rules.seniority, rules.priority) as seniority
    from (select distinct job_title from read where seniority is null and job_title is not null) as titles
    inner join policy.seniority_rules as rules
        on regexp_matches(titles.job_title, '(?i)' || rules.job_title_pattern)
    group by job_title
),

standing as (
    select *
    from read
    qualify row_number() over (
        partition by contact_id, updated_at order by file_index desc, file_row_number desc
    ) = 1
)

select
    standing.* exclude (created, file_index, file_row_number)
    replace (lower(coalesce(standing.seniority, titles.seniority)) as seniority),
    least(created, updated_at) as created_at
from standing
left join titles
    on standing.job_title = titles.job_title;

create or replace temp table company as
with standing as (
    select
        clean(source_company_id) as company_id,
        code(company_domain) as company_domain,
        code(industry) as industry,
        amount(employee_count) as employee_count,
        amount(employee_count_max) as employee_count_max,
        code(company_type) as company_type,
        code(country) as country,
        moment(updated_at) as valid_from
    from read_parquet(getvariable('companies'))
    where
        clean(source_company_id) is not null
        and moment(updated_at) <= getvariable('as_of')
    qualify row_number() over (
        partition by company_id, valid_from order by file_index desc, file_row_number desc
    ) = 1
)

select
    company_id,
    company_domain,
    last_value(industry ignore nulls) over company_so_far as industry,
    last_value(
        case when employee_count is not null then {'least': employee_count, 'most': employee_count_max} end ignore nulls
    ) over company_so_far as employees,
    last_value(company_type ignore nulls) over company_so_far as company_type,
    last_value(country ignore nulls) over company_so_far as country,
    valid_from,
    lead(valid_from, 1, ending()) over (partition by company_id order by valid_from) as valid_to
from standing
window company_so_far as (partition by company_id order by valid_from rows unbounded preceding);

create or replace temp table handoff as
select
    clean(source_handoff_id) as handoff_id,
    clean(source_contact_id) as contact_id,
    address(clean(email)) as email,
    occurred_at,
    code(outcome) as outcome
from read_parquet(getvariable('handoffs'))
where
    clean(source_handoff_id) is not null
    and moment(occurred_at) <= getvariable('as_of')
    and code(outcome) in ('accepted', 'rejected')
    and (clean(source_contact_id) is not null or address(clean(email)) is not null)
qualify row_number() over (partition by handoff_id order by file_index desc, file_row_number desc) = 1;

-- A touch that can be used as far as its own columns tell. A view: each question below reads what it needs.
create or replace temp view usable_touch as
with read as (
    select
        file_index as file_no,
        file_row_number as row_no,
        clean(source_touch_id) as source_touch_id,
        moment(occurred_at) as occurred_at,
        clean(source_contact_id) as contact_id,
        address(clean(email)) as email,
        clean(anonymous_id) as visitor_id,
        code(channel) as channel,
        code(touch_type) as touch_type,
        clean(campaign_id) as campaign_id,
        clean(answers_touch_id) as answers_touch_id,
        clean(offer_id) as offer_id,
        code(placement) as placement,
        code(keyword_intent) as keyword_intent,
        code(audience_consent) as audience_consent,
        code(content_fit) as content_fit,
        code(initiated_by) as initiated_by,
        clean(split_part(split_part(landing_page, '#', 1), '?', 1)) as landing_page,
        code(response_relevance) as response_relevance,
        code(response_intent) as response_intent
    from read_parquet(getvariable('touches'))
)

select
    read.*,
    touch_type.* exclude (touch_type, effective_from, effective_to)
from read
inner join touch_type
    on
        read.touch_type = touch_type.touch_type
        and read.occurred_at >= touch_type.effective_from
        and read.occurred_at < touch_type.effective_to
where
    read.source_touch_id is not null
    and read.channel is not null
    and read.occurred_at <= getvariable('as_of')
    and coalesce(read.response_relevance in ('relevant', 'irrelevant'), true)
    and (read.contact_id is not null or read.email is not null or read.visitor_id is not null);

create or replace temp table keyed_touch as
select source_touch_id, hash(source_touch_id) as id_hash, file_no, row_no, contact_id, email, visitor_id, occurred_at
from usable_touch;

-- Few ids are repeated. They are found by a number instead of the text; a collision costs a look, no error.
create or replace temp table repeated_touch as
with suspicious as (
    select id_hash from keyed_touch group by id_hash having count(*) > 1
)

select source_touch_id, file_no, row_no, contact_id, email, visitor_id, occurred_at
from keyed_touch
where id_hash in (select id_hash from suspicious)
qualify count(*) over (partition by source_touch_id) > 1;

-- People -------------------------------------------------------------------------------------------------------------

-- Touches share few combinations of keys; everything about identity is asked of these.
create or replace temp table single_keys as
select contact_id, email, visitor_id, min(occurred_at) as first_at
from keyed_touch
anti join repeated_touch using (file_no, row_no)
group by all;

create or replace temp table hub_email as
with addresses as (
    select email from contact
    union
    select email from single_keys
    union
    select email from repeated_touch
)

select email from addresses
where split_part(email, '@', 1) in (select lower(local_part) from policy.shared_mailboxes)
union
select email from contact
where email is not null
group by email
having count(distinct contact_id) > getvariable('max_contacts');

create or replace temp table hub_visitor as
with standing as (
    select contact_id, email, visitor_id from single_keys
    where visitor_id is not null
    union all
    select contact_id, email, visitor_id from repeated_touch
    qualify row_number() over (partition by source_touch_id order by file_no desc, row_no desc) = 1
)

select visitor_id from standing
where visitor_id is not null
group by visitor_id
having
    count(distinct email) > getvariable('max_contacts')
    or count(distinct contact_id) > getvariable('max_contacts');

-- Of the rows that identify somebody, the last stands.
create or replace temp table dropped_touch as
with identifying as (
    select source_touch_id, file_no, row_no
    from repeated_touch
    where
        contact_id is not null
        or (email is not null and email not in (from hub_email))
        or (visitor_id is not null and visitor_id not in (from hub_visitor))
    qualify row_number() over (partition by source_touch_id order by file_no desc, row_no desc) = 1
)

select file_no, row_no from repeated_touch
anti join identifying using (file_no, row_no);

create or replace temp table touch_keys as
with standing as (
    select contact_id, email, visitor_id, first_at from single_keys
    union all
    select contact_id, email, visitor_id, occurred_at
    from repeated_touch
    anti join dropped_touch using (file_no, row_no)
)

select
    contact_id,
    case when email not in (from hub_email) then email end as email,
    case when visitor_id not in (from hub_visitor) then visitor_id end as visitor_id,
    min(first_at) as first_at
from standing
group by all;

create or replace temp table identity as
with found as (
    select 2 as kind, contact_id as value, min(updated_at) as first_at from contact group by all
    union all
    select 1, email, min(updated_at) from contact
    where email is not null and email not in (from hub_email)
    group by all
    union all
    select 2, contact_id, min(first_at) from touch_keys where contact_id is not null group by all
    union all
    select 1, email, min(first_at) from touch_keys where email is not null group by all
    union all
    select 3, visitor_id, min(first_at) from touch_keys where visitor_id is not null group by all
),

keys as (
    select kind, value, min(first_at) as first_at from found group by all
)

select
    row_number() over () as key_no,
    kind,
    value,
    first_at
from keys;

create or replace temp table link as
with numbered as (
    select contacts.key_no as contact_no, emails.key_no as email_no, visitors.key_no as visitor_no
    from (
        select distinct contact_id, email, null as visitor_id from contact where email is not null
        union all
        select contact_id, email, visitor_id from touch_keys
        where
            (contact_id is not null)::int + (email is not null)::int + (visitor_id is not null)::int > 1
    ) as pairs
    left join identity as contacts on pairs.contact_id = contacts.value and contacts.kind = 2
    left join identity as emails on pairs.email = emails.value and emails.kind = 1
    left join identity as visitors on pairs.visitor_id = visitors.value and visitors.kind = 3
),

links as (
    select contact_no as left_no, email_no as right_no from numbered
    where contact_no is not null and email_no is not null
    union
    select coalesce(contact_no, email_no), visitor_no from numbered
    where coalesce(contact_no, email_no) is not null and visitor_no is not null
)

select left_no as from_no, right_no as to_no from links
union all
select right_no, left_no from links;

-- Walking the whole graph recursively costs minutes. Most people are stars: let every key join its smallest neighbour,
-- twice, and only what is not one key by then is walked.
create or replace temp table first_hop as
select from_no as key_no, least(from_no, min(to_no)) as label_no from link group by from_no;

create or replace temp table first_rest as
select distinct left_hop.label_no as from_no, right_hop.label_no as to_no
from link
inner join first_hop as left_hop on link.from_no = left_hop.key_no
inner join first_hop as right_hop on link.to_no = right_hop.key_no
where left_hop.label_no <> right_hop.label_no;

create or replace temp table second_hop as
select from_no as key_no, least(from_no, min(to_no)) as label_no from first_rest group by from_no;

create or replace temp table second_rest as
select distinct left_hop.label_no as from_no, right_hop.label_no as to_no
from first_rest
inner join second_hop as left_hop on first_rest.from_no = left_hop.key_no
inner join second_hop as right_hop on first_rest.to_no = right_hop.key_no
where left_hop.label_no <> right_hop.label_no;

create or replace temp table component as
with recursive labels (node_no, component_no) using key (node_no) as (
    select from_no, least(from_no, min(to_no)) from second_rest group by from_no
    union
    select second_rest.to_no, min(labels.component_no)
    from labels
    inner join second_rest on labels.node_no = second_rest.from_no
    inner join recurring.labels as known on second_rest.to_no = known.node_no
    where labels.component_no < known.component_no
    group by second_rest.to_no
)

select
    first_hop.key_no,
    coalesce(labels.component_no, second_hop.label_no, first_hop.label_no) as component_no
from first_hop
left join second_hop on first_hop.label_no = second_hop.key_no
left join labels on coalesce(second_hop.label_no, first_hop.label_no) = labels.node_no;

create or replace temp table person_key as
select
    coalesce(component_no, key_no) as person_no,
    kind,
    value,
    first_at
from identity
left join component using (key_no);

create or replace temp table contact_person as select value as contact_id, person_no from person_key where kind = 2;
create or replace temp table email_person as select value as email, person_no from person_key where kind = 1;
create or replace temp table visitor_person as select value as visitor_id, person_no from person_key where kind = 3;

create or replace temp table contact_version as
select person_no, contact.*
from contact
inner join contact_person using (contact_id);

create or replace temp table person as
with keys as (
    select
        person_no,
        arg_min(
            ['email:', 'contact:leadproof:', 'anonymous:leadproof:'][kind] || value, (kind, first_at, value)
        ) as leading_key,
        bool_or(kind = 1) as has_address,
        count(*) as identity_keys
    from person_key
    group by person_no
),

records as (
    select person_no, min(created_at) as first_created_at from contact_version group by person_no
),

visits as (
    select
        coalesce(contact_person.person_no, email_person.person_no, visitor_person.person_no) as person_no,
        min(first_at) as first_touch_at
    from touch_keys
    left join contact_person on touch_keys.contact_id = contact_person.contact_id
    left join email_person on touch_keys.email = email_person.email
    left join visitor_person on touch_keys.visitor_id = visitor_person.visitor_id
    group by 1
),

traits as (
    select person_no, 'email' as kind, value as trait from person_key where kind = 1
    union all
    select person_no, 'email', email from contact_version where email is not null
    union all
    select person_no, 'company_domain', company_domain from contact_version where company_domain is not null
    union all
    select contact_version.person_no, 'company_domain', company.company_domain
    from contact_version
    inner join (select distinct company_id, company_domain from company) as company using (company_id)
    where company.company_domain is not null
    union all
    select person_no, 'job_title', job_title from contact_version where job_title is not null
),

patterns as (
    select
        kind,
        reason,
        case
            when kind = 'job_title' then '(?i)' || pattern
            else '^' || replace(
                regexp_replace(lower(pattern), '([.+?^$()\[\]{}|\\])', '\\\1', 'g'), '*', '.*'
            ) || '$'
        end as pattern
    from policy.exclusions
),

-- A domain is judged once and not once per address.
values_judged as (
    select kind, trait from traits group by all
    union all
    select distinct 'email_domain', split_part(trait, '@', 2) from traits where kind = 'email'
),

values_excluded as (
    select values_judged.kind, trait, min(reason) as reason
    from values_judged
    inner join patterns
        on values_judged.kind = patterns.kind and regexp_matches(trait, pattern)
    group by all
),

excluded as (
    select person_no, min(reason) as exclusion_reason
    from (
        select person_no, reason from traits inner join values_excluded using (kind, trait)
        union all
        select person_no, reason
        from traits
        inner join values_excluded
            on values_excluded.kind = 'email_domain' and split_part(traits.trait, '@', 2) = values_excluded.trait
        where traits.kind = 'email'
    )
    group by person_no
)

select
    keys.person_no,
    person_of(leading_key) as person_id,
    case when records.person_no is not null or has_address then least(first_created_at, first_touch_at) end
        as first_known_at,
    excluded.person_no is not null as is_excluded,
    exclusion_reason,
    records.person_no is not null or visits.person_no is not null as has_appeared,
    identity_keys
from keys
left join records using (person_no)
left join visits using (person_no)
left join excluded using (person_no);

-- What was known of a person when, and what the ICP and the segments say of it -----------------------------------------

create or replace temp table state as
with filled as (
    select
        person_no,
        updated_at as valid_from,
        last_value(industry ignore nulls) over state_so_far as industry,
        last_value(
            case when employee_count is not null then {'least': employee_count, 'most': employee_count_max} end
            ignore nulls
        ) over state_so_far as employees,
        last_value(company_type ignore nulls) over state_so_far as company_type,
        last_value(country ignore nulls) over state_so_far as country,
        last_value(seniority ignore nulls) over state_so_far as seniority,
        last_value(company_id ignore nulls) over state_so_far as company_id,
        lead(updated_at, 1, ending()) over (partition by person_no order by updated_at, contact_id) as valid_to
    from contact_version
    window state_so_far as (partition by person_no order by updated_at, contact_id rows unbounded preceding)
),

-- Of several versions at one instant the last one holds.
stated as (
    select * from filled where valid_from < valid_to
),

first_states as (
    select person_no, min(valid_from) as first_from from stated group by person_no
),

-- A state lasts until the person's next version or the company's.
combined as (
    select
        stated.person_no,
        greatest(stated.valid_from, coalesce(company.valid_from, stated.valid_from)) as valid_from,
        least(stated.valid_to, coalesce(company.valid_to, stated.valid_to)) as valid_to,
        coalesce(stated.industry, company.industry) as industry,
        coalesce(stated.employees, company.employees) as employees,
        coalesce(stated.company_type, company.company_type) as company_type,
        coalesce(stated.country, company.country) as country,
        stated.seniority
    from stated
    left join (
        select company_id, industry, employees, company_type, country, valid_from, valid_to from company
        union all
        select company_id, null, null, null, null, beginning(), min(valid_from) from company group by company_id
    ) as company
        on
            stated.company_id = company.company_id
            and company.valid_from < stated.valid_to
            and company.valid_to > stated.valid_from
)

select * from combined
union all
select
    person.person_no,
    beginning(),
    coalesce(first_states.first_from, ending()),
    null,
    null,
    null,
    null,
    null
from person
left join first_states using (person_no);

create or replace temp table profile as
select
    row_number() over ()::int as profile_no,
    industry,
    employees,
    company_type,
    country,
    seniority
from (select distinct industry, employees, company_type, country, seniority from state);

create or replace temp table attributed as
select
    state.person_no,
    state.valid_from,
    state.valid_to,
    profile.profile_no
from state
inner join profile
    on
        state.industry is not distinct from profile.industry
        and state.employees is not distinct from profile.employees
        and state.company_type is not distinct from profile.company_type
        and state.country is not distinct from profile.country
        and state.seniority is not distinct from profile.seniority;

create or replace temp macro rule_holds(profile, rule) as case rule.attribute
    when 'employee_count'
        then
            profile.employees.least >= coalesce(rule.min_value, profile.employees.least)
            and profile.employees.least <= coalesce(rule.max_value, profile.employees.least)
            and (
                profile.employees.most is null
                or (
                    profile.employees.most >= coalesce(rule.min_value, profile.employees.most)
                    and profile.employees.most <= coalesce(rule.max_value, profile.employees.most)
                )
            )
    when 'industry' then holds_item(rule.allowed_values, profile.industry)
    when 'company_type' then holds_item(rule.allowed_values, profile.company_type)
    when 'country' then holds_item(rule.allowed_values, profile.country)
    when 'seniority' then holds_item(rule.allowed_values, profile.seniority)
end;

create or replace temp table profile_segment as
select
    profile_no,
    period_no,
    lower(segment_name) as segment_key,
    segment_name,
    min(priority) as priority,
    case
        when bool_or(coalesce(not is_met, false)) then false
        when bool_or(is_met is null) then null
        else true
    end as is_in_segment
from (
    select
        profile.profile_no,
        period.period_no,
        rule.segment_name,
        rule.priority,
        rule_holds(profile, rule) as is_met
    from profile
    cross join period
    inner join policy.segment_rules as rule
        on
            period.period_from >= coalesce(rule.effective_from, beginning())
            and period.period_from < coalesce(rule.effective_to, ending())
)
group by all;

create or replace temp table verdict as
with matched as (
    select
        profile.profile_no,
        period.period_no,
        rule.attribute,
        rule.is_required,
        rule_holds(profile, rule) as is_met
    from profile
    cross join period
    inner join policy.icp_profiles as rule using (icp_version)
),

verdicts as (
    select
        profile_no,
        period_no,
        not bool_or(is_required and is_met is null) as is_icp_complete,
        not bool_or(coalesce(not is_met, false)) and not bool_or(is_required and is_met is null) as is_icp_fit,
        string_agg(attribute, '|' order by attribute) filter (is_required and is_met is null) as missing,
        string_agg(attribute, '|' order by attribute) filter (not is_met) as mismatched
    from matched
    group by all
),

segments as (
    select profile_no, period_no, arg_min(segment_name, (priority, segment_name)) as segment
    from profile_segment
    where is_in_segment
    group by all
)

select
    profile.profile_no,
    period.period_no,
    period.period_from,
    period.period_to,
    period.icp_version,
    coalesce(is_icp_complete, false) as is_icp_complete,
    coalesce(is_icp_fit, false) as is_icp_fit,
    missing,
    mismatched,
    segment
from profile
cross join period
left join verdicts using (profile_no, period_no)
left join segments using (profile_no, period_no);

-- Campaign context -----------------------------------------------------------------------------------------------------

create or replace temp table campaign as
with versions as (
    select
        clean(campaign_id) as campaign_id,
        clean(campaign_name) as campaign_name,
        code(channel) as channel,
        clean(segment_name) as segment_name,
        clean(segment_definition) as segment_definition,
        clean(message_name) as message_name,
        clean(message_hypothesis) as message_hypothesis,
        clean(expected_response) as expected_response,
        clean(success_metric) as success_metric,
        clean(success_threshold) as success_threshold,
        clean(icp_version) as icp_version,
        moment(starts_at) as starts_at,
        moment(ends_at) as ends_at,
        moment(created_at) as created,
        moment(updated_at) as updated_at
    from read_parquet(getvariable('campaigns'))
    where clean(campaign_id) is not null and moment(updated_at) <= getvariable('as_of')
    qualify row_number() over (
        partition by clean(campaign_id), moment(updated_at) order by file_index desc, file_row_number desc
    ) = 1
),

dated as (
    select
        versions.* exclude (created),
        least(created, updated_at) as created_at,
        case
            when row_number() over (partition by campaign_id order by updated_at) = 1
                then least(starts_at, created, updated_at)
            else updated_at
        end as version_from
    from versions
),

bounded as (
    select
        *,
        lead(version_from, 1, ending()) over (partition by campaign_id order by updated_at) as version_to,
        min(version_from) over (partition by campaign_id) as campaign_from
    from dated
),

registered as (
    select
        campaign_id,
        coalesce(registered_at, beginning()) as registered_at,
        last_value(campaign_name ignore nulls) over campaign_so_far as campaign_name,
        last_value(channel ignore nulls) over campaign_so_far as channel,
        last_value(segment_name ignore nulls) over campaign_so_far as segment_name,
        last_value(segment_definition ignore nulls) over campaign_so_far as segment_definition,
        last_value(message_name ignore nulls) over campaign_so_far as message_name,
        last_value(message_hypothesis ignore nulls) over campaign_so_far as message_hypothesis,
        last_value(expected_response ignore nulls) over campaign_so_far as expected_response,
        last_value(success_metric ignore nulls) over campaign_so_far as success_metric,
        last_value(success_threshold ignore nulls) over campaign_so_far as success_threshold,
        last_value(icp_version ignore nulls) over campaign_so_far as icp_version,
        last_value(starts_at ignore nulls) over campaign_so_far as starts_at,
        last_value(ends_at ignore nulls) over campaign_so_far as ends_at,
        lead(coalesce(registered_at, beginning()), 1, ending()) over (
            partition by campaign_id order by coalesce(registered_at, beginning())
        ) as registered_to
    from policy.campaign_registry
    where source_system = 'leadproof'
    window campaign_so_far as (
        partition by campaign_id order by coalesce(registered_at, beginning()) rows unbounded preceding
    )
),

moments as (
    select campaign_id, version_from as valid_from from bounded
    union
    select campaign_id, registered_at
    from registered
    inner join (select distinct campaign_id, campaign_from from bounded) as campaigns using (campaign_id)
    where registered_at > campaign_from
),

periods as (
    select
        row_number() over ()::int as campaign_no,
        campaign_id,
        valid_from,
        lead(valid_from, 1, ending()) over (partition by campaign_id order by valid_from) as valid_to
    from moments
)

select
    periods.campaign_no,
    periods.campaign_id,
    periods.valid_from,
    periods.valid_to,
    coalesce(bounded.campaign_name, registered.campaign_name) as campaign_name,
    coalesce(bounded.channel, registered.channel) as campaign_channel,
    coalesce(bounded.segment_name, registered.segment_name) as segment_name,
    coalesce(bounded.segment_definition, registered.segment_definition) as segment_definition,
    coalesce(bounded.message_name, registered.message_name) as message_name,
    coalesce(bounded.message_hypothesis, registered.message_hypothesis) as message_hypothesis,
    coalesce(bounded.expected_response, registered.expected_response) as expected_response,
    coalesce(bounded.success_metric, registered.success_metric) as success_metric,
    coalesce(bounded.success_threshold, registered.success_threshold) as success_threshold,
    coalesce(bounded.icp_version, registered.icp_version) as campaign_icp_version,
    coalesce(bounded.starts_at, registered.starts_at) as campaign_starts_at,
    coalesce(bounded.ends_at, registered.ends_at) as campaign_ends_at,
    bounded.created_at as campaign_created_at,
    bounded.updated_at as campaign_updated_at
from periods
inner join bounded
    on
        periods.campaign_id = bounded.campaign_id
        and periods.valid_from >= bounded.version_from
        and periods.valid_from < bounded.version_to
left join registered
    on
        periods.campaign_id = registered.campaign_id
        and periods.valid_from >= registered.registered_at
        and periods.valid_from < registered.registered_to;

-- Three rows stand for the reasons to have no campaign. One table then answers every touch: which stamp, is it
-- complete for this direction in this period, what is missing.
create or replace temp table stamp as
with stamps as (
    select campaign_no, null as missing_campaign from campaign
    union all
    values (-1, 'no_campaign'), (-2, 'campaign_unknown'), (-3, 'campaign_not_in_force')
),

checked as (
    select
        stamps.campaign_no,
        requirements.direction,
        period.period_no,
        requirements.field,
        requirements.is_required
    from stamps
    cross join period
    inner join policy.context_requirements as requirements
        on
            coalesce(requirements.effective_from, beginning()) <= period.period_from
            and coalesce(requirements.effective_to, ending()) > period.period_from
    left join campaign using (campaign_no)
    where
        case requirements.field
            when 'campaign_name' then campaign.campaign_name is null
            when 'campaign_channel' then campaign.campaign_channel is null
            when 'segment_name' then campaign.segment_name is null
            when 'segment_definition' then campaign.segment_definition is null
            when 'message_name' then campaign.message_name is null
            when 'message_hypothesis' then campaign.message_hypothesis is null
            when 'expected_response' then campaign.expected_response is null
            when 'success_metric' then campaign.success_metric is null
            when 'success_threshold' then campaign.success_threshold is null
            when 'campaign_icp_version' then campaign.campaign_icp_version is null
            when 'campaign_starts_at' then campaign.campaign_starts_at is null
            when 'campaign_ends_at' then campaign.campaign_ends_at is null
            when 'campaign_created_at' then campaign.campaign_created_at is null
            when 'campaign_updated_at' then campaign.campaign_updated_at is null
        end
),

missing as (
    select
        campaign_no,
        direction,
        period_no,
        bool_or(is_required) as is_incomplete,
        string_agg(field, '|' order by field) as fields,
        string_agg(field, '|' order by field) filter (is_required) as required_fields
    from checked
    group by all
)

select
    stamps.campaign_no,
    directions.direction,
    period.period_no,
    not coalesce(missing.is_incomplete, false) as is_context_complete,
    nullif(concat_ws('|', stamps.missing_campaign, missing.fields), '') as missing_context_fields,
    nullif(concat_ws('|', stamps.missing_campaign, missing.required_fields), '') as obstructive_context_fields
from stamps
cross join (values ('inbound'), ('outbound'), ('unclassified')) as directions (direction)
cross join period
left join missing using (campaign_no, direction, period_no);

-- Events: responses, opt-outs, permissions, with all their columns ------------------------------------------------------

-- DuckDB takes all files for as short as the first and would hash the touches instead of the people beside them: of ten
-- million, 15 GB instead of 10 at the peak. Joins as they are written keep the touches flowing.
set disabled_optimizers = 'build_side_probe_side';

create or replace temp table touch as
select
    usable_touch.* exclude (file_no, row_no, contact_id, email, visitor_id),
    hash(channel, touch_type, placement, keyword_intent, audience_consent, content_fit, initiated_by) as fields,
    day_period.period_no,
    day_period.icp_version,
    coalesce(contact_person.person_no, email_person.person_no, visitor_person.person_no) as person_no,
    is_response or is_opt_out or grants_permission as is_event
from usable_touch
left join day_period
    on
        date_trunc('day', usable_touch.occurred_at) = day_period.day
        and usable_touch.occurred_at >= day_period.period_from
        and usable_touch.occurred_at < day_period.period_to
left join contact_person on usable_touch.contact_id = contact_person.contact_id
-- A row's keys belong to one person, so the later ones are asked only where the earlier are absent.
left join email_person on case when usable_touch.contact_id is null then usable_touch.email end = email_person.email
left join visitor_person
    on case when usable_touch.contact_id is null then usable_touch.visitor_id end = visitor_person.visitor_id
anti join dropped_touch
    on usable_touch.file_no = dropped_touch.file_no and usable_touch.row_no = dropped_touch.row_no
where coalesce(contact_person.person_no, email_person.person_no, visitor_person.person_no) is not null;

reset disabled_optimizers;

drop table keyed_touch;

create or replace temp table raw_event as
select
    row_number() over () as event_no,
    * exclude (is_event)
from touch
where is_event;

-- A permission lasts from the first touch that grants it to the next opt-out.
create or replace temp table permission as
with numbered as (
    select
        person_no,
        occurred_at,
        order_rank,
        source_touch_id,
        is_opt_out,
        count(*) filter (is_opt_out) over (
            partition by person_no order by occurred_at, order_rank, source_touch_id rows unbounded preceding
        ) as opt_outs_so_far
    from raw_event
    where grants_permission or is_opt_out
),

spans as (
    select
        person_no,
        opt_outs_so_far,
        arg_min(
            {'at': occurred_at, 'rank': order_rank, 'id': source_touch_id}, (occurred_at, order_rank, source_touch_id)
        ) filter (not is_opt_out) as granted,
        arg_min({'at': occurred_at, 'id': source_touch_id}, opt_outs_so_far) filter (is_opt_out) as opened_by
    from numbered
    group by all
)

select
    person_no,
    granted.at as granted_at,
    granted.rank as granted_rank,
    granted.id as granted_id,
    coalesce(withdrawn.at, ending()) as withdrawn_at,
    coalesce(withdrawn.id, '') as withdrawn_id
from (
    select
        *,
        lead(opened_by) over (partition by person_no order by opt_outs_so_far) as withdrawn
    from spans
)
where granted is not null;

-- Which rule decides, for every combination of fields that occurs.
create or replace temp table ruling as
with combinations as (
    select
        fields,
        any_value(channel) as channel,
        any_value(touch_type) as touch_type,
        any_value(placement) as placement,
        any_value(keyword_intent) as keyword_intent,
        any_value(audience_consent) as audience_consent,
        any_value(content_fit) as content_fit,
        any_value(initiated_by) as initiated_by
    from touch
    group by fields
),

asked as (
    select *
    from combinations
    cross join (values (true), (false)) as permissions (has_prior_permission)
    cross join period
),

matched as (
    select
        asked.*,
        rules.rule_id,
        rules.direction,
        rules.permission
    from asked
    inner join policy.touch_direction_rules as rules
        on
            asked.period_from >= coalesce(rules.effective_from, beginning())
            and asked.period_from < coalesce(rules.effective_to, ending())
            and (rules.channel = '*' or lower(rules.channel) = asked.channel)
            and (rules.touch_type = '*' or lower(rules.touch_type) = asked.touch_type)
            and (rules.placement = '*' or lower(rules.placement) = asked.placement)
            and (rules.keyword_intent = '*' or lower(rules.keyword_intent) = asked.keyword_intent)
            and (rules.audience_consent = '*' or lower(rules.audience_consent) = asked.audience_consent)
            and (rules.content_fit = '*' or lower(rules.content_fit) = asked.content_fit)
            and (rules.initiated_by = '*' or lower(rules.initiated_by) = asked.initiated_by)
            and (
                rules.has_prior_permission = '*'
                or (lower(rules.has_prior_permission) = 'true') = asked.has_prior_permission
            )
    qualify row_number() over (
        partition by asked.fields, asked.has_prior_permission, asked.period_no
        order by rules.priority, rules.rule_id
    ) = 1
)

select
    fields,
    has_prior_permission,
    period_no,
    rule_id,
    direction,
    permission
from matched;

create or replace temp table ruled_event as
select
    events.*,
    ruling.rule_id as own_rule_id,
    ruling.direction as own_direction,
    ruling.permission as own_permission
from (
    select
        raw_event.*,
        permission.person_no is not null as has_prior_permission
    from raw_event
    left join permission
        on
            raw_event.person_no = permission.person_no
            and (raw_event.occurred_at, raw_event.order_rank, raw_event.source_touch_id)
            > (permission.granted_at, permission.granted_rank, permission.granted_id)
            and (raw_event.occurred_at, raw_event.order_rank, raw_event.source_touch_id)
            <= (permission.withdrawn_at, 2, permission.withdrawn_id)
) as events
left join ruling using (fields, has_prior_permission, period_no);

-- Cycles ---------------------------------------------------------------------------------------------------------------

create or replace temp table person_handoff as
select
    coalesce(contact_person.person_no, email_person.person_no) as person_no,
    handoff_id,
    occurred_at,
    outcome
from handoff
left join contact_person on handoff.contact_id = contact_person.contact_id
left join email_person on handoff.email = email_person.email
where coalesce(contact_person.person_no, email_person.person_no) is not null;

create or replace temp table activity as
with responses as (
    select person_no, occurred_at, event_no, 0 as order_rank, source_touch_id as source_id
    from ruled_event
    inner join person using (person_no)
    where is_response and first_known_at is not null
),

first_responses as (
    select person_no, min(occurred_at) as first_response_at from responses group by person_no
),

activities as (
    select * from responses
    union all
    select person_no, occurred_at, null, 1, handoff_id
    from person_handoff
    inner join first_responses using (person_no)
    where outcome = 'accepted' and occurred_at >= first_response_at
)

select
    person_no,
    occurred_at,
    event_no,
    order_rank = 0 as is_response,
    row_number() over in_order as place,
    lag(occurred_at) over in_order as previous_activity_at,
    lead(occurred_at) over in_order as next_activity_at,
    max(case when order_rank = 0 then occurred_at end) over (
        partition by person_no order by occurred_at, order_rank, source_id
        rows between unbounded preceding and 1 preceding
    ) as previous_response_at
from activities
window in_order as (partition by person_no order by occurred_at, order_rank, source_id);

create or replace temp table exit_event as
with versions as (
    select
        person_no,
        updated_at,
        is_deleted,
        lag(is_deleted) over (partition by person_no, contact_id order by updated_at) as was_deleted
    from contact_version
    -- Most people have no deleted record at all.
    where person_no in (select person_no from contact_version where is_deleted)
),

changes as (
    select
        person_no,
        updated_at,
        sum((not is_deleted)::int - (not coalesce(was_deleted, true))::int) as change_in_live_records,
        count(*) filter (is_deleted and not coalesce(was_deleted, false)) as deleted_records
    from versions
    group by all
),

counted as (
    select
        person_no,
        updated_at,
        deleted_records,
        sum(change_in_live_records) over (partition by person_no order by updated_at) as live_records
    from changes
),

found as (
    select
        person_no, occurred_at as exit_at, 'opt_out' as exit_reason, 'disqualified' as exit_stage, 1 as exit_rank,
        event_no, source_touch_id as source_id
    from ruled_event
    where is_opt_out
    union all
    select person_no, updated_at, 'deleted', 'disqualified', 2, null, null
    from counted
    where live_records = 0 and deleted_records > 0
    union all
    select person_no, occurred_at, 'rejected_handoff', 'recycled', 3, null, handoff_id
    from person_handoff
    where outcome = 'rejected'
)

select found.* exclude (source_id)
from found
inner join person using (person_no)
where exit_at >= first_known_at
qualify row_number() over (partition by person_no, exit_at order by exit_rank, source_id) = 1;

-- A table of its own: an as-of join inside a recursive query crashes DuckDB 1.5.5.
create or replace temp table possible_opening as
select
    responses.person_no,
    responses.occurred_at,
    responses.event_no,
    coalesce(exits.exit_at >= coalesce(responses.previous_response_at, beginning()), false) as is_after_exit,
    seconds_between(responses.previous_activity_at, responses.occurred_at) as idle_seconds,
    responses.place
from (select * from activity where is_response) as responses
asof left join exit_event as exits
    on responses.person_no = exits.person_no and responses.occurred_at > exits.exit_at
where
    exits.exit_at >= coalesce(responses.previous_response_at, beginning())
    or seconds_between(responses.previous_activity_at, responses.occurred_at)
    >= (select min(dormancy_days) from stage_policy) * 86400;

create or replace temp table opened_cycle as
with recursive openings as (
    select
        possible_opening.* exclude (place),
        row_number() over (partition by person_no order by place) as opening_no,
        stage_policy.dormancy_days
    from possible_opening
    inner join stage_policy
        on
            possible_opening.occurred_at >= stage_policy.valid_from
            and possible_opening.occurred_at < stage_policy.valid_to
),

walked (person_no, opening_no, cycle_number, opened_at, event_no, dormancy_days, is_opening) as (
    select person_no, 0::bigint, 1, first_known_at, null::bigint, stage_policy.dormancy_days, true
    from person
    inner join stage_policy on first_known_at >= stage_policy.valid_from and first_known_at < stage_policy.valid_to
    union all
    select
        openings.person_no,
        openings.opening_no,
        walked.cycle_number + (is_after_exit or idle_seconds >= walked.dormancy_days * 86400)::int,
        openings.occurred_at,
        openings.event_no,
        case
            when is_after_exit or idle_seconds >= walked.dormancy_days * 86400 then openings.dormancy_days
            else walked.dormancy_days
        end,
        is_after_exit or idle_seconds >= walked.dormancy_days * 86400
    from walked
    inner join openings
        on walked.person_no = openings.person_no and walked.opening_no + 1 = openings.opening_no
)

select
    walked.person_no,
    walked.cycle_number,
    walked.opened_at,
    walked.event_no as opening_event_no,
    lead(walked.opened_at, 1, ending()) over (
        partition by walked.person_no order by walked.cycle_number
    ) as next_opened_at,
    stage_policy.* exclude (valid_from, valid_to, max_contacts_per_address)
from walked
inner join stage_policy on walked.opened_at >= stage_policy.valid_from and walked.opened_at < stage_policy.valid_to
where walked.is_opening;

create or replace temp table cycle as
with activities as (
    select
        cycles.person_no,
        cycles.cycle_number,
        activity.occurred_at,
        activity.is_response,
        days_after(activity.occurred_at, cycles.dormancy_days) as dormant_at,
        activity.next_activity_at
    from opened_cycle as cycles
    inner join activity
        on
            cycles.person_no = activity.person_no
            and cycles.opened_at <= activity.occurred_at
            and cycles.next_opened_at > activity.occurred_at
),

summed as (
    select
        person_no,
        cycle_number,
        min(occurred_at) filter (is_response) as first_response_at,
        min(dormant_at) filter (
            (next_activity_at is null or next_activity_at >= dormant_at) and dormant_at <= getvariable('as_of')
        ) as dormant_at
    from activities
    group by all
),

exits as (
    select
        cycles.person_no,
        cycles.cycle_number,
        arg_min(exit_event, (exit_at, exit_rank)) as ended
    from opened_cycle as cycles
    inner join exit_event
        on
            cycles.person_no = exit_event.person_no
            and cycles.opened_at <= exit_event.exit_at
            and cycles.next_opened_at > exit_event.exit_at
    group by all
)

select
    cycles.*,
    first_response_at,
    coalesce(dormant_at < ended.exit_at, ended is null and dormant_at is not null) as is_dormant,
    case when is_dormant then dormant_at else ended.exit_at end as ended_at,
    case when is_dormant then 'recycled' else ended.exit_stage end as exit_stage,
    case when not is_dormant then ended.event_no end as exit_event_no
from opened_cycle as cycles
left join summed using (person_no, cycle_number)
left join exits using (person_no, cycle_number);

-- Context that responses without a campaign take from earlier touches ----------------------------------------------------

create or replace temp table open_response as
select
    ruled_event.*,
    coalesce(cycle.response_window_days, stage_policy.response_window_days) as response_window_days
from ruled_event
inner join stage_policy
    on ruled_event.occurred_at >= stage_policy.valid_from and ruled_event.occurred_at < stage_policy.valid_to
left join cycle
    on
        ruled_event.person_no = cycle.person_no
        and ruled_event.occurred_at >= cycle.opened_at
        and ruled_event.occurred_at < cycle.next_opened_at
        and ruled_event.occurred_at <= coalesce(cycle.ended_at, ending())
where ruled_event.is_response and ruled_event.campaign_id is null;

-- Touches that may give context and are no events: answered ones, and the company's on the channel of an open response.
create or replace temp table giver as
with answered as (
    select distinct answers_touch_id from open_response where answers_touch_id is not null
),

listened as (
    select distinct person_no, channel from open_response
),

found as (
    select
        source_touch_id, person_no, occurred_at, order_rank, channel, campaign_id, actor, period_no,
        false as is_response, fields
    from touch
    where
        not is_event
        and (
            source_touch_id in (select answers_touch_id from answered)
            or (
                actor = 'company' and campaign_id is not null
                and (person_no, channel) in (select (person_no, channel) from listened)
            )
        )
)

select
    found.* exclude (fields, period_no),
    ruling.rule_id as own_rule_id,
    ruling.direction as own_direction,
    ruling.permission as own_permission
from (
    select
        found.*,
        permission.person_no is not null as has_prior_permission
    from found
    left join permission
        on
            found.person_no = permission.person_no
            and found.occurred_at <= permission.withdrawn_at
            and (found.occurred_at, found.order_rank, found.source_touch_id)
            > (permission.granted_at, permission.granted_rank, permission.granted_id)
) as found
left join ruling using (fields, has_prior_permission, period_no)
union all
select
    source_touch_id, person_no, occurred_at, order_rank, channel, campaign_id, actor,
    is_response, has_prior_permission, own_rule_id, own_direction, own_permission
from ruled_event;

create or replace temp table windowed as
with company_touches as (
    select
        person_no,
        channel,
        occurred_at,
        arg_max(giver, (order_rank, source_touch_id)) as given
    from giver
    where actor = 'company' and campaign_id is not null
    group by all
)

select
    open_response.event_no,
    company_touches.given
from open_response
asof inner join company_touches
    on
        open_response.person_no = company_touches.person_no
        and open_response.channel = company_touches.channel
        and open_response.occurred_at > company_touches.occurred_at
where days_after(company_touches.occurred_at, open_response.response_window_days) >= open_response.occurred_at;

create or replace temp table inherited as
with recursive answers as (
    select
        open_response.event_no,
        giver as given
    from open_response
    inner join giver
        on
            open_response.answers_touch_id = giver.source_touch_id
            and (open_response.occurred_at, open_response.order_rank, open_response.source_touch_id)
            > (giver.occurred_at, giver.order_rank, giver.source_touch_id)
),

asked as (
    select
        open_response.event_no,
        open_response.source_touch_id,
        open_response.own_rule_id,
        open_response.own_direction,
        open_response.own_permission,
        windowed.given as windowed,
        answers.given as answered,
        coalesce(answers.given.is_response and answers.given.campaign_id is null, false) as is_answer_open
    from open_response
    left join windowed using (event_no)
    left join answers using (event_no)
),

walked (event_no, source_touch_id, context, context_source, direction, rule_id, permission) as (
    select
        event_no,
        source_touch_id,
        case when answered.campaign_id is not null then answered else windowed end as context,
        case when answered.campaign_id is not null then 'answered' when windowed is not null then 'window' end,
        case
            when own_rule_id is not null then own_direction
            when (context).own_rule_id is not null then (context).own_direction
            else answered.own_direction
        end,
        coalesce(own_rule_id, (context).own_rule_id, answered.own_rule_id),
        case
            when own_rule_id is not null then own_permission
            when (context).own_rule_id is not null then (context).own_permission
            else answered.own_permission
        end
    from asked
    where not is_answer_open
    union all
    select
        asked.event_no,
        asked.source_touch_id,
        coalesce(walked.context, asked.windowed),
        case when walked.context is not null then 'answered' when asked.windowed is not null then 'window' end,
        case
            when asked.own_rule_id is not null then asked.own_direction
            when walked.context is null and asked.windowed.own_rule_id is not null then asked.windowed.own_direction
            else walked.direction
        end,
        case
            when asked.own_rule_id is not null then asked.own_rule_id
            when walked.context is null then coalesce(asked.windowed.own_rule_id, walked.rule_id)
            else walked.rule_id
        end,
        case
            when asked.own_rule_id is not null then asked.own_permission
            when walked.context is null and asked.windowed.own_rule_id is not null then asked.windowed.own_permission
            else walked.permission
        end
    from walked
    inner join asked
        on asked.is_answer_open and walked.source_touch_id = asked.answered.source_touch_id
)

select
    event_no,
    context.campaign_id as campaign_id,
    context.occurred_at as context_at,
    context_source,
    direction,
    rule_id,
    permission
from walked
where context is not null or rule_id is not null;

-- Events with everything that is decided about them ----------------------------------------------------------------------

create or replace temp table event as
with ruled as (
    select
        ruled_event.* exclude (campaign_id, own_rule_id, own_direction, own_permission, fields),
        coalesce(inherited.campaign_id, ruled_event.campaign_id) as campaign_id,
        coalesce(inherited.context_at, ruled_event.occurred_at) as stamp_at,
        case
            when ruled_event.campaign_id is not null then 'own' else coalesce(inherited.context_source, 'none')
        end as context_source,
        coalesce(case when inherited.event_no is null then own_direction else inherited.direction end, 'unclassified')
            as direction,
        case when inherited.event_no is null then own_rule_id else inherited.rule_id end as direction_rule_id,
        case when inherited.event_no is null then own_permission else inherited.permission end as permission
    from ruled_event
    left join inherited using (event_no)
),

stamped as (
    select
        ruled.* exclude (stamp_at),
        coalesce(
            campaign.campaign_no,
            case
                when ruled.campaign_id is null then -1
                when ruled.campaign_id not in (select campaign_id from campaign) then -2
                else -3
            end
        ) as campaign_no,
        lower(campaign.segment_name) as segment_key,
        campaign.expected_response
    from ruled
    left join campaign
        on
            ruled.campaign_id = campaign.campaign_id
            and ruled.stamp_at >= campaign.valid_from
            and ruled.stamp_at < campaign.valid_to
)

select
    stamped.* exclude (segment_key, expected_response),
    person.person_id,
    cycle.cycle_number,
    coalesce(cycle.ended_at is null or stamped.occurred_at <= cycle.ended_at, false)
    and cycle.cycle_number is not null as is_in_open_cycle,
    stamp.is_context_complete,
    stamp.missing_context_fields,
    stamp.obstructive_context_fields,
    profile_segment.is_in_segment,
    is_response
    and is_in_open_cycle
    and stamp.is_context_complete
    and (
        (
            coalesce(response_relevance = 'relevant', false)
            and coalesce(holds_item(expected_response, response_intent), false)
        )
        or (
            cycle.hand_raise_qualifies
            and is_hand_raise
            and stamped.direction = 'inbound'
            and coalesce(response_relevance, '') <> 'irrelevant'
        )
    ) as is_qualifying_response
from stamped
inner join person using (person_no)
inner join stamp
    on
        stamped.campaign_no = stamp.campaign_no
        and stamped.direction = stamp.direction
        and stamped.period_no = stamp.period_no
inner join attributed
    on
        stamped.person_no = attributed.person_no
        and stamped.occurred_at >= attributed.valid_from
        and stamped.occurred_at < attributed.valid_to
left join profile_segment
    on
        attributed.profile_no = profile_segment.profile_no
        and stamped.period_no = profile_segment.period_no
        and stamped.segment_key = profile_segment.segment_key
left join cycle
    on
        stamped.person_no = cycle.person_no
        and stamped.occurred_at >= cycle.opened_at
        and stamped.occurred_at < cycle.next_opened_at;

-- Touches: events as they are, all others in one pass --------------------------------------------------------

create or replace table marts.touches as
with streamed as (
    select
        touch.*,
        permission.person_no is not null as has_prior_permission
    from touch
    left join permission
        on
            touch.person_no = permission.person_no
            and touch.occurred_at <= permission.withdrawn_at
            and (touch.occurred_at, touch.order_rank, touch.source_touch_id)
            > (permission.granted_at, permission.granted_rank, permission.granted_id)
    where not touch.is_event
),

ruled as (
    select
        streamed.* exclude (fields),
        coalesce(ruling.direction, 'unclassified') as direction,
        ruling.rule_id as direction_rule_id,
        ruling.permission
    from streamed
    left join ruling using (fields, has_prior_permission, period_no)
),

stamped as (
    select
        ruled.*,
        coalesce(
            campaign.campaign_no,
            case
                when ruled.campaign_id is null then -1
                when ruled.campaign_id not in (select campaign_id from campaign) then -2
                else -3
            end
        ) as campaign_no,
        lower(campaign.segment_name) as segment_key
    from ruled
    left join campaign
        on
            ruled.campaign_id = campaign.campaign_id
            and ruled.occurred_at >= campaign.valid_from
            and ruled.occurred_at < campaign.valid_to
),

decided as (
    select
        source_touch_id, person_id, cycle_number, answers_touch_id, offer_id, occurred_at, channel, touch_type,
        actor, is_response, is_hand_raise, is_opt_out, placement, keyword_intent, audience_consent, content_fit,
        initiated_by, landing_page, response_relevance, response_intent, points, has_prior_permission, direction,
        permission, direction_rule_id, is_qualifying_response, icp_version, campaign_id, campaign_no, is_in_segment,
        is_context_complete, missing_context_fields, context_source
    from event
    union all
    select
        source_touch_id, person_id, cycle_number, answers_touch_id, offer_id, occurred_at, channel, touch_type,
        actor, is_response, is_hand_raise, is_opt_out, placement, keyword_intent, audience_consent, content_fit,
        initiated_by, landing_page, response_relevance, response_intent, points, has_prior_permission,
        stamped.direction, permission, direction_rule_id, false, icp_version, campaign_id, stamped.campaign_no,
        is_in_segment, is_context_complete, missing_context_fields,
        case when campaign_id is not null then 'own' else 'none' end
    from stamped
    inner join person on stamped.person_no = person.person_no
    inner join stamp
        on
            stamped.campaign_no = stamp.campaign_no
            and stamped.direction = stamp.direction
            and stamped.period_no = stamp.period_no
    inner join attributed
        on
            stamped.person_no = attributed.person_no
            and stamped.occurred_at >= attributed.valid_from
            and stamped.occurred_at < attributed.valid_to
    left join profile_segment
        on
            attributed.profile_no = profile_segment.profile_no
            and stamped.period_no = profile_segment.period_no
            and stamped.segment_key = profile_segment.segment_key
    left join cycle
        on
            stamped.person_no = cycle.person_no
            and stamped.occurred_at >= cycle.opened_at
            and stamped.occurred_at < cycle.next_opened_at
)

select
    'leadproof:' || source_touch_id as touch_id,
    person_id,
    cycle_number,
    'leadproof' as source_system,
    'leadproof:' || answers_touch_id as answers_touch_id,
    offer_id,
    occurred_at,
    channel,
    touch_type,
    actor,
    is_response,
    is_hand_raise,
    is_opt_out,
    placement,
    keyword_intent,
    audience_consent,
    content_fit,
    initiated_by,
    landing_page,
    response_relevance,
    response_intent,
    points,
    has_prior_permission,
    direction,
    permission,
    direction_rule_id,
    is_qualifying_response,
    icp_version,
    decided.campaign_id,
    campaign.* exclude (campaign_no, campaign_id, valid_from, valid_to),
    is_in_segment,
    is_context_complete,
    missing_context_fields,
    context_source
from decided
left join campaign on decided.campaign_no = campaign.campaign_no;

-- Scores and stages ------------------------------------------------------------------------------------------------------

create or replace temp table evaluation as
with cycles as (
    select cycle.*
    from cycle
    inner join person using (person_no)
    where not is_excluded and first_response_at is not null
),

responses as (
    select
        event.person_no,
        event.cycle_number,
        event.occurred_at,
        event.points,
        event.is_context_complete,
        event.is_qualifying_response,
        coalesce(event.response_relevance, '') <> 'irrelevant'
        and row_number() over (
            partition by
                event.person_no, event.cycle_number, event.touch_type,
                coalesce(event.response_relevance, '') <> 'irrelevant'
            order by event.occurred_at, event.source_touch_id
        ) <= coalesce(event.max_scored_per_cycle, 2147483647) as is_scored
    from event
    where event.is_response and event.is_in_open_cycle
),

moments as (
    select
        person_no, cycle_number, occurred_at,
        case when is_scored then points else 0 end as points,
        is_context_complete, is_qualifying_response
    from responses
    union all
    select cycles.person_no, cycles.cycle_number, attributed.valid_from, 0, false, false
    from cycles
    inner join attributed
        on
            cycles.person_no = attributed.person_no
            and cycles.first_response_at < attributed.valid_from
            and attributed.valid_from < coalesce(cycles.ended_at, cycles.next_opened_at)
),

points_in_time as (
    select
        person_no,
        cycle_number,
        occurred_at,
        sum(points) as points,
        bool_or(is_context_complete) as is_context_complete,
        bool_or(is_qualifying_response) as is_qualifying_response
    from moments
    group by all
),

aged as (
    select
        points_in_time.*,
        cycles.mql_min_score,
        ln(2) * seconds_between(cycles.first_response_at, occurred_at) / (86400 * cycles.score_half_life_days) as age
    from points_in_time
    inner join cycles using (person_no, cycle_number)
)

-- One window: each response is weighed from the cycle's first one on, and the sum discounted. A double holds 700
-- e-foldings, which is decades.
select
    person_no,
    cycle_number,
    occurred_at,
    exp(-age) * sum(points * exp(age)) over evaluation_so_far as score,
    score >= mql_min_score - 0.000001 as is_score_reached,
    bool_or(is_context_complete) over evaluation_so_far as has_complete_context,
    bool_or(is_qualifying_response) over evaluation_so_far as has_qualifying_response
from aged
window evaluation_so_far as (partition by person_no, cycle_number order by occurred_at rows unbounded preceding);

create or replace temp table stage as
with people as (
    select person_no from person where first_known_at is not null and not is_excluded
),

cycles as (
    select cycle.* from cycle inner join people using (person_no)
),

responses as (
    select event.* from event inner join people using (person_no)
    where is_response and is_in_open_cycle
),

first_moments as (
    select evaluation.person_no, cycle_number, occurred_at, is_score_reached
    from evaluation
    left join attributed
        on
            evaluation.person_no = attributed.person_no
            and evaluation.occurred_at >= attributed.valid_from
            and evaluation.occurred_at < attributed.valid_to
    -- An outer join keeps its place: free to choose, the optimizer joins every moment with every verdict of its time.
    left join day_period
        on
            date_trunc('day', evaluation.occurred_at) = day_period.day
            and evaluation.occurred_at >= day_period.period_from
            and evaluation.occurred_at < day_period.period_to
    left join verdict
        on attributed.profile_no = verdict.profile_no and day_period.period_no = verdict.period_no
    where
        has_complete_context
        and (is_score_reached or has_qualifying_response)
        and coalesce(verdict.is_icp_complete and verdict.is_icp_fit, false)
    qualify row_number() over (partition by evaluation.person_no, cycle_number order by occurred_at) = 1
),

response_facts as (
    select
        responses.person_no,
        responses.cycle_number,
        arg_min(
            {'no': responses.event_no, 'at': responses.occurred_at}, (responses.occurred_at, source_touch_id)
        ) as opener,
        arg_max(responses.event_no, (responses.occurred_at, source_touch_id)) filter (
            is_context_complete and responses.occurred_at <= first_moments.occurred_at
        ) as mql_event_no,
        arg_min(
            {'no': responses.event_no, 'at': responses.occurred_at}, (responses.occurred_at, source_touch_id)
        ) filter (is_qualifying_response) as qualifier
    from responses
    left join first_moments using (person_no, cycle_number)
    group by all
)

select
    person_no, cycle_number, 'suspect' as stage, 1 as stage_rank, opened_at as occurred_at,
    opening_event_no as event_no, null as mql_route, opened_at as judged_at
from cycles
union all
select person_no, cycle_number, 'prospect', 2, opener.at, opener.no, null, opener.at
from response_facts
union all
select
    person_no, cycle_number, 'mql', 3, occurred_at, mql_event_no,
    case when is_score_reached then 'score' else 'qualifying_response' end, occurred_at
from first_moments
inner join response_facts using (person_no, cycle_number)
union all
select
    person_no, cycle_number, 'sql', 4, greatest(occurred_at, qualifier.at), qualifier.no,
    case when is_score_reached then 'score' else 'qualifying_response' end, occurred_at
from first_moments
inner join response_facts using (person_no, cycle_number)
where qualifier is not null
union all
select person_no, cycle_number, exit_stage, 5, ended_at, exit_event_no, null, ended_at
from cycles
where ended_at is not null;

create or replace temp table stage_score as
select stage.person_no, stage.cycle_number, stage.stage, evaluation.score, evaluation.occurred_at as scored_at
from stage
asof left join evaluation
    on
        stage.person_no = evaluation.person_no
        and stage.cycle_number = evaluation.cycle_number
        and stage.occurred_at >= evaluation.occurred_at;

create or replace temp table transition as
select
    person.person_id || ':' || stage.cycle_number || ':' || stage.stage as transition_id,
    person.person_id,
    stage.*,
    lag(stage.stage) over (partition by stage.person_no order by stage.cycle_number, stage.stage_rank)
        as from_stage,
    case
        when stage.stage_rank = 1 and stage.cycle_number > 1 then 're_enter'
        when stage.stage = 'recycled' then 'recycle'
        when stage.stage = 'disqualified' then 'disqualify'
        else 'advance'
    end as transition_kind,
    round(
        coalesce(
            stage_score.score * exp(
                -ln(2) * seconds_between(stage_score.scored_at, stage.occurred_at)
                / (86400 * cycles.score_half_life_days)
            ),
            0
        ),
        6
    ) as engagement_score,
    verdict.icp_version,
    verdict.is_icp_complete,
    verdict.is_icp_fit,
    verdict.segment as person_segment,
    cycles.policy,
    event.direction,
    event.direction_rule_id,
    event.campaign_id,
    event.campaign_no,
    event.is_in_segment,
    event.is_context_complete,
    event.missing_context_fields,
    event.context_source,
    event.source_touch_id
from stage
inner join cycle as cycles
    on stage.person_no = cycles.person_no and stage.cycle_number = cycles.cycle_number
inner join person on stage.person_no = person.person_no
left join stage_score
    on
        stage.person_no = stage_score.person_no
        and stage.cycle_number = stage_score.cycle_number
        and stage.stage = stage_score.stage
left join attributed
    on
        stage.person_no = attributed.person_no
        and stage.judged_at >= attributed.valid_from
        and stage.judged_at < attributed.valid_to
left join day_period
    on
        date_trunc('day', stage.judged_at) = day_period.day
        and stage.judged_at >= day_period.period_from
        and stage.judged_at < day_period.period_to
left join verdict on attributed.profile_no = verdict.profile_no and day_period.period_no = verdict.period_no
left join event on stage.event_no = event.event_no;

create or replace table marts.stage_transitions as
select
    transition_id,
    person_id,
    cycle_number,
    from_stage,
    stage as to_stage,
    transition_kind,
    occurred_at,
    'leadproof:' || source_touch_id as evidence_touch_id,
    direction,
    direction_rule_id,
    transition.campaign_id,
    campaign.* exclude (campaign_no, campaign_id, valid_from, valid_to),
    is_in_segment,
    is_context_complete,
    missing_context_fields,
    context_source,
    engagement_score,
    icp_version,
    is_icp_complete,
    is_icp_fit,
    mql_route,
    policy
from transition
left join campaign on transition.campaign_no = campaign.campaign_no;

create or replace temp table progress as
select
    person_no,
    cycle_number,
    max(occurred_at) filter (stage = 'suspect') as became_suspect_at,
    max(occurred_at) filter (stage = 'prospect') as became_prospect_at,
    max(occurred_at) filter (stage = 'mql') as became_mql_at,
    max(occurred_at) filter (stage = 'sql') as became_sql_at,
    arg_max(stage, stage_rank) as current_stage,
    arg_max(occurred_at, stage_rank) as current_stage_since,
    max(stage_rank) filter (stage_rank < 5) as furthest_rank
from transition
group by all;

create or replace temp view stage_row as
select
    transition.stage,
    person_id,
    cycle_number,
    'leadproof' as source_system,
    became_suspect_at,
    became_prospect_at,
    became_mql_at,
    became_sql_at,
    'leadproof:' || source_touch_id as evidence_touch_id,
    direction,
    direction_rule_id,
    transition.campaign_id,
    campaign.* exclude (campaign_no, campaign_id, valid_from, valid_to),
    is_in_segment,
    is_context_complete,
    missing_context_fields,
    context_source,
    engagement_score,
    icp_version,
    is_icp_complete,
    is_icp_fit,
    mql_route,
    person_segment,
    policy,
    current_stage,
    current_stage_since,
    seconds_between(current_stage_since, getvariable('as_of')) / 86400 as days_in_stage
from transition
inner join progress using (person_no, cycle_number)
left join campaign on transition.campaign_no = campaign.campaign_no;

create or replace table marts.suspects as
select * exclude (stage, became_prospect_at, became_mql_at, became_sql_at, mql_route) from stage_row
where stage = 'suspect';

create or replace table marts.prospects as
select * exclude (stage, became_mql_at, became_sql_at, mql_route) from stage_row
where stage = 'prospect';

create or replace table marts.mqls as
select * exclude (stage, became_sql_at) from stage_row
where stage = 'mql';

create or replace table marts.sqls as
select * exclude (stage) from stage_row
where stage = 'sql';

create or replace table marts.people as
with touched as (
    select
        person_id,
        min(occurred_at) as first_touch_at,
        max(occurred_at) as last_touch_at,
        count(*) filter (direction = 'inbound') as inbound_touches,
        count(*) filter (direction = 'outbound') as outbound_touches,
        count(*) filter (direction = 'unclassified') as unclassified_touches
    from marts.touches
    group by person_id
),

acquisitions as (
    select person_no, arg_min(acquisition_source, (created_at, updated_at, contact_id)) as acquisition_source
    from contact_version
    where acquisition_source is not null
    group by person_no
),

current_cycles as (
    select cycle.*
    from cycle
    inner join person using (person_no)
    where not is_excluded
    qualify cycle_number = max(cycle_number) over (partition by person_no)
),

scores as (
    select
        person_no,
        cycle_number,
        arg_max(evaluation, occurred_at) as latest
    from evaluation
    group by all
),

furthest as (
    select person_no, max(furthest_rank) as furthest_rank from progress group by person_no
),

last_responses as (
    select
        person_no,
        cycle_number,
        arg_max(
            {'fields': obstructive_context_fields}, (occurred_at, source_touch_id)
        ).fields as obstructive_context_fields
    from event
    where is_response and is_in_open_cycle
    group by all
),

assessed as (
    select
        person.person_id,
        person.is_excluded,
        person.exclusion_reason,
        person.first_known_at,
        person.identity_keys,
        person.has_appeared,
        progress.current_stage,
        cycles.cycle_number as current_cycle,
        progress.current_stage_since,
        verdict.segment,
        profile.industry,
        profile.employees.least as employee_count,
        profile.employees.most as employee_count_max,
        profile.seniority,
        profile.company_type,
        profile.country,
        acquisitions.acquisition_source,
        verdict.icp_version,
        verdict.is_icp_complete,
        verdict.is_icp_fit,
        verdict.missing,
        verdict.mismatched,
        cycles.mql_min_score,
        round(
            case
                when cycles.ended_at is null
                    then coalesce(
                            scores.latest.score * exp(
                                -ln(2) * seconds_between(scores.latest.occurred_at, getvariable('as_of'))
                                / (86400 * cycles.score_half_life_days)
                            ),
                            0
                        )
                else 0
            end,
            6
        ) as engagement_score,
        coalesce(scores.latest.has_complete_context, false) as has_complete_context,
        coalesce(scores.latest.has_qualifying_response, false) as has_qualifying_response,
        last_responses.obstructive_context_fields
    from person
    inner join attributed
        on
            person.person_no = attributed.person_no
            and attributed.valid_from <= getvariable('as_of')
            and attributed.valid_to > getvariable('as_of')
    inner join profile on attributed.profile_no = profile.profile_no
    inner join verdict
        on
            attributed.profile_no = verdict.profile_no
            and verdict.period_from <= getvariable('as_of')
            and verdict.period_to > getvariable('as_of')
    left join acquisitions on person.person_no = acquisitions.person_no
    left join current_cycles as cycles on person.person_no = cycles.person_no
    left join progress on cycles.person_no = progress.person_no and cycles.cycle_number = progress.cycle_number
    left join scores on cycles.person_no = scores.person_no and cycles.cycle_number = scores.cycle_number
    left join last_responses
        on cycles.person_no = last_responses.person_no and cycles.cycle_number = last_responses.cycle_number
)

select
    assessed.person_id,
    is_excluded,
    exclusion_reason,
    first_known_at,
    current_stage,
    current_cycle,
    current_stage_since,
    seconds_between(current_stage_since, getvariable('as_of')) / 86400 as days_in_stage,
    case
        when is_excluded then null
        when first_known_at is null then 'suspect'
        when current_stage in ('recycled', 'disqualified') then 'suspect'
        when current_stage = 'suspect' then 'prospect'
        when current_stage = 'prospect' then 'mql'
        when current_stage = 'mql' then 'sql'
    end as next_stage,
    case
        when is_excluded then 'excluded:' || coalesce(exclusion_reason, 'policy')
        when first_known_at is null then 'not_known'
        when current_stage in ('recycled', 'disqualified') then 'exited:' || current_stage
        when current_stage = 'suspect' then 'no_response'
        when current_stage = 'prospect'
            then coalesce(
                    nullif(concat_ws(
                        '|',
                        'icp_missing:' || replace(missing, '|', '|icp_missing:'),
                        'icp_mismatch:' || replace(mismatched, '|', '|icp_mismatch:'),
                        case
                            when engagement_score < mql_min_score - 0.000001 and not has_qualifying_response
                                then
                                    'score:' || floor(engagement_score)::bigint || '/'
                                    || regexp_replace(mql_min_score::varchar, '\.0$', '')
                        end,
                        case
                            when not has_complete_context
                                then
                                    'context_missing:' || replace(
                                        coalesce(obstructive_context_fields, 'no_response'), '|', '|context_missing:'
                                    )
                        end
                    ), ''),
                    'not_evaluated_since'
                )
        when current_stage = 'mql' then 'no_qualifying_response'
    end as blocked_by,
    segment,
    industry,
    employee_count,
    employee_count_max,
    seniority,
    company_type,
    country,
    acquisition_source,
    icp_version,
    is_icp_complete,
    is_icp_fit,
    engagement_score,
    first_touch_at,
    last_touch_at,
    coalesce(inbound_touches, 0) as inbound_touches,
    coalesce(outbound_touches, 0) as outbound_touches,
    coalesce(unclassified_touches, 0) as unclassified_touches,
    case when has_appeared then 'leadproof' end as source_systems,
    identity_keys
from assessed
left join touched on assessed.person_id = touched.person_id;
