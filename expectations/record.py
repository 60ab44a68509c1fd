"""The audit record: what was examined, what held, what did not; the file publication relies on.

Counts and keys only: a value of a row never enters a record. Deciding whether a result holds belongs in
``verdict.py``; nothing here knows Great Expectations.
"""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, Self

MAX_FAILING_KEYS = 20
COLUMN_OF_KEY = " of "
"""Between a column and a key, where a key tells in which column of its row something stands."""

# Signs as they are, and as links, HTML and JSON write them.
_LOOKS_PERSONAL = re.compile(
    r"\S(?:@|%(?:25)*40|&(?:amp;)*(?:#0*64|#x0*40|commat);|\\u0040)\S"
    r"|(?:\+|%(?:25)*2b)\d(?:[\d ().-]|%(?:25)*2[089]){6,}\d",
    re.IGNORECASE,
)
# Never written down, so nobody can find an address by trying which one gives the hash that a record holds.
_HIDING_KEY = secrets.token_bytes(32)
Verdict = Literal["passed", "failed"]

RESULT_COLUMNS: tuple[tuple[str, str], ...] = (
    ("build_id", "VARCHAR"),
    ("audited_at", "TIMESTAMP"),
    ("expectation", "VARCHAR"),
    ("table_name", "VARCHAR"),
    ("source_system", "VARCHAR"),
    ("severity", "VARCHAR"),
    ("is_success", "BOOLEAN"),
    ("evaluated_rows", "BIGINT"),
    ("failing_rows", "BIGINT"),
    ("observed_value", "DOUBLE"),
    ("tolerance", "DOUBLE"),
    ("baselined_until", "DATE"),
    ("message", "VARCHAR"),
    ("failing_keys", "VARCHAR"),
)
"""Columns of ``audit_results`` with their DuckDB types, in their order."""


@dataclass(frozen=True)
class AuditResult:
    """What one expectation found in one table, for one source system.

    Args:
        expectation: The expectation's class name.
        table_name: The mart it examined.
        source_system: The source system whose rows it examined; ``*`` for all.
        severity: ``critical`` blocks publication; anything else is only reported.
        is_success: Whether it holds, vacuous passes and raised errors counted as failures.
        evaluated_rows: Rows it examined.
        failing_rows: Rows that break it.
        observed_value: Share of failing rows (0-1); for freshness, hours.
        tolerance: Largest ``observed_value`` that still passes.
        baselined_until: Last day (ISO) of the baseline that set the tolerance; None without one.
        message: One sentence for people, free of personal data.
        failing_keys: Up to twenty keys of failing rows, smallest first.
    """

    expectation: str
    table_name: str
    source_system: str
    severity: str
    is_success: bool
    evaluated_rows: int
    failing_rows: int
    observed_value: float | None
    tolerance: float
    baselined_until: str | None
    message: str
    failing_keys: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a result from its JSON form.

        Args:
            raw: The decoded JSON object.

        Returns:
            The result.
        """
        known = {field.name: raw[field.name] for field in fields(cls)}
        return cls(**{**known, "failing_keys": tuple(known["failing_keys"])})


@dataclass(frozen=True)
class AuditRecord:
    """One audit of one candidate.

    Args:
        build_id: The build whose candidate was audited.
        candidate_sha256: Hash of the candidate file's bytes, taken by the audit itself.
        suite_digest: Digest of the expectations' code.
        thresholds_digest: Digest of the thresholds that were in force.
        as_of: The build's clock, ISO, UTC.
        audited_at: When the audit ended, ISO, UTC.
        verdict: ``passed`` or ``failed``.
        results: One entry for each expectation, table and source system.
    """

    build_id: str
    candidate_sha256: str
    suite_digest: str
    thresholds_digest: str
    as_of: str
    audited_at: str
    verdict: Verdict
    results: tuple[AuditResult, ...]

    @property
    def passed(self) -> bool:
        """Whether the candidate may be published."""
        return self.verdict == "passed"

    @property
    def failing_results(self) -> tuple[AuditResult, ...]:
        """The results that block publication."""
        return tuple(result for result in self.results if not result.is_success)

    @property
    def evaluated_rows(self) -> int:
        """Rows examined over all expectations; a row counts once for each that examined it."""
        return sum(result.evaluated_rows for result in self.results)

    def to_dict(self) -> dict[str, Any]:
        """The record as plain JSON types."""
        return asdict(self)

    def to_json(self) -> str:
        """The record as indented JSON."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read a record from its JSON form.

        Args:
            raw: The decoded JSON object.

        Returns:
            The record.

        Raises:
            KeyError: If a field is missing.
            ValueError: If the verdict is neither ``passed`` nor ``failed``.
        """
        known = {field.name: raw[field.name] for field in fields(cls)}
        if known["verdict"] not in ("passed", "failed"):
            raise ValueError("The audit record's verdict is neither 'passed' nor 'failed'.")
        return cls(**{**known, "results": tuple(AuditResult.from_dict(row) for row in known["results"])})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a record from JSON text.

        Args:
            text: What ``to_json`` wrote.

        Returns:
            The record.

        Raises:
            KeyError: If a field is missing.
            ValueError: If the text is no JSON or its verdict is unknown.
        """
        return cls.from_dict(json.loads(text))

    def write(self, path: Path) -> Path:
        """Write the record so that a reader meets the whole of it or nothing.

        Args:
            path: The file to write.

        Returns:
            The same path.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.tmp")
        with temporary.open("w", encoding="utf-8") as file:
            file.write(self.to_json())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        return path

    def to_rows(self) -> list[tuple[Any, ...]]:
        """The results as rows of ``audit_results``, in the order of ``RESULT_COLUMNS``.

        Returns:
            One tuple for each result; times are UTC without a zone.
        """
        return [self._row(result) for result in self.results]

    def _row(self, result: AuditResult) -> tuple[Any, ...]:
        until = result.baselined_until
        values = {
            **asdict(result),
            "build_id": self.build_id,
            "audited_at": datetime.fromisoformat(self.audited_at).replace(tzinfo=None),
            "baselined_until": date.fromisoformat(until) if until else None,
            "failing_keys": "|".join(result.failing_keys) or None,
        }
        return tuple(values[name] for name, _ in RESULT_COLUMNS)


def counts_in_words(evaluated: int, failing: int) -> str:
    """Say how many rows hold or fail, so that the promise may follow after a colon.

    Args:
        evaluated: Rows examined.
        failing: Rows that break the promise.

    Returns:
        For example ``2 of 10 rows fail`` or ``Holds of all 10 rows``.
    """
    if not evaluated:
        return "No rows to examine"
    if failing:
        return f"{failing:,} of {evaluated:,} rows fail"
    return f"Holds of all {evaluated:,} rows" if evaluated > 1 else "Holds of the only row"


def safe_key(key: str) -> str:
    """A key that may be shown: a source may use addresses or phone numbers as ids.

    Args:
        key: The key of a row.

    Returns:
        The key, or ``hidden:`` and its hash if it looks personal, which tells it from others of the same
        audit only; a column before it stays.
    """
    return COLUMN_OF_KEY.join(_safe_part(part) for part in key.split(COLUMN_OF_KEY))


def _safe_part(part: str) -> str:
    if _LOOKS_PERSONAL.search(part):
        return "hidden:" + hashlib.blake2b(part.encode(), digest_size=8, key=_HIDING_KEY).hexdigest()
    return part
