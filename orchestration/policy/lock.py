"""The policy lock: what a release has used may be closed and commented, not changed or deleted.

Which release counts and where its policy lies is the caller's business; why a restatement is made is recorded
by publication.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestration.errors import LeadproofError
from orchestration.mentions import ERASED
from orchestration.policy import values
from orchestration.policy.reading import Policy, Row, file_of, read_tables
from orchestration.policy.schema import TABLES, Column, Table
from orchestration.source_text import personal_kind

_TOLD_IN_FULL = 10
_NOT_COMPARED = ("comment", "effective_to")


@dataclass(frozen=True)
class ReleasedPolicy:
    """The policy that a release was built with.

    Args:
        as_of: Moment (UTC) up to which releases have used it.
        folder: Folder with the CSV files as they were.
    """

    as_of: datetime
    folder: Path


@dataclass(frozen=True)
class LockBreach:
    """A row that a release has used and that is no longer what it was.

    Args:
        file: Path of the file, from the project's root.
        row: Line in the file as it is now; None when the row is gone.
        released_row: Line in the released file; None when the row was added to a version in use.
        kind: ``changed``, ``removed`` or ``added``.
        message: What happened and what would be allowed, one sentence.
    """

    file: str
    row: int | None
    released_row: int | None
    kind: str
    message: str

    def __str__(self) -> str:
        """File, row and reason in one line."""
        place = self.file if self.row is None else f"{self.file}, row {self.row}"
        return f"{place}: {self.message}"


def policy_digest(policy: Policy, without: Collection[str] = (), only: Collection[str] | None = None) -> str:
    """The digest of what the policy says, whatever the order of its rows and their comments.

    Args:
        policy: The tables as read.
        without: Names of tables to leave out.
        only: Names of the tables to digest; None for all.

    Returns:
        A sha256 in hex.
    """
    content = {
        table.name: sorted(
            [_canonical(column, row) for column in _told(table)] for row in policy.rows(table.name)
        )
        for table in TABLES.values()
        if table.name not in without and (only is None or table.name in only)
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def check_lock(policy: Policy, released: ReleasedPolicy) -> list[LockBreach]:
    """Compare the policy with the one that a release has used.

    Rows that began after the release's as-of were used by nothing and are free. An open row may be closed at
    a moment after the as-of: what was decided up to then stays decided. Comments and the order of rows are
    free, and so is a cell from which somebody was erased: its row stays, is reworded there, or goes where
    that cell was what told it from others.

    Args:
        policy: The tables as read now.
        released: The policy of the release.

    Returns:
        The breaches, by file and row.

    Raises:
        LeadproofError: If the released policy cannot be read, which would let every change pass.
    """
    as_of = _naive(released.as_of)
    before = _read_released(released.folder)
    breaches: list[LockBreach] = []
    for table in TABLES.values():
        if table.is_locked:
            used = [row for row in before.rows(table.name) if _is_used(table, row, as_of)]
            breaches.extend(_table_breaches(table, used, policy.rows(table.name), as_of))
    return breaches


def deleted_rows(policy: Policy, released: ReleasedPolicy | None) -> list[LockBreach]:
    """List the rows that a release has used and that are gone, to explain what is wrong without them.

    Args:
        policy: The tables as read now, wrong ones among them.
        released: The policy of the release; None before the first one.

    Returns:
        The deletions in tables that can be read; none if the release's own policy cannot be.
    """
    if released is None:
        return []
    unread = {file_of(table) for table in policy.unread_tables}
    try:
        breaches = check_lock(policy, released)
    except LeadproofError:
        return []
    return [each for each in breaches if each.kind == "removed" and each.file not in unread]


def require_unlocked(policy: Policy, released: ReleasedPolicy | None, restate_reason: str | None) -> None:
    """Stop when policy that a release has used was changed without saying why.

    Args:
        policy: The tables as read now.
        released: The policy of the release; None before the first one.
        restate_reason: Why history is told anew; None when it is not.

    Raises:
        LeadproofError: Names each breach and how to go on.
    """
    if restate_reason is not None:
        if not restate_reason.strip():
            raise LeadproofError("--restate was given without a reason.", "Say why: --restate '<reason>'.")
        return
    if released is None:
        return
    breaches = check_lock(policy, released)
    if not breaches:
        return
    told = " ".join(str(breach) for breach in breaches[:_TOLD_IN_FULL])
    rest = len(breaches) - _TOLD_IN_FULL
    count = "A policy row" if len(breaches) == 1 else f"{len(breaches)} policy rows"
    verb = "was" if len(breaches) == 1 else "were"
    raise LeadproofError(
        f"{count} that a release has used {verb} changed. {told}"
        + (f" And {rest} more." if rest > 0 else ""),
        "Put the rows back and add new ones, or build with --restate '<reason>' to tell history anew.",
    )


def require_nameless(restate_reason: str | None) -> None:
    """Stop before anything is written down where a reason names somebody.

    Args:
        restate_reason: Why history is told anew; None when it is not.

    Raises:
        LeadproofError: If it holds an address or a telephone number. It is not repeated.
    """
    kind = personal_kind(restate_reason or "")
    if kind is not None:
        held = "an e-mail address" if kind == "address" else "a telephone number"
        raise LeadproofError(
            f"The reason given with --restate holds {held}, and it would be published.",
            "Say why without naming anybody.",
        )


def _read_released(folder: Path) -> Policy:
    """Read a release's policy. A table may be missing: a release of an older version did not have it."""
    before = read_tables(folder)
    damaged = [each for each in before.unreadable if each.rule != "missing_file"]
    if damaged or not any(before.tables.values()):
        told = damaged[0].message if damaged else "It is not there."
        raise LeadproofError(
            f"The policy that the last release used cannot be compared with. {told}",
            "Restore the release, or build with --restate '<reason>'.",
        )
    return before


def _table_breaches(
    table: Table, used: Sequence[Row], now: Sequence[Row], as_of: datetime
) -> Iterator[LockBreach]:
    """The breaches of one table. Equal rows are matched by content, the rest by what tells rows apart."""
    columns = [column for column in table.columns if column.name not in _NOT_COMPARED]
    left = list(now)
    unmatched: list[Row] = []
    for row in used:
        match = _equal_row(table, columns, row, left, as_of)
        if match is None:
            unmatched.append(row)
        else:
            left.remove(match)
    nameless = [row for row in unmatched if any(ERASED in row[name] for name in table.key)]
    for row in unmatched:
        if row in nameless:
            continue
        match = next((other for other in left if _key(table, other) == _key(table, row)), None)
        if match is None:
            yield LockBreach(
                file_of(table.name),
                None,
                row.line,
                "removed",
                f"The row that was row {row.line} at the last release is gone.{_advice(table, as_of)}",
            )
            continue
        left.remove(match)
        if _equal_row(table, _legible(columns, row), row, [match], as_of) is None:
            yield _changed(table, row, match, as_of)
    # Whom such a row was about nobody can tell any more, so it may be gone as well.
    for row in nameless:
        match = _equal_row(table, _legible(columns, row), row, left, as_of)
        if match is not None:
            left.remove(match)
    if table.name == "icp_profiles":
        yield from _added_to_version(used, left)


def _legible(columns: Sequence[Column], released: Row) -> list[Column]:
    """The columns from which no erasure has taken anybody."""
    return [column for column in columns if ERASED not in released[column.name]]


def _equal_row(
    table: Table, columns: Sequence[Column], row: Row, candidates: Sequence[Row], as_of: datetime
) -> Row | None:
    content = [_canonical(column, row) for column in columns]
    equal = [other for other in candidates if [_canonical(column, other) for column in columns] == content]
    if not table.is_versioned:
        return equal[0] if equal else None
    return next((other for other in equal if _is_end_allowed(row, other, as_of)), None)


def _is_end_allowed(released: Row, now: Row, as_of: datetime) -> bool:
    """Whether the row ends where it did, or was open and is closed at a moment that no release has judged."""
    ended = values.timestamp(released["effective_to"])
    ends = values.timestamp(now["effective_to"])
    return ends == ended or (ended is None and ends is not None and ends > as_of)


def _changed(table: Table, row: Row, match: Row, as_of: datetime) -> LockBreach:
    changed = [
        column.name
        for column in _legible(table.columns, row)
        if column.name != "comment" and _canonical(column, row) != _canonical(column, match)
    ]
    return LockBreach(
        file_of(table.name),
        match.line,
        row.line,
        "changed",
        f"{', '.join(changed)} {'is' if len(changed) == 1 else 'are'} not what a release has used."
        f"{_advice(table, as_of)}",
    )


def _added_to_version(used: Sequence[Row], left: Sequence[Row]) -> Iterator[LockBreach]:
    versions = Counter(row["icp_version"] for row in used)
    for row in left:
        if row["icp_version"] in versions:
            yield LockBreach(
                file_of("icp_profiles"),
                row.line,
                None,
                "added",
                f"The row adds to version {row['icp_version']}, which a release has used; "
                "write a new icp_version instead.",
            )


def _advice(table: Table, as_of: datetime) -> str:
    if table.name == "icp_profiles":
        return " Write a new icp_version instead."
    if table.is_versioned:
        moment = as_of.isoformat(timespec="seconds")
        return f" Close the row with an effective_to after {moment} and add another."
    return ""


def _is_used(table: Table, row: Row, as_of: datetime) -> bool:
    start = values.timestamp(row[table.used_from]) if table.used_from else None
    return start is None or start <= as_of


def _key(table: Table, row: Row) -> tuple[str, ...]:
    start = row[table.used_from] if table.used_from and table.is_versioned else ""
    return (*(row[name] for name in table.key), start)


def _told(table: Table) -> list[Column]:
    return [column for column in table.columns if column.name != "comment"]


def _canonical(column: Column, row: Row) -> str:
    """A cell as it counts: ``50`` and ``50.0`` are one number, ``TRUE`` and ``true`` one answer."""
    text = row[column.name]
    value: object = None
    if column.kind in ("number", "integer"):
        value = values.number(text)
    elif column.kind == "boolean":
        value = values.boolean(text)
    elif column.kind == "timestamp":
        value = values.timestamp(text)
    return text if value is None else str(value)


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
