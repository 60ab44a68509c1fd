"""What two tellings of the same rows differ in: key by key, column by column.

Knows keys, words without order and rounding; which columns are compared is the caller's choice, by default
all that both have. Getting rows out of a database does not belong here.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from tests.reference.world import World

KEYS: dict[str, tuple[str, ...]] = {
    "people": ("person_id",),
    "person_aliases": ("alias_id",),
    "touches": ("touch_id",),
    "stage_transitions": ("transition_id",),
    "suspects": ("person_id", "cycle_number"),
    "prospects": ("person_id", "cycle_number"),
    "mqls": ("person_id", "cycle_number"),
    "sqls": ("person_id", "cycle_number"),
    "quarantine": ("source_file", "source_row", "entity"),
    "row_reconciliation": ("source_system", "source_table", "entity"),
}
UNTOLD: dict[str, tuple[str, ...]] = {
    # The digest of policy has no formula: it is compared by which cycles share one.
    "stage_transitions": ("policy",),
    # Of a first suspect, for which there is no evidence, the specification does not say which system it is.
    **{stage: ("policy", "source_system") for stage in ("suspects", "prospects", "mqls", "sqls")},
    # An id without a formula, and a word of whoever dismisses a row.
    "quarantine": ("quarantine_id", "status_reason"),
    # The build that counts is not known to who only knows what it counts.
    "row_reconciliation": ("build_id", "as_of"),
}
"""Columns of marts that the reference does not tell, and why; it tells all others."""
WORDS_WITHOUT_ORDER = ("missing_context_fields", "blocked_by", "source_systems")
TOLERANCE = 2e-6  # two roundings to six decimals


def differences_from(world: World, rows: Mapping[str, Iterable[Mapping[str, object]]]) -> list[str]:
    """Every row and cell in which marts differ from the reference.

    Args:
        world: What the reference comes to, a table in each attribute.
        rows: What is judged, by mart; all that have a key here.
    """
    found = []
    for table in KEYS:
        expected, actual = list(getattr(world, table)), list(rows[table])
        if expected and actual:
            untold = sorted(actual[0].keys() - expected[0].keys() - {*UNTOLD.get(table, ())})
            found += [f"{table}: the reference does not tell {column}" for column in untold]
        found += differences(table, expected, actual)
    return found + _policies_apart(world, rows["stage_transitions"])


def _policies_apart(world: World, rows: Iterable[Mapping[str, object]]) -> list[str]:
    """Cycles governed by the same rows must have the same digest, and others another."""
    governing = {row["transition_id"]: row["policy_rows"] for row in world.stage_transitions}
    pairs = {
        (governing[row["transition_id"]], row["policy"]) for row in rows if row["transition_id"] in governing
    }
    is_apart = len(pairs) == len({rows for rows, _ in pairs}) == len({digest for _, digest in pairs})
    return [] if is_apart else ["stage_transitions: policy does not tell the governing rows apart"]


def differences(
    table: str,
    expected: Iterable[Mapping[str, object]],
    actual: Iterable[Mapping[str, object]],
    *,
    columns: Sequence[str] | None = None,
    ignored: Sequence[str] = (),
) -> list[str]:
    """One sentence for each row that only one side has, and for each cell in which both differ.

    Args:
        table: Name of the mart, for its key.
        expected: Rows of the reference.
        actual: Rows of what is judged.
        columns: Columns to compare; null for all that both have.
        ignored: Columns to leave out.
    """
    key = KEYS[table]
    mine, theirs = (_by_key(rows, key) for rows in (expected, actual))
    found = [f"{table} {name}: missing" for name in sorted(mine.keys() - theirs.keys(), key=str)]
    found += [f"{table} {name}: too many" for name in sorted(theirs.keys() - mine.keys(), key=str)]
    for name in sorted(mine.keys() & theirs.keys(), key=str):
        if len(mine[name]) != len(theirs[name]):
            found.append(f"{table} {name}: {len(theirs[name])} rows instead of {len(mine[name])}")
            continue
        compared = columns or [column for column in mine[name][0] if column in theirs[name][0]]
        ranked = [sorted(rows[name], key=lambda row: _rank(row, compared)) for rows in (mine, theirs)]
        for left, right in zip(*ranked, strict=True):
            found += [
                f"{table} {name}: {column} is {right[column]!r} instead of {left[column]!r}"
                for column in compared
                if column not in ignored and not is_same(column, left[column], right[column])
            ]
    return found


def is_same(column: str, left: object, right: object) -> bool:
    """Whether two cells say the same: times in UTC, numbers within rounding, words in any order."""
    if isinstance(left, datetime) and isinstance(right, datetime):
        return _in_utc(left) == _in_utc(right)
    if isinstance(left, bool) or isinstance(right, bool) or left is None or right is None:
        return left is right
    if isinstance(left, str) and isinstance(right, str):
        if column in WORDS_WITHOUT_ORDER:
            return sorted(left.split("|")) == sorted(right.split("|"))
        return left == right
    numbers = (int, float, Decimal)
    if isinstance(left, numbers) and isinstance(right, numbers):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=TOLERANCE)
    return left == right


def _by_key(
    rows: Iterable[Mapping[str, object]], key: Sequence[str]
) -> dict[tuple[object, ...], list[Mapping[str, object]]]:
    found: dict[tuple[object, ...], list[Mapping[str, object]]] = {}
    for row in rows:
        found.setdefault(tuple(row[column] for column in key), []).append(row)
    return found


def _rank(row: Mapping[str, object], columns: Sequence[str]) -> list[str]:
    """An order for rows that share their key, so that equal ones meet: a file comes in several contents."""
    return [str(row[column]) for column in columns]


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
