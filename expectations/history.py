"""The audit history under the quality folder: one Parquet file for each audit, never overwritten."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.record import RESULT_COLUMNS, AuditRecord
from orchestration.errors import LeadproofError

if TYPE_CHECKING:
    import pyarrow

_FOLDER = "audit_results"
_AUDITED_AT = b"leadproof_audited_at"


def append_audit_history(quality_dir: Path, record: AuditRecord) -> Path:
    """Add an audit to the history.

    Args:
        quality_dir: The quality folder; the file goes into its ``audit_results`` folder.
        record: The audit, passed or failed.

    Returns:
        The file: ``<build_id>.parquet``, or ``<build_id>_2.parquet`` and so on when the build was audited
        before. The same audit again writes nothing.

    Raises:
        LeadproofError: If the file cannot be written.
    """
    import pyarrow.parquet

    folder = quality_dir / _FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{record.build_id}.{os.getpid()}.tmp"
        pyarrow.parquet.write_table(_table(record), temporary)
        try:
            for path in _names(folder, record.build_id):
                if _holds(path, record):
                    return path
                try:
                    # A hard link, unlike a rename, fails when the name is taken: nothing is ever overwritten.
                    path.hardlink_to(temporary)
                except FileExistsError:
                    continue
                return path
        finally:
            temporary.unlink()
    except OSError as error:
        raise LeadproofError(
            f"The audit of build {record.build_id} could not be added to {folder}.",
            "Check that the folder can be written and the disk is not full.",
        ) from error
    raise AssertionError("The names never end.")


def _names(folder: Path, build_id: str) -> Iterator[Path]:
    yield folder / f"{build_id}.parquet"
    number = 2
    while True:
        yield folder / f"{build_id}_{number}.parquet"
        number += 1


def _holds(path: Path, record: AuditRecord) -> bool:
    import pyarrow.parquet

    if not path.exists():
        return False
    metadata = pyarrow.parquet.read_schema(path).metadata or {}
    return bool(metadata.get(_AUDITED_AT) == record.audited_at.encode())


def _table(record: AuditRecord) -> "pyarrow.Table":
    import pyarrow

    types = {
        "VARCHAR": pyarrow.string(),
        "TIMESTAMP": pyarrow.timestamp("us"),
        "BOOLEAN": pyarrow.bool_(),
        "BIGINT": pyarrow.int64(),
        "DOUBLE": pyarrow.float64(),
        "DATE": pyarrow.date32(),
    }
    schema = pyarrow.schema(
        [(name, types[kind]) for name, kind in RESULT_COLUMNS],
        metadata={_AUDITED_AT: record.audited_at.encode()},
    )
    rows = [dict(zip(schema.names, row, strict=True)) for row in record.to_rows()]
    return pyarrow.Table.from_pylist(rows, schema=schema)
