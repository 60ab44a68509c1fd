"""What a quality page tells of a build's marts: counts, each table read once. No values of persons, no sales.

Rows of every landed table are counted, sales tables too, because every landed row must be accounted for;
nothing else here looks at those.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from orchestration.records import BuildRecord
from orchestration.release import list_releases, open_release, read_candidate
from orchestration.release.database import DATABASE, literal
from orchestration.report.claims import StageClaim, count_claims
from orchestration.report.obstacles import phrase
from orchestration.report.words import split_list
from orchestration.settings import Settings

STAGES = ("suspect", "prospect", "mql", "sql")
_SALES = "deals"
_ALL_CHANNELS = "all channels"
_LISTED_CHANNELS = 40
_LISTED_GROUPS = 100
_FIRST_ROWS = 3


@dataclass(frozen=True)
class TableRows:
    """Reconciliation of one source table and entity."""

    source_system: str
    source_table: str
    entity: str
    landed: int
    accepted: int
    superseded: int
    quarantined: int
    pending: int
    open_quarantined: int
    warning_values: int
    files: int
    latest_observed_at: datetime | None
    latest_row_at: datetime | None

    @property
    def is_conserved(self) -> bool:
        """Whether every landed row is accounted for."""
        return self.landed == self.accepted + self.superseded + self.quarantined + self.pending


@dataclass(frozen=True)
class QuarantineGroup:
    """Quarantined rows of one table, reason and column that share a status."""

    source_system: str
    source_table: str
    entity: str
    reason_code: str
    reason_column: str | None
    status: str
    rows: int
    examples: list[str]

    @property
    def has_more(self) -> bool:
        """Whether there are more rows than the examples name."""
        return self.rows > _FIRST_ROWS


@dataclass(frozen=True)
class ChannelMix:
    """Touches of one system and channel by direction."""

    source_system: str
    channel: str
    inbound: int
    outbound: int
    unclassified: int
    is_total: bool = False

    @property
    def touches(self) -> int:
        """All of them."""
        return self.inbound + self.outbound + self.unclassified


@dataclass(frozen=True)
class Obstacle:
    """What blocks people of one stage."""

    stage: str | None
    words: str
    people: int
    people_in_stage: int


@dataclass(frozen=True)
class MartFacts:
    """The marts of a build, counted.

    Args:
        people: People.
        excluded: Excluded people by reason.
        current: People by current stage; ``None`` for those in no stage.
        funnel: Person-cycles that reached a stage, by stage and source system of the evidence.
        claims: What CRMs claim.
        obstacles: What blocks whom, by stage, most frequent first.
        mix: Touches by system, channel and direction.
        rows: Row reconciliation.
        quarantine: Quarantined rows, most frequent first.
        quarantine_files: Files with the most open quarantined rows.
    """

    people: int
    excluded: list[tuple[str, int]]
    current: dict[str | None, int]
    funnel: dict[str, dict[str, int]]
    claims: list[StageClaim]
    obstacles: list[Obstacle]
    mix: list[ChannelMix]
    rows: list[TableRows]
    quarantine: list[QuarantineGroup]
    quarantine_files: list[tuple[str, int]] = field(default_factory=list)

    @property
    def systems(self) -> list[str]:
        """Source systems that have evidence in the funnel."""
        return sorted({system for counts in self.funnel.values() for system in counts})


def read_facts(settings: Settings, record: BuildRecord) -> MartFacts | None:
    """Count a build's marts.

    Args:
        settings: Where the warehouse lies.
        record: The build.

    Returns:
        The counts, those of the earlier build if this one found nothing new; None if neither a candidate nor
        a release is there.
    """
    build_id = record.unchanged_since or record.build_id
    with _marts(settings, build_id) as connection:
        return _count(connection, build_id) if connection else None


@contextmanager
def _marts(settings: Settings, build_id: str) -> Iterator[duckdb.DuckDBPyConnection | None]:
    if (settings.candidates / build_id / DATABASE).is_file():
        from expectations.catalogue import open_candidate

        spill = settings.build_db.parent / "spill"
        candidate = read_candidate(settings, build_id)
        with open_candidate(
            candidate.path, settings.memory_limit, settings.threads, spill, candidate.shared_files
        ) as connection:
            yield connection
        return
    for release in list_releases(settings):
        if release.build_id == build_id:
            with open_release(settings, release.release_id) as connection:
                yield connection
            return
    yield None


def _count(connection: duckdb.DuckDBPyConnection, build_id: str) -> MartFacts:
    def rows(query: str) -> list[tuple[Any, ...]]:
        # Without parameters: binding one makes DuckDB import pandas, which takes longer than all of this.
        return connection.execute(query).fetchall()

    # Distinct texts are few even where people are many, so they are taken apart here.
    blocked = rows(
        "select current_stage, blocked_by, count(*) from marts.people"
        " where not is_excluded group by all order by all"
    )
    excluded = rows(
        "select coalesce(exclusion_reason, 'policy'), count(*) from marts.people where is_excluded"
        " group by all order by 2 desc, 1"
    )
    current: Counter[str | None] = Counter()
    for stage, _, people in blocked:
        current[stage] += people
    return MartFacts(
        people=sum(current.values()) + sum(people for _, people in excluded),
        excluded=[(str(reason), people) for reason, people in excluded],
        current=dict(current),
        funnel=_funnel(rows),
        claims=count_claims(
            rows(
                "select source_system, claimed_stage, is_claim_proved, missing_for_claim, count(*)"
                " from marts.stage_claims group by all order by all"
            )
        ),
        obstacles=_obstacles(blocked, current),
        mix=_mix(rows),
        rows=[
            TableRows(*row)
            for row in rows(
                "select source_system, source_table, entity, landed_rows, accepted_rows, superseded_rows,"
                " quarantined_rows, pending_rows, open_quarantined_rows, warning_values, files,"
                " latest_observed_at, latest_row_at"
                f" from marts.row_reconciliation where build_id = {literal(build_id)} order by all"
            )
        ],
        quarantine=_quarantine(rows),
        quarantine_files=[
            (file, number)
            for file, number in rows(
                "select source_file, count(*) from marts.quarantine where status = 'open'"
                " group by all order by 2 desc, 1 limit 10"
            )
        ],
    )


def _funnel(rows: Any) -> dict[str, dict[str, int]]:
    query = " union all ".join(
        f"select '{stage}', source_system, count(*) from marts.{stage}s group by all" for stage in STAGES
    )
    found: dict[str, dict[str, int]] = {stage: {} for stage in STAGES}
    for stage, system, number in rows(query):
        found[stage][system or "unknown"] = number
    return found


def _obstacles(blocked: list[tuple[Any, ...]], current: Counter[str | None]) -> list[Obstacle]:
    counts: Counter[tuple[str | None, str]] = Counter()
    for stage, codes, people in blocked:
        for words in {phrase(code) for code in split_list(codes)}:
            counts[stage, words] += people
    ordered = sorted(counts.items(), key=lambda item: (str(item[0][0]), -item[1], item[0][1]))
    return [Obstacle(stage, words, people, current[stage]) for (stage, words), people in ordered]


def _mix(rows: Any) -> list[ChannelMix]:
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for system, channel, direction, number in rows(
        "select source_system, channel, direction, count(*) from marts.touches group by all"
    ):
        found[system, channel][direction] += number
        found[system, _ALL_CHANNELS][direction] += number
    mixes = [
        ChannelMix(
            system,
            channel,
            counts["inbound"],
            counts["outbound"],
            counts["unclassified"],
            is_total=channel == _ALL_CHANNELS,
        )
        for (system, channel), counts in found.items()
    ]
    mixes.sort(key=lambda mix: (mix.source_system, not mix.is_total, -mix.touches, mix.channel))
    return [
        mix for system in sorted({mix.source_system for mix in mixes}) for mix in _shortened(system, mixes)
    ]


def _shortened(system: str, mixes: list[ChannelMix]) -> list[ChannelMix]:
    own = [mix for mix in mixes if mix.source_system == system]
    shown, rest = own[:_LISTED_CHANNELS], own[_LISTED_CHANNELS:]
    if not rest:
        return shown
    return [
        *shown,
        ChannelMix(
            system,
            f"{len(rest):,} more channels",
            sum(mix.inbound for mix in rest),
            sum(mix.outbound for mix in rest),
            sum(mix.unclassified for mix in rest),
        ),
    ]


def _quarantine(rows: Any) -> list[QuarantineGroup]:
    found = rows(
        f"""
        with placed as (
            select
                *,
                row_number() over (
                    partition by source_system, source_table, entity, reason_code, reason_column, status
                    order by source_file, source_row
                ) as place
            from marts.quarantine
        )
        select
            source_system, source_table, entity, reason_code, reason_column, status, count(*),
            list({{'file': source_file, 'row': source_row}} order by place)
                filter (where place <= {_FIRST_ROWS})
        from placed
        group by source_system, source_table, entity, reason_code, reason_column, status
        order by status <> 'open', 7 desc, source_system, source_table, reason_code
        limit {_LISTED_GROUPS}
        """
    )
    return [QuarantineGroup(*(*row[:7], _places(row[7] or []))) for row in found]


def _places(examples: list[dict[str, Any]]) -> list[str]:
    by_file: dict[str, list[str]] = {}
    for example in examples:
        by_file.setdefault(example["file"], []).append(str(example["row"]))
    return [f"{file}:{', '.join(rows)}" for file, rows in by_file.items()]


def without_sales(rows: list[TableRows]) -> list[TableRows]:
    """Leave the sales tables out: how fresh they are says nothing about the funnel."""
    return [row for row in rows if row.entity != _SALES]
