"""Whether the policy tables may be used: every check, and the one sentence that stops a build.

The checks themselves stand in ``reading``, ``cells``, ``agreement`` and ``reachability``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from orchestration.errors import LeadproofError
from orchestration.policy import engine
from orchestration.policy.agreement import key_problems, row_problems
from orchestration.policy.cells import cell_problems
from orchestration.policy.lock import LockBreach
from orchestration.policy.reachability import unreachable_problems
from orchestration.policy.reading import FOLDER, Policy, PolicyProblem, Row, file_of
from orchestration.policy.schema import TABLES

__all__ = ["PolicyProblem", "check_policy", "require_valid"]
_REASONS_TOLD = 3
_ROWS_TOLD = 5


def check_policy(policy: Policy) -> list[PolicyProblem]:
    """Check all policy tables.

    Args:
        policy: The tables as read.

    Returns:
        What is wrong, by file and row; empty when the tables may be used.
    """
    cells = list(cell_problems(policy))
    sound = _without(policy, [*policy.unreadable, *cells])
    problems = [*policy.unreadable, *_misread(policy), *cells, *row_problems(sound), *key_problems(sound)]
    problems.extend(unreachable_problems(_without(sound, problems)))
    return sorted(problems, key=lambda each: (each.file, each.row or 0, each.rule))


def require_valid(policy: Policy, deleted: Sequence[LockBreach] = ()) -> None:
    """Stop when a policy table cannot be used.

    Args:
        policy: The tables as read.
        deleted: Rows that a release has used and that are gone. Told first, because one of them can be the
            cause of all the rest.

    Raises:
        LeadproofError: Tells the first problems, those that say the same together. Where that leaves
            something out, the details name every row.
    """
    problems = check_policy(policy)
    if not problems:
        return
    same: dict[tuple[str, str], list[int]] = {}
    for problem in problems:
        lines = same.setdefault((problem.file, problem.message), [])
        if problem.row is not None:
            lines.append(problem.row)
    whole = [_told(file, lines, message) for (file, message), lines in same.items()]
    short = [
        _told(file, lines, message, _ROWS_TOLD)
        for (file, message), lines in list(same.items())[:_REASONS_TOLD]
    ]
    count = "an error" if len(problems) == 1 else f"{len(problems)} errors"
    message = f"{_deletions(deleted)}The policy tables in {FOLDER}/ hold {count}. {' '.join(short)}"
    if len(whole) > len(short):
        message += f" And {len(whole) - len(short)} more."
    hint = "Put back what was deleted, or correct the rows," if deleted else "Correct the rows"
    raise LeadproofError(message, f"{hint} and build again.", whole if whole != short else ())


def _told(file: str, lines: Sequence[int], message: str, most: int | None = None) -> str:
    if not lines:
        return f"{file}: {message}"
    shown = ", ".join(str(line) for line in lines[:most])
    if most is not None and len(lines) > most:
        shown += f" and {len(lines) - most} more"
    return f"{file}, {'row' if len(lines) == 1 else 'rows'} {shown}: {message}"


def _deletions(deleted: Sequence[LockBreach]) -> str:
    if not deleted:
        return ""
    places = "; ".join(f"{each.file}, then row {each.released_row}" for each in deleted[:_REASONS_TOLD])
    rest = f"; and {len(deleted) - _REASONS_TOLD} more" if len(deleted) > _REASONS_TOLD else ""
    what = (
        "A policy row that the last release has used was"
        if len(deleted) == 1
        else (f"{len(deleted)} policy rows that the last release has used were")
    )
    return f"{what} deleted ({places}{rest}). "


def _misread(policy: Policy) -> Iterator[PolicyProblem]:
    """Files that DuckDB reads otherwise than they were checked, as it guesses how cells are quoted."""
    for table in TABLES.values():
        if table.name in policy.unread_tables:
            continue
        loaded = engine.rows_as_loaded(policy.folder / f"{table.name}.csv", table.header)
        rows = policy.rows(table.name)
        checked = [tuple(row[name] for name in table.header) for row in rows]
        if loaded == checked:
            continue
        told = "The database cannot read the file"
        line = None
        if loaded is not None:
            told = "The database reads the file otherwise than it is written"
            pairs = zip(rows, loaded, checked, strict=False)
            line = next((row.line for row, left, right in pairs if left != right), None)
        yield PolicyProblem(
            file_of(table.name),
            line,
            "misread",
            f"{told}; put double quotation marks around cells that begin with an apostrophe.",
        )


def _without(policy: Policy, problems: Sequence[PolicyProblem]) -> Policy:
    """The policy without the rows that have a problem, so that one wrong cell is told once."""
    wrong = {(problem.file, problem.row) for problem in problems}

    def is_sound(row: Row) -> bool:
        return (f"{FOLDER}/{row.table}.csv", row.line) not in wrong

    touched = {problem.file for problem in problems}
    return replace(
        policy,
        tables={name: tuple(filter(is_sound, rows)) for name, rows in policy.tables.items()},
        unread_tables=policy.unread_tables
        | {name for name in policy.tables if f"{FOLDER}/{name}.csv" in touched},
    )
