"""What one cell may hold: required, of its kind, within bounds, of a known code.

Whether rows agree with one another stands in ``agreement``.
"""

import re
from collections.abc import Callable, Iterator

from orchestration.mentions import ERASED
from orchestration.policy import values
from orchestration.policy.reading import Policy, PolicyProblem, Row, file_of
from orchestration.policy.schema import ANY, TABLES, VOCABULARY_COLUMNS, Column

_CODE = re.compile(r"^[a-z0-9][a-z0-9 _./&+-]*$")
_READERS: dict[str, tuple[Callable[[str], object], str]] = {
    "number": (values.number, "a plain number with a decimal point"),
    "integer": (values.integer, "a whole number"),
    "boolean": (values.boolean, "true or false"),
    "timestamp": (values.timestamp, "a moment such as 2026-01-31T00:00:00 (UTC, without a zone)"),
    "date": (values.day, "a day such as 2026-01-31"),
}


def problem(row: Row, rule: str, message: str) -> PolicyProblem:
    """Tell a problem of a row.

    Args:
        row: The row.
        rule: Short name of the rule it breaks.
        message: What is wrong, one sentence.

    Returns:
        The problem with file and line.
    """
    return PolicyProblem(file_of(row.table), row.line, rule, message)


def known_codes(policy: Policy) -> dict[str, frozenset[str] | None]:
    """The codes that cells may refer to.

    Args:
        policy: All tables.

    Returns:
        The codes by what a column refers to; None where the table that lists them could not be read, so
        that one damaged file does not make every other one wrong.
    """
    codes: dict[str, frozenset[str] | None] = {"staging": policy.source_systems}
    listed = policy.rows("vocabulary")
    for name in VOCABULARY_COLUMNS:
        codes[name] = frozenset(row["code"] for row in listed if row["column_name"] == name)
    codes["touch_types"] = frozenset(row["touch_type"] for row in policy.rows("touch_types"))
    codes["icp_profiles"] = frozenset(row["icp_version"] for row in policy.rows("icp_profiles"))
    for name, source in {
        **dict.fromkeys(VOCABULARY_COLUMNS, "vocabulary"),
        "touch_types": "touch_types",
        "icp_profiles": "icp_profiles",
    }.items():
        if source in policy.unread_tables:
            codes[name] = None
    return codes


def cell_problems(policy: Policy) -> Iterator[PolicyProblem]:
    """Check every cell by itself.

    Args:
        policy: All tables.

    Yields:
        One problem for each wrong cell.
    """
    codes = known_codes(policy)
    for table in TABLES.values():
        for row in policy.rows(table.name):
            for column in table.columns:
                told = _wrong_cell(column, row[column.name], codes)
                if told:
                    rule, message = told
                    yield problem(row, rule, message)


def _wrong_cell(column: Column, text: str, codes: dict[str, frozenset[str] | None]) -> tuple[str, str] | None:
    name = column.name
    if ERASED in text:
        # The policy lock takes such a cell of a release for one that it need not compare.
        return "erased_mark", f"{name} holds {ERASED}, which only an erasure writes; say it in other words."
    if not text:
        return None if column.is_blank_allowed else ("blank", _blank_message(column))
    if text == ANY and column.is_any_allowed:
        return None
    if column.kind in _READERS:
        return _wrong_value(column, text)
    if column.kind in ("code", "codes"):
        return _wrong_codes(column, text, codes)
    known = codes.get(column.refers_to) if column.refers_to else None
    if known is not None and text not in known:
        return "unknown_value", f"{name} '{text}' is not known; it must be one of {_listed(known)}."
    return None


def _blank_message(column: Column) -> str:
    if column.name == "comment":
        return "comment is blank; say why the row is as it is."
    if column.is_any_allowed:
        return f"{column.name} is blank; write * where anything may match."
    return f"{column.name} is blank; it is required."


def _wrong_value(column: Column, text: str) -> tuple[str, str] | None:
    reader, wanted = _READERS[column.kind]
    value = reader(text)
    if value is None:
        wanted = f"{wanted} or *" if column.is_any_allowed else wanted
        return column.kind, f"{column.name} '{text}' is not {wanted}."
    if isinstance(value, int | float) and not isinstance(value, bool):
        told = wrong_bounds(column.name, value, column.low, column.high)
        if told:
            return "range", told
    return None


def wrong_bounds(name: str, value: float, low: float | None, high: float | None) -> str | None:
    """Tell that a number lies outside its bounds.

    Args:
        name: What the number is called.
        value: The number.
        low: Smallest number allowed; None for no bound.
        high: Largest number allowed; None for no bound.

    Returns:
        A sentence, or None when the number is allowed.
    """
    if low is not None and value < low:
        return f"{name} {value:g} is too small; the smallest value allowed is {low:g}."
    if high is not None and value > high:
        return f"{name} {value:g} is too large; the largest value allowed is {high:g}."
    return None


def _wrong_codes(
    column: Column, text: str, codes: dict[str, frozenset[str] | None]
) -> tuple[str, str] | None:
    for part in values.parts(text) if column.kind == "codes" else [text]:
        if not part:
            return (
                "unknown_value",
                f"{column.name} has an empty part; write the codes with one | between them.",
            )
        if not _CODE.match(part):
            return (
                "unknown_value",
                f"{column.name} '{part}' is no code; codes are lower-case and without * or |.",
            )
        known = frozenset(column.codes) if column.codes else codes.get(column.refers_to)
        if known is not None and part not in known:
            return "unknown_value", unknown_code_message(column.name, part, known, column.refers_to)
    listed = values.parts(text)
    if column.kind == "codes" and len(set(listed)) < len(listed):
        return "duplicate", f"{column.name} lists a code twice."
    return None


def unknown_code_message(name: str, code: str, known: frozenset[str], refers_to: str) -> str:
    """Tell that a code is not known, and where codes are made known.

    Args:
        name: The column.
        code: The code.
        known: The codes that are known.
        refers_to: Where they are listed, as in ``Column.refers_to``.

    Returns:
        One sentence.
    """
    if refers_to in VOCABULARY_COLUMNS:
        advice = f"write one of {_listed(known)}, or add it to {file_of('vocabulary')} as a {refers_to}"
    elif refers_to == "touch_types":
        advice = f"add it to {file_of('touch_types')} or correct it"
    elif refers_to == "staging":
        advice = f"there are staging models for {_listed(known)}"
    else:
        advice = f"it must be one of {_listed(known)}"
    return f"{name} '{code}' is not known; {advice}."


def _listed(codes: frozenset[str]) -> str:
    listed = sorted(codes)
    return ", ".join(listed[:30]) + (" …" if len(listed) > 30 else "") if listed else "none"
