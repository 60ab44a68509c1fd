"""The policy tables as a release carries them: what a rule said when the release was made."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

Row = dict[str, str]
_MATCHED = (
    "channel",
    "touch_type",
    "placement",
    "keyword_intent",
    "audience_consent",
    "content_fit",
    "initiated_by",
    "has_prior_permission",
)


@dataclass(frozen=True)
class PolicyTables:
    """A release's copy of the policy tables; a missing table is empty.

    Args:
        folder: Folder of CSV files.
    """

    folder: Path

    def reason(self, rule_id: str, at: datetime) -> str | None:
        """Why a direction rule decides as it does.

        Args:
            rule_id: The rule.
            at: Moment at which it was applied (UTC).

        Returns:
            The reason that was in force; None if the release has no such rule.
        """
        rows = [row for row in self._direction_rules if row["rule_id"] == rule_id]
        chosen = next((row for row in rows if _in_force(row, at)), rows[-1] if rows else None)
        return chosen["reason"] if chosen else None

    def undecided_by(self, recorded: Mapping[str, str | None], at: datetime) -> list[str]:
        """What would have to be recorded for a rule to decide a touch that none matches.

        Args:
            recorded: What the touch says, by column of ``touch_direction_rules``.
            at: When it occurred (UTC).

        Returns:
            The columns that rules for its channel or touch type ask for and that are empty.
        """
        found: dict[str, None] = {}
        for row in self._direction_rules:
            asked = {name: row[name] for name in _MATCHED if row.get(name, "*") != "*"}
            is_own = any(asked.get(name) == recorded.get(name) for name in ("channel", "touch_type"))
            differs = any(recorded.get(name) not in (None, "", value) for name, value in asked.items())
            if is_own and not differs and _in_force(row, at):
                found |= {name: None for name in asked if not recorded.get(name)}
        return list(found)

    def value(self, key: str, at: datetime) -> str | None:
        """A value of ``stage_policy``.

        Args:
            key: Its key.
            at: Moment at which it is asked for (UTC).

        Returns:
            The value in force, as text.
        """
        for row in self._stage_policy:
            if row["key"] == key and _in_force(row, at):
                return row["value"]
        return None

    def bounds(self, icp_version: str) -> dict[str, Row]:
        """What an ICP version asks for, by attribute."""
        return {row["attribute"]: row for row in self._icp_profiles if row["icp_version"] == icp_version}

    def touch_types(self, at: datetime) -> dict[str, Row]:
        """The touch types in force at a moment (UTC), by name."""
        return {row["touch_type"]: row for row in self._touch_types if _in_force(row, at)}

    def touch_type(self, name: str, at: datetime) -> Row | None:
        """One touch type as it was at a moment (UTC)."""
        for row in self._touch_types:
            if row["touch_type"] == name and _in_force(row, at):
                return row
        return None

    @cached_property
    def _direction_rules(self) -> list[Row]:
        return self._read("touch_direction_rules")

    @cached_property
    def _stage_policy(self) -> list[Row]:
        return self._read("stage_policy")

    @cached_property
    def _icp_profiles(self) -> list[Row]:
        return self._read("icp_profiles")

    @cached_property
    def _touch_types(self) -> list[Row]:
        return self._read("touch_types")

    def _read(self, table: str) -> list[Row]:
        path = self.folder / f"{table}.csv"
        if not path.is_file():
            return []
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return [
                {name: (cell or "").strip() for name, cell in row.items() if name}
                for row in csv.DictReader(lines)
            ]


def _in_force(row: Row, at: datetime) -> bool:
    starts, ends = row.get("effective_from", ""), row.get("effective_to", "")
    return (not starts or _naive(starts) <= at) and (not ends or at < _naive(ends))


def _naive(text: str) -> datetime:
    from orchestration.moments import parse_moment

    return parse_moment(text).replace(tzinfo=None)
