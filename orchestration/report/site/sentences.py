"""Findings that more than one page tells, in the same words: on directions, and on the constraint."""

from collections.abc import Mapping, Sequence

from orchestration.report.site.figures import LEVER_NAMES, count, words
from orchestration.report.site.parts import Gap
from orchestration.report.site.source import Row
from orchestration.report.words import counted

JUDGED = ("inbound_better", "outbound_better", "no_difference_shown")
"""Verdicts that rest on enough people of both directions."""

OUTBOUND_GAP = Gap(
    "Nobody has been contacted outbound with a message, so there is nothing to judge.",
    "Record company touches with a campaign, and give the campaign a message, a success metric and a"
    " threshold.",
)
"""What is said where no outbound message can be judged."""

_COMPARED = {
    "inbound_better": "Inbound prospects become sales-qualified more often, like for like",
    "outbound_better": "Outbound prospects become sales-qualified more often, like for like",
    "no_difference_shown": "No difference between inbound and outbound is shown, like for like",
}
_CONSTRAINTS = {
    "undecided": "No single constraint is shown to dominate.",
    "none_below_target": "Every lever reaches its target.",
    "insufficient_data": "There is not enough data to name the dominant constraint.",
}


def comparison_sentence(by_step: Mapping[str, Row]) -> str:
    """Say which direction does better.

    Args:
        by_step: Rows of ``inbound_vs_outbound`` for everybody, by step.

    Returns:
        The verdict, or what keeps it from being given.
    """
    row = by_step.get("prospect_to_sql", {})
    told = _COMPARED.get(row.get("comparison_verdict", ""))
    return f"{told}." if told else comparison_gap(by_step).missing


def comparison_gap(by_step: Mapping[str, Row]) -> Gap:
    """Say what keeps the directions from being compared.

    Args:
        by_step: Rows of ``inbound_vs_outbound`` for everybody, by step.

    Returns:
        Which direction is missing, or has too few people, and what would mend it.
    """
    entered, row = by_step.get("suspect_to_prospect", {}), by_step.get("prospect_to_sql", {})
    untouched = [name for name in ("inbound", "outbound") if not entered.get(f"{name}_entries")]
    young = [name for name in ("inbound", "outbound") if not row.get(f"{name}_n")]
    if len(untouched) == 2:
        return Gap(
            "There is neither an inbound nor an outbound prospect to compare.",
            "Record touches with what decides their direction.",
        )
    if untouched:
        other = "outbound" if untouched[0] == "inbound" else "inbound"
        return Gap(
            f"There is no {untouched[0]} prospect on record, so there is nothing to compare {other} with.",
            f"Record {untouched[0]} touches and the answers to them.",
        )
    if young:
        return Gap(
            f"No {' and no '.join(young)} prospect has had the time in which an SQL is counted.",
            "A prospect counts once stage_maturity_days have passed; wait, or look at the volume below.",
        )
    alike = [f"{count(row[f'{name}_compared_n'] or 0)} {name}" for name in ("inbound", "outbound")]
    return Gap(
        f"Too few prospects can be compared like for like: {' and '.join(alike)}.",
        "It takes 30 of each direction with the same fit and segment, 5 who took the step and 5 who did not.",
    )


def constraint_sentence(rows: Sequence[Row]) -> str:
    """Say which constraint dominates.

    Args:
        rows: Rows of ``constraint_audit`` for everybody, one for each lever.

    Returns:
        The constraint and what its repair would yield, or that none is shown.
    """
    if not any(row["lever_n"] for row in rows):
        return _CONSTRAINTS["insufficient_data"]
    code = rows[0]["dominant_constraint"]
    if code in _CONSTRAINTS:
        return _CONSTRAINTS[code]
    extra = next((row["extra_sqls"] for row in rows if row["lever"] == code), None)
    gained = f" It would have yielded {counted(round(extra), 'SQL')} more." if extra else ""
    return f"Repair {LEVER_NAMES.get(code, words(code)).lower()} first.{gained}"
