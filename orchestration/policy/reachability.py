"""Rules that can never match, because earlier ones always decide first or because they contradict themselves.

Everything told here is proved: where a proof would need guesses about the data, the rule is left alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import product
from math import inf

from orchestration.policy import engine, values
from orchestration.policy.cells import problem
from orchestration.policy.reading import Policy, PolicyProblem, Row
from orchestration.policy.schema import ANY, RULE_FIELDS
from orchestration.policy.values import BEGINNING, END, Period, period_of

_MOST_COMBINATIONS = 20_000
_TRIED_OUT = ("touch_type", "has_prior_permission")
_OPEN_FIELDS = tuple(name for name in RULE_FIELDS if name not in _TRIED_OUT)


def unreachable_problems(policy: Policy) -> Iterator[PolicyProblem]:
    """Find the rules that can never match.

    Args:
        policy: Tables whose rows are right cell by cell.

    Yields:
        One problem for each such rule.
    """
    if "touch_types" not in policy.unread_tables:
        yield from _direction_rules(policy.rows("touch_direction_rules"), policy.rows("touch_types"))
    yield from _segments(policy.rows("segment_rules"))
    yield from _seniority_rules(policy.rows("seniority_rules"))


def _moments(period: Period, others: Sequence[Period]) -> list[datetime]:
    """One moment of each stretch of a period in which none of the other periods begins or ends."""
    edges = {edge for other in others for edge in (other.start, other.end) if period.holds(edge)}
    return sorted({period.start, *edges})


def _direction_rules(rows: Sequence[Row], touch_types: Sequence[Row]) -> Iterator[PolicyProblem]:
    ranked = sorted(rows, key=lambda row: (values.integer(row["priority"]) or 0, row["rule_id"]))
    periods = {row.line: period_of(row) for row in ranked}
    typed = [(row["touch_type"], period_of(row)) for row in touch_types]
    for place, rule in enumerate(ranked):
        period = periods[rule.line]
        if period.start >= period.end:
            continue
        if rule["touch_type"] != ANY and not any(
            name == rule["touch_type"] and period.overlaps(other) for name, other in typed
        ):
            yield problem(
                rule,
                "never_matches",
                f"Rule {rule['rule_id']} can never match: the touch type {rule['touch_type']} "
                "is not in force while the rule is.",
            )
            continue
        deciders = _deciders(rule, ranked[:place], periods, typed)
        if deciders:
            named = ", ".join(f"{row['rule_id']} (row {row.line})" for row in deciders[:3])
            more = f" and {len(deciders) - 3} more" if len(deciders) > 3 else ""
            yield problem(
                rule,
                "never_matches",
                f"Rule {rule['rule_id']} can never match: {named}{more} always "
                f"{'decides' if len(deciders) == 1 else 'decide'} first; move it up or delete it.",
            )


def _deciders(
    rule: Row, earlier: Sequence[Row], periods: Mapping[int, Period], typed: Sequence[tuple[str, Period]]
) -> list[Row]:
    """The earlier rules that take every touch the rule could match; none where some touch is left to it.

    Of the columns in which the rule says ``*``, all but two may hold values that no rule names, and such a
    touch is the hardest for an earlier rule to take. The two, touch type and prior permission, have few
    values and are tried out. That makes the answer exact.
    """
    period = periods[rule.line]
    rivals = [
        row
        for row in earlier
        if period.overlaps(periods[row.line]) and all(row[name] in (ANY, rule[name]) for name in _OPEN_FIELDS)
    ]
    deciders: dict[int, Row] = {}
    for moment in _moments(period, [periods[row.line] for row in rivals] + [each for _, each in typed]):
        in_force = [row for row in rivals if periods[row.line].holds(moment)]
        types = sorted({name for name, each in typed if each.holds(moment)})
        if rule["touch_type"] != ANY:
            types = [name for name in types if name == rule["touch_type"]]
        permissions = (
            ["true", "false"]
            if rule["has_prior_permission"] == ANY
            else [rule["has_prior_permission"].lower()]
        )
        for touch_type, permission in product(types, permissions):
            first = next(
                (
                    row
                    for row in in_force
                    if row["touch_type"] in (ANY, touch_type)
                    and row["has_prior_permission"].lower() in (ANY, permission)
                ),
                None,
            )
            if first is None:
                return []
            deciders.setdefault(first.line, first)
    return list(deciders.values())


def _segments(rows: Sequence[Row]) -> Iterator[PolicyProblem]:
    periods = {row.line: period_of(row) for row in rows}
    told: dict[str, list[PolicyProblem | None]] = {}
    # Rows without a beginning are judged from the first dated row on: what was before is before all data.
    dated = [period.start for period in periods.values() if period.start != BEGINNING]
    moments = _moments(Period(min(dated, default=BEGINNING), END), list(periods.values()))
    for moment in moments:
        in_force = [row for row in rows if periods[row.line].holds(moment)]
        ranked: dict[str, list[Row]] = {}
        for row in sorted(
            in_force, key=lambda row: (values.integer(row["priority"]) or 0, row["segment_name"])
        ):
            ranked.setdefault(row["segment_name"], []).append(row)
        names = list(ranked)
        for place, name in enumerate(names):
            found = _unreachable_segment(ranked[name], [ranked[other] for other in names[:place]])
            told.setdefault(name, []).append(found)
    for verdicts in told.values():
        if all(verdicts) and verdicts[0] is not None:
            yield verdicts[0]


def _unreachable_segment(segment: Sequence[Row], earlier: Sequence[Sequence[Row]]) -> PolicyProblem | None:
    first = segment[0]
    name = first["segment_name"]
    lists: dict[str, set[str]] = {}
    low, high = 0.0, inf
    is_ranged = False
    for row in segment:
        if row["operator"] == "between":
            is_ranged = True
            low = max(low, values.number(row["min_value"]) or 0.0)
            high = min(high, _upper(row))
        else:
            codes = set(values.parts(row["allowed_values"]))
            lists[row["attribute"]] = lists.get(row["attribute"], codes) & codes
    if low > high or not all(lists.values()):
        return problem(
            first, "never_matches", f"Segment {name} can never match: its rows contradict each other."
        )
    combinations = 1
    for codes in lists.values():
        combinations *= len(codes)
    if combinations > _MOST_COMBINATIONS:
        return None
    deciders: dict[str, Row] = {}
    for chosen in product(*(sorted(codes) for codes in lists.values())):
        person = dict(zip(lists, chosen, strict=True))
        winner = next(
            (rows for rows in earlier if all(_takes(row, person, low, high, is_ranged) for row in rows)), None
        )
        if winner is None:
            return None
        deciders.setdefault(winner[0]["segment_name"], winner[0])
    named = ", ".join(f"{each} (row {row.line})" for each, row in deciders.items())
    return problem(
        first,
        "never_matches",
        f"Segment {name} can never match: {named} always "
        f"{'decides' if len(deciders) == 1 else 'decide'} first; move it up or delete it.",
    )


def _takes(row: Row, person: Mapping[str, str], low: float, high: float, is_ranged: bool) -> bool:
    """Whether a rule holds for the person hardest to take: all else unknown, the widest band."""
    if row["operator"] == "between":
        return is_ranged and (values.number(row["min_value"]) or 0.0) <= low and high <= _upper(row)
    return person.get(row["attribute"]) in values.parts(row["allowed_values"])


def _upper(row: Row) -> float:
    value = values.number(row["max_value"])
    return inf if value is None else value


def _seniority_rules(rows: Sequence[Row]) -> Iterator[PolicyProblem]:
    ranked = sorted(rows, key=lambda row: values.integer(row["priority"]) or 0)
    questions: list[tuple[Row, Row, list[tuple[str, str]]]] = []
    for place, rule in enumerate(ranked):
        words = engine.literals(rule["job_title_pattern"])
        for earlier in ranked[:place]:
            pattern = earlier["job_title_pattern"]
            if pattern.lower() == rule["job_title_pattern"].lower():
                questions.append((rule, earlier, []))
            elif engine.is_extendable(pattern):
                questions.append((rule, earlier, [(pattern, "")]))
                if words:
                    questions.append((rule, earlier, [(pattern, word) for word in words]))
    answers = iter(engine.found([pair for _, _, pairs in questions for pair in pairs]))
    told: set[int] = set()
    for rule, earlier, pairs in questions:
        is_taken = all([next(answers) for _ in pairs])
        if is_taken and rule.line not in told:
            told.add(rule.line)
            yield problem(
                rule,
                "never_matches",
                f"The pattern can never decide: row {earlier.line} is found in every title in which it is.",
            )
