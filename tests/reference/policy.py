"""The policy tables of section 3, read from a seeds folder, and which of their rows is in force when.

What the rows are applied to does not belong here.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.reference.values import as_flag, as_number, as_time, trimmed

PolicyRow = Mapping[str, str | None]

DIRECTION_CONTEXT = (
    "channel",
    "touch_type",
    "placement",
    "keyword_intent",
    "audience_consent",
    "content_fit",
    "initiated_by",
)


@dataclass(frozen=True)
class Period:
    """Section 3: ``effective_from`` (null = since ever) and ``effective_to`` (excluded; null = open)."""

    start: datetime | None
    end: datetime | None

    def holds(self, moment: datetime) -> bool:
        """Whether the row is in force at a moment."""
        return (self.start is None or self.start <= moment) and (self.end is None or moment < self.end)


@dataclass(frozen=True)
class TouchType:
    """A row of ``touch_types``."""

    code: str
    actor: str
    is_response: bool
    is_hand_raise: bool
    is_opt_out: bool
    grants_permission: bool
    points: float
    max_scored_per_cycle: float | None
    period: Period


@dataclass(frozen=True)
class DirectionRule:
    """A row of ``touch_direction_rules``; ``wanted`` leaves out the cells that match anything."""

    priority: float
    rule_id: str
    wanted: Mapping[str, str]
    direction: str
    permission: str
    period: Period


@dataclass(frozen=True)
class Requirement:
    """A row of ``context_requirements``."""

    direction: str
    field: str
    is_required: bool
    period: Period


@dataclass(frozen=True)
class Condition:
    """What a row of ``icp_profiles`` or ``segment_rules`` asks of one attribute."""

    attribute: str
    operator: str
    allowed: frozenset[str]
    minimum: float | None
    maximum: float | None
    is_required: bool = True


@dataclass(frozen=True)
class IcpVersion:
    """A version of ``icp_profiles``."""

    name: str
    effective_from: datetime
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class SegmentRule:
    """A row of ``segment_rules``."""

    priority: float
    segment: str
    condition: Condition
    period: Period


@dataclass(frozen=True)
class StageRow:
    """A row of ``stage_policy``."""

    key: str
    value: str
    period: Period


@dataclass(frozen=True)
class StageValues:
    """The values of ``stage_policy`` that govern something, and the rows they come from."""

    mql_min_score: float
    score_half_life_days: float
    dormancy_days: float
    response_window_days: float
    hand_raise_qualifies: bool
    max_contacts_per_address: float
    rows: tuple[StageRow, ...]


@dataclass(frozen=True)
class Exclusion:
    """A row of ``exclusions``."""

    kind: str
    pattern: str
    reason: str


@dataclass(frozen=True)
class Policy:
    """All policy tables that the reference needs."""

    touch_types: Mapping[str, tuple[TouchType, ...]]
    direction_rules: tuple[DirectionRule, ...]
    requirements: tuple[Requirement, ...]
    icp_versions: tuple[IcpVersion, ...]
    segment_rules: tuple[SegmentRule, ...]
    stage_rows: Mapping[str, tuple[StageRow, ...]]
    seniority_rules: tuple[tuple[re.Pattern[str], str], ...]
    registry: Mapping[tuple[str, str], tuple[PolicyRow, ...]]
    exclusions: tuple[Exclusion, ...]
    shared_mailboxes: frozenset[str]

    def touch_type(self, code: str, moment: datetime) -> TouchType | None:
        """Section 3: the row of a touch type in force at a moment."""
        return next((row for row in self.touch_types.get(code, ()) if row.period.holds(moment)), None)

    def direction_rule(self, context: Mapping[str, str | None], moment: datetime) -> DirectionRule | None:
        """Section 3: the lowest priority number that matches wins; none gives null."""
        for rule in self.direction_rules:
            if rule.period.holds(moment) and all(
                context[name] == value for name, value in rule.wanted.items()
            ):
                return rule
        return None

    def wanted_fields(self, direction: str, moment: datetime) -> list[Requirement]:
        """Section 3: the fields that are wanted or required for a direction at a moment."""
        return [row for row in self.requirements if row.direction == direction and row.period.holds(moment)]

    def icp_version(self, moment: datetime) -> IcpVersion | None:
        """Section 3: the version with the latest ``effective_from <= t``; null before the first."""
        begun = [version for version in self.icp_versions if version.effective_from <= moment]
        return max(begun, key=lambda version: version.effective_from, default=None)

    def segments(self, moment: datetime) -> dict[str, list[Condition]]:
        """Section 3: the conditions of each segment in force at a moment, by priority."""
        segments: dict[str, list[Condition]] = defaultdict(list)
        for rule in self.segment_rules:
            if rule.period.holds(moment):
                segments[rule.segment].append(rule.condition)
        return dict(segments)

    def stage_values(self, moment: datetime) -> StageValues:
        """Section 3 and ADR 0004: values in force at a moment; the first row of a key is open to the past."""
        rows = {}
        for key, versions in self.stage_rows.items():
            before = [row for row in versions if row.period.start is None or row.period.start <= moment]
            rows[key] = next((row for row in versions if row.period.holds(moment)), None) or (
                before[-1] if before else versions[0]
            )
        return StageValues(
            mql_min_score=float(rows["mql_min_score"].value),
            score_half_life_days=float(rows["score_half_life_days"].value),
            dormancy_days=float(rows["dormancy_days"].value),
            response_window_days=float(rows["response_window_days"].value),
            hand_raise_qualifies=_flag(rows["hand_raise_qualifies"].value),
            max_contacts_per_address=float(rows["max_contacts_per_address"].value),
            rows=tuple(rows[key] for key in sorted(rows)),
        )

    def seniority_of(self, job_title: str | None) -> str | None:
        """Section 3: by the lowest priority number whose pattern is found in the title."""
        if job_title is None:
            return None
        title = job_title.lower()
        return next((seniority for pattern, seniority in self.seniority_rules if pattern.search(title)), None)


def pattern_of(text: str) -> re.Pattern[str]:
    """Section 3: RE2 syntax, found anywhere, case-insensitive; texts are to be searched lower-cased.

    RE2's ``\\b`` and ``\\w`` know ASCII only, hence the flag; lower-casing the text makes up for what
    the flag takes from case-insensitivity.
    """
    return re.compile(text, re.IGNORECASE | re.ASCII)


def read_policy(folder: Path) -> Policy:
    """Read the tables of section 3 from a seeds folder."""
    stage_rows: dict[str, list[StageRow]] = defaultdict(list)
    for row in _rows(folder, "stage_policy"):
        stage_rows[_text(row, "key")].append(StageRow(_text(row, "key"), _text(row, "value"), _period(row)))
    touch_types: dict[str, list[TouchType]] = defaultdict(list)
    for row in _rows(folder, "touch_types"):
        touch_types[_text(row, "touch_type")].append(
            TouchType(
                code=_text(row, "touch_type"),
                actor=_text(row, "actor"),
                is_response=_flag(_text(row, "is_response")),
                is_hand_raise=_flag(_text(row, "is_hand_raise")),
                is_opt_out=_flag(_text(row, "is_opt_out")),
                grants_permission=_flag(_text(row, "grants_permission")),
                points=float(_text(row, "points")),
                max_scored_per_cycle=_number(row, "max_scored_per_cycle"),
                period=_period(row),
            )
        )
    registry: dict[tuple[str, str], list[PolicyRow]] = defaultdict(list)
    for row in _rows(folder, "campaign_registry"):
        registry[(_text(row, "source_system"), _text(row, "campaign_id"))].append(row)
    return Policy(
        touch_types={code: tuple(rows) for code, rows in touch_types.items()},
        direction_rules=_direction_rules(folder),
        requirements=tuple(
            Requirement(
                _text(row, "direction"), _text(row, "field"), _flag(_text(row, "is_required")), _period(row)
            )
            for row in _rows(folder, "context_requirements")
        ),
        icp_versions=_icp_versions(folder),
        segment_rules=tuple(
            sorted(
                (
                    SegmentRule(
                        float(_text(row, "priority")),
                        _text(row, "segment_name"),
                        _condition(row),
                        _period(row),
                    )
                    for row in _rows(folder, "segment_rules")
                ),
                key=lambda rule: rule.priority,
            )
        ),
        stage_rows={
            key: tuple(sorted(rows, key=lambda row: row.period.start or datetime.min))
            for key, rows in stage_rows.items()
        },
        seniority_rules=tuple(
            (pattern_of(_text(row, "job_title_pattern")), _text(row, "seniority"))
            for row in sorted(_rows(folder, "seniority_rules"), key=lambda row: float(_text(row, "priority")))
        ),
        registry={
            key: tuple(sorted(rows, key=lambda row: registered_at(row))) for key, rows in registry.items()
        },
        exclusions=tuple(
            Exclusion(_text(row, "kind"), _text(row, "pattern"), _text(row, "reason"))
            for row in _rows(folder, "exclusions")
        ),
        shared_mailboxes=frozenset(_text(row, "local_part") for row in _rows(folder, "shared_mailboxes")),
    )


def registered_at(row: PolicyRow) -> datetime:
    """When a row of ``campaign_registry`` begins to fill in."""
    return _time(_text(row, "registered_at"))


def _direction_rules(folder: Path) -> tuple[DirectionRule, ...]:
    rules = [
        DirectionRule(
            priority=float(_text(row, "priority")),
            rule_id=_text(row, "rule_id"),
            wanted={
                name: _text(row, name).lower()
                for name in (*DIRECTION_CONTEXT, "has_prior_permission")
                if _text(row, name) != "*"
            },
            direction=_text(row, "direction"),
            permission=_text(row, "permission"),
            period=_period(row),
        )
        for row in _rows(folder, "touch_direction_rules")
    ]
    return tuple(sorted(rules, key=lambda rule: rule.priority))


def _icp_versions(folder: Path) -> tuple[IcpVersion, ...]:
    rows: dict[str, list[PolicyRow]] = defaultdict(list)
    for row in _rows(folder, "icp_profiles"):
        rows[_text(row, "icp_version")].append(row)
    return tuple(
        IcpVersion(name, _time(_text(of_version[0], "effective_from")), tuple(map(_condition, of_version)))
        for name, of_version in rows.items()
    )


def _rows(folder: Path, table: str) -> Iterable[PolicyRow]:
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as lines:
        return [{name: trimmed(value) for name, value in row.items()} for row in csv.DictReader(lines)]


def _text(row: PolicyRow, column: str) -> str:
    value = row[column]
    if value is None:
        raise ValueError(f"policy: {column} is blank in {dict(row)}")
    return value


def _time(text: str) -> datetime:
    moment = as_time(text)
    if moment is None:
        raise ValueError(f"policy: {text} is no time")
    return moment


def _flag(text: str) -> bool:
    flag = as_flag(text)
    if flag is None:
        raise ValueError(f"policy: {text} is neither true nor false")
    return flag


def _number(row: PolicyRow, column: str) -> float | None:
    text = row[column]
    return None if text is None else as_number(text)


def _period(row: PolicyRow) -> Period:
    start, end = row["effective_from"], row["effective_to"]
    return Period(None if start is None else _time(start), None if end is None else _time(end))


def _condition(row: PolicyRow) -> Condition:
    return Condition(
        attribute=_text(row, "attribute"),
        operator=_text(row, "operator"),
        allowed=frozenset(
            part.strip().lower() for part in (row["allowed_values"] or "").split("|") if part.strip()
        ),
        minimum=_number(row, "min_value"),
        maximum=_number(row, "max_value"),
        is_required=_flag(row.get("is_required") or "true"),
    )
