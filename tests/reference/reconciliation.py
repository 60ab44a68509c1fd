"""Quarantine and the count of landed rows (section 2, ADR 0007)."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from tests.reference.landing import Landing
from tests.reference.staging import Judged

Row = dict[str, object]


def quarantine(landing: Landing, judged: Sequence[Judged]) -> list[Row]:
    """Section 2: source file and row, entity, reason, column, first-seen time, status.

    Statuses that need earlier builds or policy (`released`, `dismissed`) are not told.
    """
    accepted: dict[tuple[object, ...], list[Judged]] = defaultdict(list)
    for row in judged:
        if row.verdict == "accepted" and row.record is not None:
            accepted[row.record].append(row)
    newest = {file.source_file: file.version for file in sorted(landing.files, key=lambda file: file.version)}
    rows: list[Row] = []
    for row in judged:
        if row.verdict != "quarantined":
            continue
        if row.record is None:
            # ADR 0007: replaced when its path holds another content by now.
            is_replaced = newest[row.row.source_file] > row.row.file_version
        else:
            is_replaced = any(
                other.row.load_order > row.row.load_order and _says_as_much(other, row)
                for other in accepted.get(row.record, ())
            )
        rows.append(
            {
                "source_system": row.row.source_system,
                "source_table": row.row.source_table,
                "entity": row.entity,
                "source_file": row.row.source_file,
                "source_row": row.row.source_row,
                "file_version": row.row.file_version,
                "reason_code": row.reason_code,
                "reason_column": row.reason_column,
                "first_seen_at": row.row.loaded_at,
                "status": "replaced" if is_replaced else "open",
            }
        )
    return sorted(rows, key=lambda row: (row["source_file"], row["file_version"], row["source_row"]))


def _says_as_much(other: Judged, row: Judged) -> bool:
    """ADR 0007: an older version does not say what the unusable one would have said."""
    return not row.is_version or row.time is None or (other.time is not None and other.time >= row.time)


def row_reconciliation(landing: Landing, judged: Sequence[Judged], quarantined: Sequence[Row]) -> list[Row]:
    """Section 2, conservation: landed = accepted + superseded + quarantined + pending, per source table."""
    rows: list[Row] = []
    for system, table in sorted(landing.tables):
        files = [file for file in landing.files if (file.source_system, file.source_table) == (system, table)]
        own = [row for row in judged if (row.row.source_system, row.row.source_table) == (system, table)]
        counts = {
            f"{verdict}_rows": sum(row.verdict == verdict for row in own)
            for verdict in ("accepted", "superseded", "quarantined", "pending")
        }
        landed = sum(file.rows + file.rejects for file in files)
        if landed != sum(counts.values()):
            raise AssertionError(f"{system}.{table}: {landed} rows landed, {counts} judged")
        times: list[datetime] = [row.time for row in own if row.verdict == "accepted" and row.time]
        rows.append(
            {
                "source_system": system,
                "source_table": table,
                "entity": table,
                "landed_rows": landed,
                **counts,
                "erased_rows": 0,
                "open_quarantined_rows": sum(
                    (row["source_system"], row["source_table"], row["status"]) == (system, table, "open")
                    for row in quarantined
                ),
                "warning_values": sum(len(row.warning_columns) for row in own),
                "files": len(files),
                "latest_row_at": max(times, default=None),
                "latest_observed_at": max(file.observed_at for file in files),
            }
        )
    return rows
