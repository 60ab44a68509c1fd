"""Whether two tellings of one state of the inputs agree row for row, and whether all landed rows count."""

from collections import Counter
from collections.abc import Mapping, Sequence

from tests.proof.warehouse import Marts, Rows
from tests.reference.comparison import KEYS, differences, differences_from
from tests.reference.world import World


def differing_rows(expected: Marts, actual: Marts, *, ignored: Sequence[str] = ()) -> list[str]:
    """Say what one telling has otherwise than the other; cells must be equal, not only close.

    Args:
        expected: Rows of each table.
        actual: Rows of each table.
        ignored: Tables that may differ.
    """
    found = []
    for table in expected.keys() | actual.keys():
        if table in ignored:
            continue
        mine, theirs = (Counter(map(_cells, marts.get(table, []))) for marts in (expected, actual))
        if mine != theirs:
            named = differences(table, expected[table], actual[table]) if table in KEYS else []
            found += named or [
                *(f"{table}: missing {dict(row)}" for row in (mine - theirs)),
                *(f"{table}: too many {dict(row)}" for row in (theirs - mine)),
            ]
    return found


def differences_from_reference(world: World, marts: Marts, build_id: str) -> list[str]:
    """Say what the models tell otherwise than the reference, which knows of no earlier builds.

    Args:
        world: What the reference comes to.
        marts: What the models come to.
        build_id: The build that made them.
    """
    return differences_from(world, {table: of_present_build(table, marts[table], build_id) for table in KEYS})


def of_present_build(table: str, rows: Rows, build_id: str) -> Rows:
    """Leave out what a mart keeps of earlier builds."""
    if table == "row_reconciliation":
        # A table that no file has come for is counted by the models, and not known to the reference.
        return [row for row in rows if row["build_id"] == build_id and row["files"]]
    if table == "quarantine":
        return [row for row in rows if row["status"] != "released"]
    return rows


def unbalanced_tables(marts: Marts) -> list[str]:
    """Say which source tables' rows do not add up: landed = accepted + superseded + quarantined + pending."""
    verdicts = ("accepted_rows", "superseded_rows", "quarantined_rows", "pending_rows")
    return [
        f"{row['source_table']}: {row['landed_rows']} rows landed, {_counts(row, verdicts)} counted"
        for row in marts["row_reconciliation"]
        if row["landed_rows"] != sum(_counts(row, verdicts))
    ]


def _counts(row: Mapping[str, object], columns: Sequence[str]) -> list[int]:
    return [int(str(row[column])) for column in columns]


def _cells(row: Mapping[str, object]) -> tuple[tuple[str, object], ...]:
    return tuple(sorted(row.items()))
