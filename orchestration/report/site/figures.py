"""Figures of the reports as people read them, and which words codes are."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

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
VERDICTS = ("scale", "scaled_before_validated", "keep_testing", "stop", "insufficient_data")
VERDICT_NAMES = {
    "scale": "Scale",
    "stop": "Stop",
    "keep_testing": "Keep testing",
    "insufficient_data": "Not enough data",
    "scaled_before_validated": "Scaled before validated",
    "not_tested": "Not tested",
}
LEVER_NAMES = {
    "traffic_quality": "Traffic quality",
    "page_conversion": "Page conversion",
    "offer_relevance": "Offer relevance",
    "qualification": "Qualification",
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
    return NONE if difference is None else f"{100 * difference:+.1f}".replace("-", _MINUS) + " points"


def interval(low: float | None, high: float | None) -> str:
    """Write the interval of a rate (0-1) in per cent; a dash for none."""
    return NONE if low is None or high is None else f"{100 * low:.1f}–{100 * high:.1f} %"


def point_interval(low: float | None, high: float | None) -> str:
    """Write the interval of a difference of rates (0-1) in percentage points; a dash for none."""
    if low is None or high is None:
        return NONE
    return f"{100 * low:+.1f} to {100 * high:+.1f}".replace("-", _MINUS)


def count(value: int | None) -> str:
    """Write a count; a dash for none."""
    return NONE if value is None else f"{value:,}"


def signed(value: int) -> str:
    """Write a change of a count with its sign."""
    return f"{value:+,}".replace("-", _MINUS)


def decimal(value: float | None, digits: int = 1) -> str:
    """Write a number with a fixed number of decimals; a dash for none."""
    return NONE if value is None else f"{value:,.{digits}f}".replace("-", _MINUS)


def money(amount: Decimal | None, currency: str | None) -> str:
    """Write an amount with its currency, without cents from a hundred on; a dash for none."""
    if amount is None:
        return NONE
    text = f"{amount:,.0f}" if abs(amount) >= 100 else f"{amount:,.2f}"
    return f"{currency} {text}" if currency else text


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


def sentence(text: str) -> str:
    """Begin a text with a capital letter and end it with a stop."""
    text = text.strip()
    if not text:
        return text
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?" else ".")
