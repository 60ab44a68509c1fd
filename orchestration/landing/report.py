"""What a load tells: per table, per file, and in sentences for people; kept by records, logs, Dagster.

Names of files and columns in it have passed ``names.told_path`` and ``names.told_name``.
"""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class DriftNote:
    """Something about the inputs that is not as it was or not as it is declared.

    Args:
        kind: ``new_column``, ``vanished_column``, ``undeclared_table``, ``refused_file``, ``type_change``,
            ``unusable_name`` or ``closed_folder``.
        source_system: Source system; null above the level of systems.
        source_table: Its table; null above the level of tables.
        detail: One sentence.
        source_file: The file below the landing folder, as it may be told; null if none is meant.
    """

    kind: str
    source_system: str | None
    source_table: str | None
    detail: str
    source_file: str | None = None


@dataclass
class TableLoad:
    """What one load did to one table.

    Args:
        source_system: Source system.
        source_table: Its table.
        is_declared: Whether a dbt source declares it.
        files: Files loaded now.
        rows: Rows loaded now.
        rejects: Lines rejected now.
        duplicates: Files whose content the table already holds, seen now.
        refused: Files refused now.
        drift: Drift items noted now.
        latest_observed_at: Latest observed-at among all loaded files (UTC); null without files.
        total_files: Files loaded so far.
        total_rows: Rows loaded so far.
        total_rejects: Lines rejected so far.
    """

    source_system: str
    source_table: str
    is_declared: bool
    files: int = 0
    rows: int = 0
    rejects: int = 0
    duplicates: int = 0
    refused: int = 0
    drift: int = 0
    latest_observed_at: datetime | None = None
    total_files: int = 0
    total_rows: int = 0
    total_rejects: int = 0


@dataclass
class LoadReport:
    """What one load did.

    Args:
        load_id: Number of the load run; null when it loaded nothing.
        tables: Every table that has files in the landing folder or rows in the warehouse.
        drift: Everything noted now that is not as it was or as it is declared.
        notes: Sentences for people: refused and unsettled files, systems that are off or empty.
        systems_off: Source systems that have files but are switched off.
    """

    load_id: int | None = None
    tables: list[TableLoad] = field(default_factory=list)
    drift: list[DriftNote] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    systems_off: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows loaded now, over all tables."""
        return sum(table.rows for table in self.tables)

    @property
    def files(self) -> int:
        """Files loaded now, over all tables."""
        return sum(table.files for table in self.tables)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values that JSON can hold.

        Returns:
            The report; times are ISO texts in UTC.
        """
        plain = asdict(self)
        for table in plain["tables"]:
            latest = table["latest_observed_at"]
            table["latest_observed_at"] = latest.isoformat() + "Z" if latest else None
        return {"files": self.files, "rows": self.rows, **plain}
