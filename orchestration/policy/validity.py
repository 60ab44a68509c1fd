"""Whether the policy tables may be used: every check, and the one sentence that stops a build.

The checks themselves stand in ``reading``, ``cells``, ``agreement`` and ``reachability``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from orchestration.errors import LeadproofError
from orchestration.policy import engine
from orchestration.policy.agreement import key_problems, row_problems
from orchestration.policy.cells import cell_problems
from orchestration.policy.reachability import unreachable_problems
from orchestration.policy.reading import FOLDER, Policy, PolicyProblem, Row, file_of
from orchestration.policy.schema import TABLES

__all__ = ["PolicyProblem", "check_policy", "require_valid"]
_TOLD_IN_FULL = 10


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


def require_valid(policy: Policy) -> None:
    """Stop when a policy table cannot be used.

    Args:
        policy: The tables as read.

    Raises:
        LeadproofError: Names file, row and reason of every problem; the first ones in full.
    """
    problems = check_policy(policy)
    if not problems:
        return
    told = [str(problem) for problem in problems[:_TOLD_IN_FULL]]
    rest = [
        f"{problem.file}, row {problem.row}" if problem.row else problem.file
        for problem in problems[_TOLD_IN_FULL:]
    ]
    count = "an error" if len(problems) == 1 else f"{len(problems)} errors"
    message = f"The policy tables in {FOLDER}/ hold {count}. " + " ".join(told)
    if rest:
        message += " Further: " + "; ".join(rest) + "."
    raise LeadproofError(message, "Correct the rows and build again.")


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
