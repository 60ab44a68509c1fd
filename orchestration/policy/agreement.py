"""What the rows of a table may not say together: duplicates, overlapping versions, contradictions, gaps.

Only rows whose cells are right by themselves are looked at. Rules that can never match stand in
``reachability``.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from zoneinfo import available_timezones

from orchestration.policy import engine, values
from orchestration.policy.cells import known_codes, problem, unknown_code_message, wrong_bounds
from orchestration.policy.reading import Policy, PolicyProblem, Row, file_of
from orchestration.policy.schema import (
    ANY,
    FIXED_AUDITS,
    MAPPED_CODES,
    MAPPED_FREELY,
    NAMED_VALUES,
    NEGOTIABLE_AUDITS,
    NEVER_RESPONSES,
    REPORTING_KEYS,
    REQUIRED_ATTRIBUTES,
    TABLES,
    VOCABULARY_COLUMNS,
    WEEK_DAYS,
)
from orchestration.policy.values import END, period_of

_COUNTRY = re.compile(r"^[a-z]{2}$")
_CURRENCY = re.compile(r"^[A-Z]{3}$")
_MAPPED_COLUMN = re.compile(r"^[a-z0-9_]+?__([a-z][a-z0-9_]*)$")
_ADDRESS = re.compile(r"^[^@\s]+@[^@\s]+$")
_DOMAIN = re.compile(r"^[^@\s]+$")

Problems = Iterator[PolicyProblem]


def row_problems(policy: Policy) -> Problems:
    """Check every table for what its rows say together.

    Args:
        policy: Tables whose rows are right cell by cell.

    Yields:
        The problems found.
    """
    for table in TABLES.values():
        rows = policy.rows(table.name)
        yield from _empty_periods(rows)
        yield from _duplicates(table.name, table.key, table.is_versioned, rows)
    yield from _icp_versions(policy.rows("icp_profiles"), "icp_profiles" not in policy.unread_tables)
    yield from _conditions(policy)
    yield from _touch_types(policy.rows("touch_types"))
    yield from _priorities(policy.rows("touch_direction_rules"))
    yield from _permissions(policy.rows("touch_direction_rules"))
    yield from _segment_priorities(policy.rows("segment_rules"))
    yield from _registry(policy.rows("campaign_registry"))
    yield from _mappings(policy)
    yield from _patterns(policy)
    yield from _exclusions(policy.rows("exclusions"))
    yield from _metrics(policy)
    yield from _mailboxes(policy.rows("shared_mailboxes"))
    yield from _rates(policy)


def key_problems(policy: Policy) -> Problems:
    """Check the tables of named values: every key there, its value usable, no moment without one.

    Args:
        policy: Tables whose rows are right cell by cell.

    Yields:
        The problems found.
    """
    for table in NAMED_VALUES:
        yield from _named_values(policy, table)
    yield from _reporting(policy)
    yield from _thresholds(policy)


def _empty_periods(rows: Sequence[Row]) -> Problems:
    for row in rows:
        period = period_of(row)
        if period.start >= period.end:
            yield problem(
                row, "period", "effective_to is not after effective_from; the row is never in force."
            )


def _grouped(rows: Iterable[Row], key: Callable[[Row], object]) -> Iterator[list[Row]]:
    groups: dict[object, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    yield from groups.values()


def _duplicates(table: str, key: Sequence[str], is_versioned: bool, rows: Sequence[Row]) -> Problems:
    if table == "audit_thresholds":
        # A baseline stands beside the standing row of the same audit and system.
        groups = _grouped(rows, lambda row: (row["audit"], row["source_system"], bool(row["until"])))
    else:
        groups = _grouped(rows, lambda row: tuple(row[column].lower() for column in key))
    for group in groups:
        for place, row in enumerate(group):
            for earlier in group[:place]:
                if not is_versioned:
                    named = " and ".join(key)
                    yield problem(
                        row, "duplicate", f"{named} stand already in row {earlier.line}; keep one of the two."
                    )
                    break
                if period_of(row).overlaps(period_of(earlier)):
                    named = " ".join(row[column] for column in key)
                    yield problem(
                        row,
                        "overlap",
                        f"'{named}' is in force together with row {earlier.line}; "
                        "close the earlier version where the later one begins.",
                    )
                    break


def _icp_versions(rows: Sequence[Row], are_all_read: bool) -> Problems:
    starts: dict[object, Row] = {}
    for group in _grouped(rows, lambda row: row["icp_version"]):
        first = group[0]
        version = first["icp_version"]
        start = values.timestamp(first["effective_from"])
        for row in group[1:]:
            if values.timestamp(row["effective_from"]) != start:
                yield problem(
                    row, "overlap", f"Version {version} begins at another moment than in row {first.line}."
                )
        other = starts.setdefault(start, first)
        if other is not first:
            yield problem(
                first,
                "overlap",
                f"Version {version} begins at the same moment as version {other['icp_version']} "
                f"(row {other.line}); only one can be in force.",
            )
        if not are_all_read:
            continue
        missing = [name for name in REQUIRED_ATTRIBUTES if name not in {row["attribute"] for row in group}]
        if missing:
            yield problem(
                first, "incomplete", f"Version {version} says nothing about {', '.join(missing)}; add a row."
            )
        if not any(values.boolean(row["is_required"]) for row in group):
            yield problem(
                first, "incomplete", f"Version {version} requires nothing, so everybody would be complete."
            )


def _conditions(policy: Policy) -> Problems:
    codes = known_codes(policy)
    for row in (*policy.rows("icp_profiles"), *policy.rows("segment_rules")):
        attribute, operator = row["attribute"], row["operator"]
        if (operator == "between") != (attribute == "employee_count"):
            wanted = "between" if attribute == "employee_count" else "in"
            yield problem(row, "operator", f"{attribute} is compared with '{wanted}', not with '{operator}'.")
        elif operator == "between":
            yield from _range(row)
        else:
            yield from _code_list(row, codes.get(attribute))


def _range(row: Row) -> Problems:
    low, high = values.number(row["min_value"]), values.number(row["max_value"])
    if row["allowed_values"]:
        yield problem(row, "operator", "allowed_values belongs to 'in'; with 'between' it stays blank.")
    if low is None and high is None:
        yield problem(
            row, "blank", "min_value and max_value are blank; 'between' needs at least one of them."
        )
    if low is not None and high is not None and low > high:
        yield problem(
            row, "range", f"min_value {low:g} is larger than max_value {high:g}; no number matches."
        )


def _code_list(row: Row, known: frozenset[str] | None) -> Problems:
    attribute = row["attribute"]
    if row["min_value"] or row["max_value"]:
        yield problem(
            row, "operator", "min_value and max_value belong to 'between'; with 'in' they stay blank."
        )
    if not row["allowed_values"]:
        yield problem(row, "blank", "allowed_values is blank; 'in' needs at least one code.")
    for code in values.parts(row["allowed_values"]):
        if attribute == "country":
            if not _COUNTRY.match(code):
                yield problem(
                    row, "unknown_value", f"country '{code}' is no two-letter ISO code in lower case."
                )
        elif known is not None and code not in known:
            yield problem(
                row, "unknown_value", unknown_code_message("allowed_values", code, known, attribute)
            )


def _touch_types(rows: Sequence[Row]) -> Problems:
    for row in rows:
        name = row["touch_type"]
        is_response = values.boolean(row["is_response"])
        is_opt_out = values.boolean(row["is_opt_out"])
        if is_opt_out and is_response:
            yield problem(row, "contradiction", f"{name} is an opt-out, and an opt-out is never a response.")
        if is_opt_out and values.boolean(row["grants_permission"]):
            yield problem(row, "contradiction", f"{name} is an opt-out and cannot grant permission.")
        if values.boolean(row["is_hand_raise"]) and not is_response:
            yield problem(
                row, "contradiction", f"{name} is a hand-raise, and a hand-raise is always a response."
            )
        if is_response and row["actor"] != "contact":
            yield problem(row, "contradiction", f"{name} is a response, but its actor is not the contact.")
        if is_response and name in NEVER_RESPONSES:
            yield problem(
                row,
                "contradiction",
                f"{name} cannot be a response: opens, impressions and automatic replies prove nothing.",
            )
        if not is_response and values.number(row["points"]):
            yield problem(row, "contradiction", f"{name} is no response, so its points must be 0.")


def _priorities(rows: Sequence[Row]) -> Problems:
    for group in _grouped(rows, lambda row: values.integer(row["priority"])):
        for place, row in enumerate(group):
            for earlier in group[:place]:
                if period_of(row).overlaps(period_of(earlier)):
                    yield problem(
                        row,
                        "priority",
                        f"Priority {row['priority']} is taken by row {earlier.line} at the same time; "
                        "give each rule a number of its own.",
                    )
                    break


def _permissions(rows: Sequence[Row]) -> Problems:
    for row in rows:
        if row["direction"] == "inbound" and row["permission"] == "none":
            yield problem(
                row, "contradiction", "The rule calls a touch inbound without permission; who came, agreed."
            )


def _segment_priorities(rows: Sequence[Row]) -> Problems:
    for place, row in enumerate(rows):
        for earlier in rows[:place]:
            if not period_of(row).overlaps(period_of(earlier)):
                continue
            is_same_priority = values.integer(row["priority"]) == values.integer(earlier["priority"])
            is_same_segment = row["segment_name"] == earlier["segment_name"]
            if is_same_segment and not is_same_priority:
                yield problem(
                    row,
                    "priority",
                    f"Segment {row['segment_name']} has another priority than in row {earlier.line}.",
                )
                break
            if is_same_priority and not is_same_segment:
                yield problem(
                    row,
                    "priority",
                    f"Priority {row['priority']} is taken by segment {earlier['segment_name']} "
                    f"(row {earlier.line}).",
                )
                break


def _registry(rows: Sequence[Row]) -> Problems:
    for row in rows:
        starts, ends = values.timestamp(row["starts_at"]), values.timestamp(row["ends_at"])
        if starts and ends and starts > ends:
            yield problem(row, "range", "ends_at lies before starts_at.")


def _mappings(policy: Policy) -> Problems:
    codes = known_codes(policy)
    for row in policy.rows("value_mappings"):
        named = _MAPPED_COLUMN.match(row["column_name"])
        target = named.group(1) if named else ""
        if row["source_value"] != row["source_value"].lower():
            yield problem(
                row, "unknown_value", "source_value has upper-case letters; values are compared lower-cased."
            )
        refers_to = {"touch_type": "touch_types", "icp_version": "icp_profiles"}.get(target, target)
        if target in MAPPED_FREELY:
            continue
        if target in MAPPED_CODES:
            known: frozenset[str] | None = frozenset(MAPPED_CODES[target])
        elif refers_to in VOCABULARY_COLUMNS or refers_to != target:
            known = codes[refers_to]
        else:
            yield problem(
                row,
                "unknown_value",
                f"column_name '{row['column_name']}' does not name a source column and a canonical column, "
                "such as lead_source__channel.",
            )
            continue
        if known is not None and row["canonical_value"] not in known:
            told = unknown_code_message("canonical_value", row["canonical_value"], known, refers_to)
            yield problem(row, "unknown_value", told)


def _patterns(policy: Policy) -> Problems:
    titled = [(row, row["job_title_pattern"]) for row in policy.rows("seniority_rules")]
    titled += [(row, row["pattern"]) for row in policy.rows("exclusions") if row["kind"] == "job_title"]
    for (row, _), error in zip(titled, engine.compile_errors([text for _, text in titled]), strict=True):
        if error:
            yield problem(row, "pattern", f"The pattern does not compile: {error}.")


def _exclusions(rows: Sequence[Row]) -> Problems:
    for row in rows:
        kind, pattern = row["kind"], row["pattern"]
        if kind == "job_title":
            continue
        if pattern != pattern.lower():
            yield problem(row, "pattern", "The pattern has upper-case letters; write it lower-case.")
        elif kind == "email" and not _ADDRESS.match(pattern):
            yield problem(row, "pattern", "The pattern of an email needs exactly one @ between two parts.")
        elif kind != "email" and not _DOMAIN.match(pattern):
            yield problem(row, "pattern", "The pattern of a domain has no @ and no blank.")
        elif not pattern.strip("*@."):
            yield problem(row, "pattern", "The pattern matches everybody; name somebody.")


def _metrics(policy: Policy) -> Problems:
    # A hand-raise that is no response is told where it stands.
    responses = {
        row["touch_type"]
        for row in policy.rows("touch_types")
        if values.boolean(row["is_response"]) or values.boolean(row["is_hand_raise"])
    }
    for row in policy.rows("success_metrics"):
        name = row["success_metric"]
        if name != " ".join(re.split(r"[\s_-]+", name.lower())).strip():
            yield problem(
                row,
                "unknown_value",
                f"success_metric '{name}' must be lower-case words with single blanks; so is it compared.",
            )
        if "touch_types" in policy.unread_tables:
            continue
        for touch_type in values.parts(row["touch_types"]):
            if touch_type not in responses:
                yield problem(row, "contradiction", f"{touch_type} is no response, so nobody succeeds by it.")


def _mailboxes(rows: Sequence[Row]) -> Problems:
    for row in rows:
        name = row["local_part"]
        if name != name.lower() or "@" in name or " " in name:
            yield problem(
                row,
                "pattern",
                f"local_part '{name}' must be the lower-case part before the @, without blanks.",
            )


def _rates(policy: Policy) -> Problems:
    reporting = {row["key"]: row["value"] for row in policy.rows("reporting")}
    for row in policy.rows("exchange_rates"):
        if not _CURRENCY.match(row["currency"]):
            yield problem(row, "unknown_value", f"currency '{row['currency']}' is no ISO code such as EUR.")
        elif row["currency"] == reporting.get("currency") and values.number(row["rate_to_reporting"]) != 1:
            yield problem(row, "contradiction", "The reporting currency's own rate must be 1.")


def _named_values(policy: Policy, table: str) -> Problems:
    rows, keys = policy.rows(table), NAMED_VALUES[table]
    for row in rows:
        bounds = keys[row["key"]]
        told = _wrong_named_value(row["key"], row["value"], bounds.kind, bounds.low, bounds.high)
        if told:
            yield problem(row, "range", told)
    if table in policy.unread_tables:
        return
    for key in keys:
        versions = sorted((row for row in rows if row["key"] == key), key=lambda row: period_of(row).start)
        if not versions:
            yield PolicyProblem(
                file_of(table), None, "missing_key", f"The key {key} is missing; add a row for it."
            )
            continue
        yield from _gaps(key, versions, min(period_of(row).start for row in rows))


def _gaps(key: str, versions: Sequence[Row], beginning: object) -> Problems:
    if period_of(versions[0]).start != beginning:
        yield problem(
            versions[0],
            "gap",
            f"{key} begins later than the other keys; what lies before would have no value.",
        )
    for earlier, later in pairwise(versions):
        if period_of(earlier).end < period_of(later).start:
            yield problem(
                later,
                "gap",
                f"{key} has no value between the end of row {earlier.line} and this row's beginning.",
            )
    if period_of(versions[-1]).end != END:
        yield problem(
            versions[-1],
            "gap",
            f"{key} has no value after {versions[-1]['effective_to']}; add the row that follows.",
        )


def _wrong_named_value(name: str, text: str, kind: str, low: float | None, high: float | None) -> str | None:
    if kind == "boolean":
        return None if values.boolean(text) is not None else f"{name} '{text}' is not true or false."
    value = values.integer(text) if kind == "integer" else values.number(text)
    if value is None:
        return f"{name} '{text}' is not a {'whole' if kind == 'integer' else 'plain'} number."
    return wrong_bounds(name, value, low, high)


def _reporting(policy: Policy) -> Problems:
    checks: dict[str, tuple[Callable[[str], bool], str]] = {
        "time_zone": (lambda text: text in available_timezones(), "a time zone such as Europe/Berlin"),
        "week_start": (lambda text: text in WEEK_DAYS, "a day of the week such as monday"),
        "fiscal_year_start_month": (
            lambda text: values.integer(text) in range(1, 13),
            "a month from 1 to 12",
        ),
        "currency": (lambda text: bool(_CURRENCY.match(text)), "an ISO code such as EUR"),
    }
    rows = policy.rows("reporting")
    for row in rows:
        is_right, wanted = checks[row["key"]]
        if not is_right(row["value"]):
            yield problem(row, "unknown_value", f"{row['key']} '{row['value']}' is not {wanted}.")
    if "reporting" not in policy.unread_tables:
        for key in REPORTING_KEYS:
            if key not in {row["key"] for row in rows}:
                yield PolicyProblem(
                    file_of("reporting"), None, "missing_key", f"The key {key} is missing; add a row for it."
                )


def _thresholds(policy: Policy) -> Problems:
    rows = policy.rows("audit_thresholds")
    for row in rows:
        tolerance = values.number(row["tolerance"])
        if row["audit"] in FIXED_AUDITS and (tolerance != 0 or row["until"]):
            yield problem(
                row,
                "not_negotiable",
                f"{row['audit']} is not negotiable; its tolerance is 0 and has no until.",
            )
        elif row["audit"] != "freshness" and tolerance is not None and tolerance > 1:
            yield problem(row, "range", f"tolerance {tolerance:g} is no share; write a number from 0 to 1.")
        if row["until"] and row["until"] < row["set_on"]:
            yield problem(row, "range", "until lies before set_on.")
    if "audit_thresholds" in policy.unread_tables:
        return
    standing = {row["audit"] for row in rows if row["source_system"] == ANY and not row["until"]}
    for audit in (*FIXED_AUDITS, *NEGOTIABLE_AUDITS):
        if audit not in standing:
            yield PolicyProblem(
                file_of("audit_thresholds"),
                None,
                "missing_key",
                f"The audit {audit} has no standing row for the source system *; add one.",
            )
