"""Figures of the reports as people read them, and which words codes are."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from orchestration.report.site.source import Row
from orchestration.report.words import spoken

NONE = "–"
STAGES = ("suspect", "prospect", "mql", "sql")
STAGE_NAMES = {"suspect": "Suspects", "prospect": "Prospects", "mql": "MQLs", "sql": "SQLs"}
STAGE_PLURALS = {"suspect": "suspects", "prospect": "prospects", "mql": "MQLs", "sql": "SQLs"}
STEP_NAMES = {
    "suspect": "Suspects",
    "suspect_to_prospect": "Suspect to prospect",
    "prospect_to_mql": "Prospect to MQL",
    "mql_to_sql": "MQL to SQL",
    "prospect_to_sql": "Prospect to SQL",
    "response_to_handoff": "Speed to lead",
}
_MINUS = "\N{MINUS SIGN}"
DIRECTIONS = ("inbound", "outbound", "unclassified", "none")
DIRECTION_NAMES = {
    "inbound": "inbound",
    "outbound": "outbound",
    "unclassified": "unclassified",
    "none": "never touched",
    "(all)": "all",
}
VERDICTS = (
    "scale", "scaled_before_validated", "keep_testing", "stop", "ended_undecided", "insufficient_data",
)  # fmt: skip
SHOWN_VERDICT = (
    "case when ended_at is not null and verdict in ('keep_testing', 'scaled_before_validated')"
    " then 'ended_undecided' else verdict end"
)
"""The verdict as pages show it: nobody is told to keep on with a test that has ended."""
VERDICT_NAMES = {
    "scale": "Scale",
    "stop": "Stop",
    "keep_testing": "Keep testing",
    "ended_undecided": "Ended undecided",
    "insufficient_data": "Not enough data",
    "scaled_before_validated": "Scaled before validated",
    "not_tested": "Not tested",
}
LEVER_NAMES = {
    "traffic_quality": "Traffic quality",
    "page_conversion": "Page conversion",
    "offer_relevance": "Offer relevance",
    "qualification": "Qualification",
    "answer_qualification": "Qualification of answers",
}
_CODES = {
    "(all)": "all",
    "none": "none",
    "icp_missing": "ICP attribute missing",
    "context_missing": "campaign context missing",
    "not_handed_off": "sales-qualified, not handed off",
    "permission_regained": "opted out, and permitted contact again",
}


RATE_MISSING = "Some spend has no exchange rate, so amounts are too low. Add the currency to exchange_rates."


def percent(rate: float | None, digits: int = 1) -> str:
    """Write a rate (0-1) in per cent; a dash for none."""
    return NONE if rate is None else f"{100 * rate:.{digits}f} %"


def points(difference: float | None) -> str:
    """Write a difference of rates (0-1) in signed percentage points; a dash for none."""
    return NONE if difference is None else f"{_signed(100 * difference)} points"


def interval(low: float | None, high: float | None, digits: int = 1) -> str:
    """Write the interval of a rate (0-1) in per cent; a dash for none."""
    if low is None or high is None:
        return NONE
    return f"{decimal(100 * low, digits)}–{decimal(100 * high, digits)} %"


def point_interval(low: float | None, high: float | None) -> str:
    """Write the interval of a difference of rates (0-1) in percentage points; a dash for none."""
    if low is None or high is None:
        return NONE
    return f"{_signed(100 * low)} to {_signed(100 * high)}"


def count(value: int | None) -> str:
    """Write a count; a dash for none."""
    return NONE if value is None else f"{value:,}"


def signed(value: int) -> str:
    """Write a change of a count with its sign; none has no sign."""
    return f"{value:+,}".replace("-", _MINUS) if value else "0"


def decimal(value: float | None, digits: int = 1) -> str:
    """Write a number with a fixed number of decimals; a dash for none."""
    # Adding nothing takes the sign off a negative number that rounds to nothing.
    return NONE if value is None else f"{round(value, digits) + 0:,.{digits}f}".replace("-", _MINUS)


def money(amount: Decimal | None, currency: str | None) -> str:
    """Write an amount with its currency, without cents from a hundred on; a dash for none."""
    if amount is None:
        return NONE
    text = f"{amount:,.0f}" if abs(amount) >= 100 else f"{amount:,.2f}"
    return f"{currency} {text}" if currency else text


def _signed(value: float) -> str:
    """Write a number with one decimal and its sign; what rounds to nothing has none."""
    rounded = round(value, 1)
    return f"{rounded:+.1f}".replace("-", _MINUS) if rounded else "0.0"


def days(value: float | None) -> str:
    """Write a length of time in days, in hours below two days; a dash for none."""
    if value is None:
        return NONE
    if value == 0:
        return "at once"
    if value < 1 / 24:
        return f"{max(value * 1440, 1):.0f} min"
    if value < 2:
        return f"{value * 24:.0f} h"
    return f"{value:,.1f} days" if value < 10 else f"{value:,.0f} days"


def month(value: date | datetime | None) -> str:
    """Write a month (``Jan 2026``); a dash for none."""
    return NONE if value is None else f"{value:%b %Y}"


def words(code: Any) -> str:
    """Write a code as words; a dash for none."""
    if code is None or code == "":
        return NONE
    return _CODES.get(str(code)) or spoken(code)


def none_of(noun: str, name: Any) -> str:
    """Write a name, or that there is none (``no segment``), as cuts say by ``none``."""
    return f"no {noun}" if name is None or name in ("", "none") else words(name)


def told_apart(rows: Sequence[Row], name: str, key: str) -> dict[str, str]:
    """Name rows so that no two of different keys read the same.

    Args:
        rows: Rows of a mart.
        name: Column of the name that people use.
        key: Column of the key that tells them apart.

    Returns:
        A name by key: the name, or the name with the key where several have it.
    """
    named = {str(row[key]): str(row[name] or row[key]) for row in rows}
    repeated = Counter(named.values())
    return {each: text if repeated[text] == 1 else f"{text} ({each})" for each, text in named.items()}


def sentence(text: str) -> str:
    """Begin a text with a capital letter and end it with a stop."""
    text = text.strip()
    if not text:
        return text
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")
